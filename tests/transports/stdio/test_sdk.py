"""Python's SDK as a client of windows: it does with the answers of a memo what it does with the server's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from tests.clients.stdio import environment
from tests.support import posix_only
from tests.transports.stdio.talks import LISTS
from tests.transports.stdio.test_opening import LOADED, work_in

pytestmark = posix_only


async def look_around(home: Path, mode: Any, log: Path) -> tuple[list[str], bool]:
    """What a client is told that only opens and lists, and whether a server was loaded for it."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    transport = StdioTransport(
        sys.executable, ["-m", "workflow_mcp"], env=env, cwd=str(work_in(home)), keep_alive=False, log_file=log
    )
    async with Client(transport, mode=mode) as client:
        listed = (
            await client.list_tools(),
            await client.list_prompts(),
            await client.list_resources(),
            await client.list_resource_templates(),
        )
        told = [one.model_dump_json() for some in listed for one in some]
    return told, LOADED in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_sdk_is_told_the_same(mode: Any, home: Path) -> None:
    """Its first window loads the server and makes the memo, its second is answered from that."""
    first, second = [await look_around(home, mode, home / f"log{number}") for number in range(2)]
    assert len(first[0]) > len(LISTS)
    assert (first[1], second) == (True, (first[0], False))
