"""Our command line, whose servers also have tools that fail: `python failing_server.py [serve --http …]`."""

from __future__ import annotations

from typing import Any

from fastmcp import FastMCP

from tests.server.failing_host import add_failing_tools
from workflow_mcp.__main__ import main
from workflow_mcp.server import catalog

register = catalog.register


def register_both(server: FastMCP, **options: Any) -> None:
    """Add our tools and those that fail."""
    register(server, **options)
    add_failing_tools(server)


if __name__ == "__main__":
    catalog.register = register_both
    main()
