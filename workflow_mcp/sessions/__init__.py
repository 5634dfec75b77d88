"""Whose call is this."""
