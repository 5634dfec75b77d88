"""Rows of repositories."""
