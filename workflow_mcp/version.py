"""The package's version; its one source is the package's metadata."""

from importlib.metadata import version

__version__ = version("workflow-mcp")
