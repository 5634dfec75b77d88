"""Whatever says that it only reads changes nothing: no config, no data directory, no file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import PROJECT, make_project
from tests.clients.protocol import Era
from tests.clients.stdio import Wire, environment

ARGUMENTS: dict[str, dict[str, Any]] = {"get_work_item": {"id": 1}}


def state_of(base: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Everything below a folder: which file it is, when it was changed, and what is in it."""
    return {
        str(path.relative_to(base)): (status.st_ino, status.st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in base.rglob("*")
        for status in [path.stat()]
    }


def read_everything(wire: Wire) -> None:
    """Call every tool that is said to read, read every resource, and get every prompt."""
    reading = [tool["name"] for tool in wire.request("tools/list")["tools"] if tool["annotations"]["readOnlyHint"]]
    assert "list_work_items" in reading
    for name in reading:
        assert wire.call(name, **ARGUMENTS.get(name, {})).code in ("", "ITEM_NOT_FOUND")
    uris = [one["uri"] for one in wire.request("resources/list")["resources"]]
    for uri in [*uris, "workflow://work-items/1"]:
        wire.exchange("resources/read", {"uri": uri})
    for prompt in wire.request("prompts/list")["prompts"]:
        arguments = {one["name"]: "a goal" for one in prompt["arguments"]}
        wire.request("prompts/get", {"name": prompt["name"], "arguments": arguments})


@pytest.mark.parametrize("keys", [{}, {"with_id": False}, {"with_id": False, "dry_run": True}], ids=str)
def test_reading_changes_nothing(era: Era, tmp_path: Path, keys: dict[str, Any]) -> None:
    """In a project that nobody has worked in yet all can be read: it is empty, and no byte on disk is another."""
    folder = make_project(tmp_path, PROJECT, **keys)
    before = state_of(tmp_path)
    # What a server answers when a client opens it is kept in the user's cache, whatever is asked later.
    with Wire(folder, environment(tmp_path) | {"WORKFLOW_MCP_MEMO": "off"}, era) as wire:
        wire.open()
        read_everything(wire)
        assert wire.call("list_work_items", view="all").text == (
            f"project: {PROJECT} | 0 ready, 0 in progress, 0 blocked, 0 done of 0 | 0 shown"
        )
        assert state_of(tmp_path) == before
    assert state_of(tmp_path) == before


def test_reading_an_item_touches_no_lease(era: Era, tmp_path: Path) -> None:
    """What an item is, its lease and its history are the same however often it is read."""
    folder = make_project(tmp_path, PROJECT)
    with Wire(folder, environment(tmp_path), era) as wire:
        wire.open()
        wire.call("create_work_items", items=[{"title": "one"}])
        wire.call("claim_work_item", actor="ana")
        before = wire.call("get_work_item", id=1).data
        read_everything(wire)
        mine = wire.call("list_work_items", view="mine", actor="ana").text
        assert re.search(r"@ana, 5\dm left$", mine), mine
        assert wire.call("get_work_item", id=1).data == before
