"""A host with one tool of its own that always knows the caller's workspace, and with all tools of ours mounted.

uv run examples/plugin_host/plugin_host.py          # tries itself out
uv run examples/plugin_host/plugin_host.py --serve  # serves over stdio
"""

import asyncio
import sys
from pathlib import Path

from fastmcp import Client, FastMCP

from workflow_mcp import CurrentWorkspace, Workspace, build_server, workflow_lifespan

host = FastMCP("mine", lifespan=workflow_lifespan)
host.mount(build_server(), namespace="workflow")


@host.tool
def notes(workspace: Workspace = CurrentWorkspace()) -> list[str]:
    """The Markdown files at the top of the directory the caller works in."""
    return sorted(path.name for path in Path(workspace.directory or "").glob("*.md"))


async def try_out() -> int:
    """Ask for the notes of this very directory, in both protocol eras."""
    here = Path(__file__).resolve().parent
    for mode in ("auto", "legacy"):
        async with Client(host, mode=mode, roots=[here.as_uri()]) as client:
            found = (await client.call_tool("notes")).data
            told = (await client.call_tool("workflow_get_working_directory")).structured_content or {}
            print(f"{mode}: {found} in {told['directory']} (known from {told['directory_source']})")
            if found != ["README.md"] or told["directory"] != str(here):
                return 1
    return 0


if __name__ == "__main__":
    if "--serve" in sys.argv:
        host.run(show_banner=False)
    else:
        sys.exit(asyncio.run(try_out()))
