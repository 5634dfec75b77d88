"""Where is this call: its directory, config and project."""
