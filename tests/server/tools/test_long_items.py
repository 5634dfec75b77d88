"""Items that are longer than an answer may be: what is cut, and how to read on."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import Agent, agent_on, make_project
from tests.clients.protocol import Era
from tests.clients.stdio import Wire, environment
from workflow_mcp.cli import details
from workflow_mcp.server.fitting import MAX_ANSWER_BYTES, MAX_TEXT_BYTES, size_of
from workflow_mcp.work.lines import text_size

READ_ON = re.compile(r"\n… (\d+) more characters: get_work_item\((.*)\)$")
LETTERS = ["x", "🚀", '"', "\x01", "\U000e0041"]
LONG_NAME = "名" * 100


def read_on(text: str) -> tuple[str, dict[str, int] | None]:
    """A text without the words that say where it goes on, and the arguments of the call that reads on."""
    found = READ_ON.search(text)
    if found is None:
        return text, None
    pairs = (pair.split("=") for pair in found[2].split(", "))
    return text[: found.start()], {name: int(value) for name, value in pairs}


async def whole(agent: Agent, arguments: dict[str, int] | None, where: str) -> str:
    """A text that is read to its end, call by call as each answer says; `where` is description or notes."""
    parts: list[str] = []
    while arguments is not None:
        data = await agent.data("get_work_item", **arguments)
        text = data["item"]["description"] if where == "description" else data["notes"][-1].partition(": ")[2]
        part, arguments = read_on(text)
        assert part, "every call gets on"
        parts.append(part)
    return "".join(parts)


async def entries(agent: Agent, field: str) -> list[str]:
    """All criteria or evidence of item 8, call by call as each answer says."""
    found: list[str] = []
    arguments: dict[str, int] | None = {"id": 8}
    while arguments is not None:
        lines = (await agent.data("get_work_item", **arguments))["item"][field]
        more = re.fullmatch(r"… (?:and \d+ more): get_work_item\(id=8, entry=(\d+)\)", lines[-1])
        arguments = None if more is None else {"id": 8, "entry": int(more[1])}
        lines = lines if more is None else lines[:-1]
        assert lines, "every call gets on"
        found += lines
    return found


async def crowded(agent: Agent, letter: str) -> None:
    """Item 8, seven levels down, with as much of everything as can be."""
    line = letter if letter.isprintable() else '"'
    text = letter * 19_900
    for parent in (None, 1, 2, 3, 4, 5, 6, 7):
        labels = [f"{number:02}{line * 48}" for number in range(20)]
        above = {} if parent is None else {"parent": parent}
        item = {"title": line * 200, "description": f"begin {text} end", "labels": labels, **above}
        item["acceptance"] = [f"{number:02}{line * 298}" for number in range(20)]
        await agent.told("create_work_items", items=[item], actor=LONG_NAME)
    evidence = [f"{number:02}{line * 298}" for number in range(20)]
    await agent.told("update_work_items", updates=[{"id": 8, "evidence": evidence}], actor=LONG_NAME)
    for number in range(25):
        await agent.told("update_work_items", updates=[{"id": 8, "note": f"{number} {text} end"}], actor=LONG_NAME)
    links = [{"title": line * 200, "depends_on": [8]} for _ in range(100)]
    await agent.told("create_work_items", items=links)
    await agent.data("claim_work_item", id=8, actor=LONG_NAME)


@pytest.mark.parametrize("letter", LETTERS)
async def test_no_answer_about_an_item_is_longer_than_20_kb(tmp_path: Path, letter: str) -> None:
    """As an answer and as a resource, of the longest of everything however it is written."""
    folder = make_project(tmp_path, (letter if letter.isprintable() else '"') * 255, folder="d" * 200)
    async with agent_on(tmp_path, folder) as agent:
        await crowded(agent, letter)
        calls: list[dict[str, int]] = [{}, {"start": 5000}, {"note": 25}, {"note": 1, "start": 7}, {"start": 30_000}]
        for arguments in calls:
            answer = await agent.call("get_work_item", id=8, **arguments)
            assert not answer.is_error, answer.text
            assert text_size(answer.text) <= MAX_TEXT_BYTES, arguments
        assert text_size(await agent.peer.read("workflow://work-items/8")) <= MAX_TEXT_BYTES
        claimed = await agent.data("claim_work_item", id=8, actor=LONG_NAME)
        assert size_of(claimed) <= MAX_TEXT_BYTES
        for field in ("acceptance", "evidence"):
            assert len({line[-300:-298] for line in await entries(agent, field)}) == 20


def test_no_answer_takes_more_than_20_kb_on_the_wire(tmp_path: Path, era: Era) -> None:
    """An item is sent once, and the bytes of the whole line count, with all that JSON escapes in it, once or twice."""
    folder = make_project(tmp_path, '"' * 255)
    with Wire(folder, environment(tmp_path), era=era) as wire:
        wire.open()

        def size(method: str, **params: Any) -> int:
            before = len(wire.out)
            wire.request(method, params)
            return len(wire.out) - before

        def call(tool: str, **arguments: Any) -> int:
            return size("tools/call", name=tool, arguments=arguments)

        texts = {"title": '"' * 200, "description": "\\" * 19_900}
        sizes = [call("create_work_items", items=[texts] * 100)]
        sizes += [call("update_work_items", updates=[{"id": one, "note": '"' * 9_000} for one in range(1, 101)])]
        sizes += [call("get_work_item", id=1), call("list_work_items", limit=200)]
        sizes += [size("resources/read", uri=uri) for uri in ("workflow://work-items/1", "workflow://ready")]
        sizes += [call("claim_work_item", id=1), call("delete_work_items", ids=list(range(2, 101)))]
    assert max(sizes) <= MAX_ANSWER_BYTES
    created, *others = sizes
    assert created < 1_000, "of so many created items the ids alone are told"
    assert min(others) > MAX_ANSWER_BYTES // 2, "and what there is to say takes much of that"


@pytest.mark.parametrize("letter", ["x", "🚀"])
async def test_a_long_description_can_be_read_to_its_end(tmp_path: Path, letter: str) -> None:
    """Each answer names the call that reads on, and together they are the description, nothing lost or twice."""
    description = "".join(f"{number}{letter * 30}" for number in range(600))
    async with agent_on(tmp_path, make_project(tmp_path, "long")) as agent:
        await agent.create("long", description=description)
        assert await whole(agent, {"id": 1}, "description") == description
        claimed = await agent.data("claim_work_item", id=1)
        start, rest = read_on(claimed["item"]["description"])
        assert rest is not None
        assert start + await whole(agent, rest, "description") == description


async def test_every_note_can_be_read(agent: Agent) -> None:
    """The last notes are shown, the first of those that are left out is named, and each can be read to its end."""
    notes = [f"{number} " + "n" * (300 * number) for number in range(1, 31)]
    await agent.create("noted", description="short")
    for note in notes:
        await agent.told("update_work_items", updates=[{"id": 1, "note": note}])
    shown = (await agent.data("get_work_item", id=1))["notes"]
    left_out = re.fullmatch(r"… notes 1 to (\d+) are left out: get_work_item\(id=1, before_note=(\d+)\)", shown[0])
    assert left_out is not None
    assert int(left_out[1]) == int(left_out[2]) - 1 == 30 - len(shown[1:])
    before = (await agent.data("get_work_item", id=1, before_note=int(left_out[2])))["notes"]
    assert before[-1].startswith(f"{left_out[1]}. ")
    assert [note.partition(". ")[0] for note in shown[1:]] == [str(n) for n in range(31 - len(shown[1:]), 31)]
    for number, note in enumerate(notes, start=1):
        assert await whole(agent, {"id": 1, "note": number}, "notes") == note
    for number in (0, 31, -1, 10**30):
        assert f"#1 has no note {number}" in await agent.refused("ITEM_INVALID", "get_work_item", id=1, note=number)


async def test_what_fits_is_whole(agent: Agent) -> None:
    """A description that leaves room for everything else is not cut, however little there is beside it."""
    description = "d" * 17_000
    await agent.create("one", description=description)
    await agent.told("update_work_items", updates=[{"id": 1, "note": "n" * 1_000}])
    detail = await agent.data("get_work_item", id=1)
    assert detail["item"]["description"] == description
    assert detail["notes"][0].endswith(" " + "n" * 1_000)
    assert len(detail["events"]) == 2


async def test_the_command_line_cuts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`show` prints all of a description: nobody pays for it by the byte."""
    folder = make_project(tmp_path, "long")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("long", description="🚀" * 20_000)
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))

    def show() -> dict[str, Any]:
        details.show(1, directory=str(folder), as_json=True)
        shown: dict[str, Any] = json.loads(capsys.readouterr().out)
        return shown

    assert (await asyncio.to_thread(show))["item"]["description"] == "🚀" * 20_000


async def test_what_is_left_out_is_counted(agent: Agent) -> None:
    """Of 300 links and 300 children, the answer says how many it does not show."""
    await agent.create("hub", item_type="epic")
    for _ in range(3):
        new = [{"title": "linked", "depends_on": [1]} for _ in range(100)]
        await agent.told("create_work_items", items=new)
    await agent.create("top")
    for _ in range(3):
        await agent.told("create_work_items", items=[{"title": "below", "parent": 302} for _ in range(100)])
    for item_id, field in ((1, "links"), (302, "children")):
        *lines, last = (await agent.data("get_work_item", id=item_id))[field]
        counted = re.match(r"… and (\d+) more", last)
        assert counted is not None
        assert len(lines) + int(counted[1]) == 300
