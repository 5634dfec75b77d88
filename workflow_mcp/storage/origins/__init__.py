"""Where items that were imported from other programs come from."""
