"""Clients that show MCP Apps, and those that do not: each gets its own lists, with and without a memo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.clients.processes import SERVER
from tests.clients.protocol import MODERN, SHOWS_APPS, Era
from tests.clients.stdio import Wire, environment
from tests.support import posix_only
from tests.transports.stdio.conftest import open_whole
from tests.transports.stdio.talks import Answers, Said, Windows, as_json, opening_of
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


def loaded(home: Path, era: Era, *, shows_apps: bool) -> tuple[str, Any]:
    """What a server has imported after a client's opening, and the lists in that."""
    command = ("-X", "importtime", "-m", "workflow_mcp")
    with Wire(home, environment(home, WORKFLOW_MCP_MEMO="off"), era, command=command) as wire:
        wire.shows_apps = shows_apps
        lists = open_whole(wire)
        wire.end()
        return wire.log, lists


def test_the_board_is_loaded_for_those_who_show_it(tmp_path: Path) -> None:
    """Not at the start, nor for the lists of others."""
    log, _ = loaded(tmp_path, "legacy", shows_apps=False)
    assert "workflow_mcp.transports.board_app" in log
    assert "workflow_mcp.board" not in log
    log, (_, tools, _, resources, _) = loaded(tmp_path, MODERN, shows_apps=True)
    assert "workflow_mcp.board.in_process" in log
    assert "key_value" not in log
    assert tuple(tool["name"] for tool in tools["tools"][-2:]) == BOARD_TOOLS
    assert resources["resources"][-1]["uri"] == BOARD_PAGE


def with_apps(conversation: Sequence[Said]) -> list[Said]:
    """The same said by a client that shows apps."""
    nothing, declared = b'apabilities": {}', b'apabilities": ' + as_json({"extensions": SHOWS_APPS})
    return [Said(tuple(line.replace(nothing, declared) for line in said.lines)) for said in conversation]


@posix_only
def test_a_memo_keeps_both_apart(era: Era, windows: Windows) -> None:
    """Either is answered from it as without it, in whatever order they come; what is asked names what is declared."""
    plain, host = opening_of(era), with_apps(opening_of(era))
    assert plain[0] != host[0]
    alone: list[list[Answers]] = [windows.hold(plain), windows.hold(host)]
    assert [BOARD_TOOLS[0] in str(answers) for answers in alone] == [False, True]
    cache = windows.new_cache()
    assert [windows.hold(one, cache) for one in (plain, host, plain, host)] == alone * 2
    assert windows.memo(cache).count() > len(plain[1].lines) * 2
