"""All that serving over stdio imports and makes once, for the fork server whose copies are servers at once."""

from __future__ import annotations

from importlib import import_module

import anyio

from workflow_mcp.server.build import build_server
from workflow_mcp.settings import load_settings

import_module("workflow_mcp.transports.stdio.serve")
anyio.run(build_server(load_settings()).list_tools)
