"""A project's work as a document, a diagram or a table. Pure."""
