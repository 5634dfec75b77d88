"""The row of a project."""
