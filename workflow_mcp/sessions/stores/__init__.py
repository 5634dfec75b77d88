"""Stores in which sessions outlive their process."""
