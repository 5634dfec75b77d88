"""Tools that fail in every way there is; run as a module, a host that mounts us with them over stdio."""

from __future__ import annotations

from fastmcp import FastMCP
from fastmcp.dependencies import Depends

from workflow_mcp import CurrentWorkspace, WorkflowError, Workspace, build_server

SECRET = "hunter2"


def refuse() -> str:
    """Fail as a tool of ours does."""
    raise WorkflowError("MADE_UP", "a made-up refusal.", "nothing.")


def explode() -> str:
    """Fail unexpectedly."""
    raise RuntimeError(SECRET)


def refuse_in_dependency(value: str = Depends(refuse)) -> str:
    """Fail before the body."""
    return value


def explode_in_dependency(value: str = Depends(explode)) -> str:
    """Fail before the body, unexpectedly."""
    return value


def add_failing_tools(server: FastMCP) -> None:
    """Add the tools to a server."""
    for tool in (refuse, explode, refuse_in_dependency, explode_in_dependency):
        server.tool(tool)


if __name__ == "__main__":
    server, host = build_server(), FastMCP("host")  # type: FastMCP, FastMCP
    add_failing_tools(server)
    ran: list[None] = []

    @server.tool
    def note(workspace: Workspace = CurrentWorkspace()) -> str:
        """Count how often the body runs."""
        ran.append(None)
        return f"{len(ran)} {workspace.directory}"

    host.mount(server)
    host.run(show_banner=False)
