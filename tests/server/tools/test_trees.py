"""The view `tree`: open items below each other."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.agents import PROJECT, Agent, agent_on, cursor_in, ids_in, make_project, pages
from workflow_mcp.server.fitting import MAX_ANSWER_BYTES

HINT = re.compile(r'… (\d+) more below #(\d+): list_work_items\(view="tree", parent=(\d+)\)')
PLAN = [
    {"title": "Log in", "item_type": "epic", "ref": "login"},
    {"title": "Write it up", "priority": 0},
    {"title": "Test", "parent": "login", "depends_on": ["form"]},
    {"title": "Form", "parent": "login", "ref": "form"},
    {"title": "Fields", "parent": "form"},
]


def outline(text: str) -> list[str]:
    """The lines of an answer below its heading, each up to the id that it begins with."""
    return [re.sub(r"(#\d+) .*", r"\1", line) for line in text.splitlines()[1:]]


async def test_a_tree(agent: Agent) -> None:
    """All that is open, a row each as in other views, before and to the left of what is below it."""
    await agent.told("create_work_items", items=PLAN)
    text = await agent.told("list_work_items", view="tree")
    assert text.splitlines() == [
        f"project: {PROJECT} | 2 ready, 0 in progress, 3 blocked, 0 done of 5 | 5 shown | titles are data",
        '#1 epic p2 blocked "Log in" <#3,#4',
        '  #3 task p2 blocked "Test" <#4',
        '  #4 task p2 blocked "Form" <#5',
        '    #5 task p2 ready "Fields"',
        '#2 task p0 ready "Write it up"',
    ]
    assert outline(await agent.told("list_work_items", view="tree", parent="#1")) == ["#3", "#4", "  #5"]
    assert outline(await agent.told("list_work_items", view="tree", parent=5)) == []


async def test_what_is_finished_is_left_out(agent: Agent) -> None:
    """What is open below a finished or deleted item is not lost from view."""
    await agent.told("create_work_items", items=PLAN)
    await agent.told("update_work_items", updates=[{"id": 4, "status": "completed", "force": True}])
    assert outline(await agent.told("list_work_items", view="tree")) == ["#1", "  #3", "#2", "#5"]
    assert outline(await agent.told("list_work_items", view="tree", parent=4)) == ["#5"]
    await agent.finish(5)
    await agent.told("delete_work_items", ids=[1], confirm=True)
    assert outline(await agent.told("list_work_items", view="tree")) == ["#2"]


@pytest.mark.parametrize("name", ["item_type", "label", "text", "assignee"])
async def test_no_other_filter(agent: Agent, name: str) -> None:
    """A filter that would tear a tree apart is refused, and not taken for one that finds nothing."""
    refusal = await agent.refused("ITEM_INVALID", "list_work_items", view="tree", **{name: "bug"})
    assert f"leave {name} out, or pass view='open' with it." in refusal


async def test_pages_of_a_tree(agent: Agent) -> None:
    """The limit counts what is at the top; the cursor leads to the rest of it, and to no other tree."""
    await agent.create(*(f"top {number}" for number in range(5)))
    await agent.create("below two", "below two as well", parent=2)
    text = await agent.told("list_work_items", view="tree", limit=2)
    assert outline(text) == ["#1", "#2", "  #6", "  #7"]
    following = await agent.told("list_work_items", view="tree", limit=10, cursor=cursor_in(text))
    assert (outline(following), cursor_in(following)) == (["#3", "#4", "#5"], None)
    for other in ({"view": "tree", "parent": 2}, {"view": "open"}, {"view": "all"}):
        await agent.refused("CURSOR_INVALID", "list_work_items", **other, cursor=cursor_in(text))
    await agent.refused("LIMIT_INVALID", "list_work_items", view="tree", limit=201)
    await agent.refused("ITEM_NOT_FOUND", "list_work_items", view="tree", parent=0)


def drawn(parents: dict[int, int | None], top: int | None = None, depth: int = 0) -> Iterator[str]:
    """The outline of a tree, worked out in the simplest way."""
    for one in sorted(one for one, parent in parents.items() if parent == top):
        yield f"{'  ' * depth}#{one}"
        yield from drawn(parents, one, depth + 1)


async def test_any_tree(agent: Agent) -> None:
    """Of random items, finished at random, the tree shows those that are open, each once in its place."""
    chance = random.Random(7)
    parents: dict[int, int | None] = {}
    for _ in range(4):
        above = [chance.choice([None, *parents]) for _ in range(15)]
        plan = [{"title": "x", **({} if parent is None else {"parent": parent})} for parent in above]
        made = ids_in(await agent.told("create_work_items", items=plan))
        parents |= dict(zip(made, above, strict=True))
    finished = chance.sample([*parents], 15)
    forced = [{"id": one, "status": "completed", "force": True} for one in finished]
    await agent.told("update_work_items", updates=forced)
    open_ones = {one: parent for one, parent in parents.items() if one not in finished}
    shown = {one: parent if parent in open_ones else None for one, parent in open_ones.items()}
    assert outline(await agent.told("list_work_items", view="tree")) == [*drawn(shown)]


@pytest.mark.parametrize("letter", ["x", "🚀"])
async def test_a_tree_that_is_too_long(tmp_path: Path, letter: str) -> None:
    """No answer is over 20 kB, under the longest names; the cursor and the last line lead to all that is left out."""
    unseen = set(range(1, 132))
    async with agent_on(tmp_path, make_project(tmp_path, letter * 255, folder="p")) as agent:
        await agent.create("one", "two")
        await agent.create(*[letter * 200] * 60, parent=1)
        await agent.create(*[letter * 200] * 60, parent=3)
        await agent.create(*(f"top {number}" for number in range(9)))
        todo = [dict[str, object]()]
        while todo:
            query = todo.pop()
            text = await agent.told("list_work_items", view="tree", **query)
            assert len(text.encode()) <= MAX_ANSWER_BYTES
            unseen -= {int(one) for one in re.findall(r"^ *#(\d+)", text, re.MULTILINE)}
            if (cursor := cursor_in(text)) is not None:
                todo.append({**query, "cursor": cursor})
            if found := HINT.search(text):
                assert found[2] == found[3]
                todo.append({"parent": int(found[3])})
    assert not unseen


async def test_more_trees_than_are_read_at_once(tmp_path: Path) -> None:
    """Pages show or count every item once, also where more is below those at the top than is read for one page."""
    async with agent_on(tmp_path, make_project(tmp_path, "p")) as agent:
        for number in range(12):
            below = [{"title": "x", "parent": "top"} for _ in range(99)]
            plan = [{"title": f"top {number}", "ref": "top"}, *below]
            await agent.told("create_work_items", items=plan)
        texts: list[str] = []
        tops = await pages(agent, texts.append, view="tree")
    assert tops == [1 + 100 * number for number in range(12)]
    shown = [int(number) for text in texts for number in re.findall(r"^ *#(\d+)", text, re.MULTILINE)]
    left_out = {int(found[2]): int(found[1]) for text in texts for found in HINT.finditer(text)}
    assert shown == [top + number for top in tops for number in range(100 - left_out.get(top, 0))]


async def test_how_many_are_left_out(agent: Agent) -> None:
    """The count is of all that is below the item that the last line names and not shown, however deep."""
    await agent.create("top", "next")
    await agent.create("a" * 200, "b" * 200, parent=1)
    for parent in (3, 4):
        await agent.create(*["c" * 200] * 100, parent=parent)
    lines = (await agent.told("list_work_items", view="tree")).splitlines()
    assert lines[1].startswith("#1 ")
    found = HINT.fullmatch(lines[-1])
    assert found is not None
    assert (int(found[1]), found[2]) == (203 - len(lines[1:-1]), "1")
    assert cursor_in(lines[0]) is not None, "#2 follows"
