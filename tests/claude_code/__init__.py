"""Tests of what `workflow_mcp/claude_code` holds."""
