"""Rows of links between work items."""
