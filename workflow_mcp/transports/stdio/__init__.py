"""Serving one client over stdio."""
