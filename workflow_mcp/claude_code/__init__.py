"""The Claude Code plugin, and what its hooks and status line run."""
