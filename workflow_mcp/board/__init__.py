"""The board: a web page that shows a project's work as it happens, and its JSON interface."""
