"""Rows of work items."""
