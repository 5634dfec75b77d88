"""An MCP server that always knows whose call this is, in which directory, for which project."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from workflow_mcp.errors import WorkflowError as WorkflowError
    from workflow_mcp.server.build import build_server as build_server
    from workflow_mcp.server.dependencies import CurrentWorkspace as CurrentWorkspace
    from workflow_mcp.server.lifespan import workflow_lifespan as workflow_lifespan
    from workflow_mcp.session_context import SessionContext as SessionContext
    from workflow_mcp.session_context import SessionContextManager as SessionContextManager
    from workflow_mcp.session_context import get_session_context_manager as get_session_context_manager
    from workflow_mcp.settings import Settings as Settings
    from workflow_mcp.workspace.values import Workspace as Workspace

_HOMES = {
    "CurrentWorkspace": "server.dependencies",
    "SessionContext": "session_context",
    "SessionContextManager": "session_context",
    "Settings": "settings",
    "WorkflowError": "errors",
    "Workspace": "workspace.values",
    "build_server": "server.build",
    "get_session_context_manager": "session_context",
    "workflow_lifespan": "server.lifespan",
}

__all__ = sorted([*_HOMES, "__version__"])  # noqa: PLE0605 - one list of names, imported when first used


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("workflow-mcp")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
