"""Rows of events and notes."""
