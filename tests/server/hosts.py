"""The servers whose isolation is tested: ours, ours inside another, and another with our workspace in its own tool.

`python hosts.py KIND` serves one over stdio.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastmcp import FastMCP
from pydantic import Field

from workflow_mcp import CurrentWorkspace, Settings, Workspace, build_server, workflow_lifespan

Host = Literal["direct", "mounted", "own", "both"]


def direct(settings: Settings | None = None) -> FastMCP:
    """Our server itself."""
    return build_server(settings)


def mounted(settings: Settings | None = None) -> FastMCP:
    """A host that has ours mounted."""
    host: FastMCP = FastMCP("host")
    host.mount(build_server(settings))
    return host


def own(_settings: Settings | None = None) -> FastMCP:
    """A host that has none of our tools, but our workspace in a tool of its own."""
    host: FastMCP = FastMCP("host", lifespan=workflow_lifespan)

    @host.tool
    async def get_working_directory(
        session: Annotated[str | None, Field(description="A handle.")] = None,
        workspace: Workspace = CurrentWorkspace(required=False),
    ) -> dict[str, Any]:
        project = workspace.project
        return {
            "directory": workspace.directory,
            "directory_source": workspace.directory_source,
            "project": None if project is None else {"id": project.id, "name": project.name},
        }

    return host


def both(settings: Settings | None = None) -> FastMCP:
    """That host with ours mounted too, so that what our tools set is what its own tool has to go by."""
    host = own()
    host.mount(build_server(settings), namespace="workflow")
    return host


HOSTS: dict[Host, Callable[[Settings | None], FastMCP]] = {
    "direct": direct,
    "mounted": mounted,
    "own": own,
    "both": both,
}

if __name__ == "__main__":
    kind: Any = sys.argv[1]
    HOSTS[kind](None).run("stdio", show_banner=False, log_level="ERROR")
