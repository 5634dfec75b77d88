"""Clients that show MCP Apps, and those that do not: each gets its own lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.clients.agents import make_project
from tests.clients.processes import SERVER
from tests.clients.protocol import MODERN, Era
from tests.clients.stdio import Wire, environment
from tests.transports.stdio.conftest import open_whole
from workflow_mcp.server.catalog import BOARD_PAGE, BOARD_TOOLS

WITHOUT_APP = """
from fastmcp.server.transforms import Transform
from workflow_mcp.transports.stdio import serve
serve.BoardApp = Transform
from workflow_mcp.__main__ import main
main()
"""


def told(home: Path, era: Era, command: Sequence[str]) -> bytes:
    """Every byte that a client without apps is told in its opening."""
    with Wire(home, environment(home, WORKFLOW_MCP_MEMO="off"), era, command=command) as wire:
        open_whole(wire)
        wire.end()
        return bytes(wire.out)


def test_who_shows_no_apps_gets_the_bytes_of_a_server_without_one(era: Era, tmp_path: Path) -> None:
    """Claude Code, for one: the board adds nothing to what its model reads."""
    script = tmp_path / "without_app.py"
    script.write_text(WITHOUT_APP)
    (tmp_path / "home").mkdir()
    assert told(tmp_path / "home", era, SERVER) == told(tmp_path / "home", era, ["-W", "error", str(script)])


def look_at_the_board(wire: Wire, home: Path) -> None:
    """Show it, and do what its page does."""
    wire.call("set_working_directory", directory=str(make_project(home, "shop")))
    begin = wire.call("show_board")
    assert begin.text.startswith("project: shop | 0 backlog")
    path = f"projects/{begin.data['project']}"
    made = wire.call("board_request", path=f"{path}/items", body={"title": "Shelf"}).data
    assert made["answer"]["item"]["title"] == "Shelf"
    assert wire.call("board_request", path=f"{path}/changes?after=0").data["answer"] == {"event": 1, "items": [1]}


def loaded(home: Path, era: Era, *, shows_apps: bool) -> tuple[str, Any]:
    """What a server has imported after a client's opening, and the lists in that."""
    command = ("-W", "error", "-X", "importtime", "-m", "workflow_mcp")
    with Wire(home, environment(home, WORKFLOW_MCP_MEMO="off"), era, command=command) as wire:
        wire.shows_apps = shows_apps
        lists = open_whole(wire)
        if shows_apps:
            look_at_the_board(wire, home)
        wire.end()
        return wire.log, lists


def test_the_board_is_loaded_for_those_who_show_it(tmp_path: Path) -> None:
    """Not at the start, nor for the lists of others; and the process ends as well after it was used."""
    log, _ = loaded(tmp_path, "legacy", shows_apps=False)
    assert "workflow_mcp.transports.board_app" in log
    assert "workflow_mcp.board" not in log
    log, (_, tools, _, resources, _) = loaded(tmp_path, MODERN, shows_apps=True)
    assert "workflow_mcp.board.in_process" in log
    assert "key_value" not in log
    assert tuple(tool["name"] for tool in tools["tools"][-2:]) == BOARD_TOOLS
    assert resources["resources"][-1]["uri"] == BOARD_PAGE
