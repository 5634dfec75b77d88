"""A host that mounts us, with tools that fail in every way there is; served over stdio by a test."""

from __future__ import annotations

from fastmcp import FastMCP
from fastmcp.dependencies import Depends

from workflow_mcp import CurrentWorkspace, WorkflowError, Workspace, build_server

server = build_server()
host: FastMCP = FastMCP("host")
ran: list[None] = []


def refuse() -> str:
    """Fail as a tool of ours does."""
    raise WorkflowError("MADE_UP", "a made-up refusal.", "nothing.")


def explode() -> str:
    """Fail as nobody expected."""
    raise RuntimeError("hunter2")


@server.tool
def refuse_in_dependency(value: str = Depends(refuse)) -> str:
    """Fail before the body."""
    return value


@server.tool
def explode_in_dependency(value: str = Depends(explode)) -> str:
    """Fail before the body, unexpectedly."""
    return value


@server.tool
def note(workspace: Workspace = CurrentWorkspace()) -> str:
    """Count how often the body runs."""
    ran.append(None)
    return f"{len(ran)} {workspace.directory}"


if __name__ == "__main__":
    server.tool(refuse)
    server.tool(explode)
    host.mount(server)
    host.run(show_banner=False)
