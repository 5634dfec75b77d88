"""Serving many clients over HTTP."""
