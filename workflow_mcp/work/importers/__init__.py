"""Importers: from what other programs wrote to work items, a module for each format. Pure."""
