"""Files that nobody's program should have written: each is refused by file and line, or read as what it can be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_mcp.errors import WorkItemError
from workflow_mcp.work.importers import checking, cleaning
from workflow_mcp.work.importers.errors import SourceError
from workflow_mcp.work.importers.formats import read_items
from workflow_mcp.work.importers.records import records_of
from workflow_mcp.work.importers.values import Format, SourceFile, SourceItem, SourceItems
from workflow_mcp.work.text import is_name
from workflow_mcp.work.values import Criterion

SEEN_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def file(text: str, path: str = "file", group: str = "") -> SourceFile:
    """A file with this text."""
    return SourceFile(path, text, SEEN_AT, group)


def issue(issue_id: str, **fields: Any) -> dict[str, Any]:
    """A beads issue."""
    return {"id": issue_id, "title": issue_id, "status": "open", "priority": 2, "issue_type": "task", **fields}


def depends(issue_id: str, *others: str, kind: str = "blocks") -> list[dict[str, str]]:
    """Dependencies of a beads issue."""
    return [{"issue_id": issue_id, "depends_on_id": other, "type": kind} for other in others]


def beads(*issues: dict[str, Any]) -> SourceItems:
    """What these beads issues become."""
    return read_items("beads", [file("\n".join(json.dumps(one) for one in issues))])


def item(**fields: Any) -> SourceItem:
    """What one beads issue becomes."""
    return beads(issue("a", **fields)).items[0]


def task(front: str, body: str = "") -> str:
    """A task of Backlog.md."""
    return f"---\n{front}\n---\n{body}"


REFUSED: list[tuple[Format, str, str]] = [
    ("beads", '{"id": "a"}\n\n{"id": "b",\n[]\n', "file, line 3: it is not JSON from column 12 on (also"),
    ("beads", '{"id": "a", "id": "b"}', "file, line 1: the key 'id' appears twice"),
    ("beads", '{"id": "a", "priority": NaN}', "file, line 1: NaN is not JSON"),
    ("beads", '{"id": "a", "priority": 1e999}', "file, line 1: '1e999' is too large a number"),
    ("beads", '{"id": "a", "priority": ' + "9" * 5000 + "}", "file, line 1: Exceeds the limit"),
    ("beads", '{"id": "a", "priority": "high"}', "file, line 1: priority is text instead of a whole number"),
    ("beads", '{"id": "a", "labels": ["x", 1]}', "file, line 1: labels is the number '1' instead of text"),
    ("beads", '{"id": "a", "comments": {}}', "file, line 1: comments is an object instead of a list"),
    ("beads", '{"id": "a", "dependencies": [null]}', "file, line 1: dependencies is null instead of an object"),
    ("beads", '{"id": {}}', "file, line 1: id is an object instead of an id"),
    ("beads", '{"id": "' + "a" * 200 + '"}', "file, line 1: id 'aaa"),
    ("beads", '{"title": "A"}', "file, line 1: it has no id"),
    ("beads", '{"id": "a"}\n{"id": "a"}', "file, line 2: beads:a stands in file, line 1 already"),
    ("beads", "[" * 100_000, "file, line 1: it is nested too deeply"),
    ("task-master", '{"a":' * 100_000, "file, line 1: it is nested too deeply"),
    ("task-master", '{\n"a": {\n"tasks": [{"id": 1},\n{"id": true}]}}', "file, line 4: id is true or false instead of"),
    ("task-master", '{\n"master": 1}', "file, line 1: master is the number '1' instead of an object"),
    ("task-master", '{"tasks": [{"id": 1},\n{"id": "1"}]}', "file, line 2: task-master:master/1 stands in"),
    ("task-master", "[]", "file, line 1: it is a list instead of an object"),
    ("task-master", "", "file, line 1: it is empty"),
    ("task-master", '{\n"tasks": [\n', "file, line 3: it is not JSON from column 1 on"),
    ("github", '[{"number": 1, "title": "A"}]', "file, line 1: it has no url"),
    ("github", '[{"url": "ftp://x"}]', "file, line 1: url 'ftp://x' is not that of an issue"),
    ("github", '[\n1]', "file, line 1: an issue is the number '1' instead of an object"),
    ("claude-tasks", '{"subject": "A"}', "file, line 1: it has no id"),
    ("github", "[" + "{}," * 500_000 + "{}]", "file, line 1: it has more than 500000 brackets"),
    ("claude-tasks", "null", "file, line 1: it is null instead of an object"),
    ("backlog", "# A task", "file, line 1: it does not begin with front matter"),
    ("backlog", task("title: A"), "file, line 1: it has no id"),
    ("backlog", task("id: a\nlabels: [x"), "file, line 4: it is not YAML"),
    ("backlog", task("- a"), "file, line 1: its front matter is a list instead of an object"),
    ("backlog", task("id: a\nlabels: &x [1]\nassignee: *x"), "file, line 4: aliases in YAML are not read"),
    ("backlog", task("id: " + "[" * 20_000), "file, line 2: it is nested too deeply"),
    ("backlog", task("id: \x01"), "file, line 2: it has characters that YAML does not have"),
    ("backlog", task("id: a\ntitle: " + "x" * 40_000), "file, line 1: its front matter has more than 32768 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text", "expected"), REFUSED, ids=lambda value: value[:30])
def test_what_is_refused(source: Format, text: str, expected: str) -> None:
    """One line that names the file and the line, says that nothing was imported, and what to do."""
    with pytest.raises(WorkItemError) as caught:
        read_items(source, [file(text, group="tasks")])
    assert caught.value.message.startswith(expected)
    assert caught.value.message.endswith("nothing was imported.")
    assert "\n" not in str(caught.value)


def test_broken_lines_are_all_named() -> None:
    """Up to ten of them, and how many more there are."""
    with pytest.raises(SourceError, match=r"also wrong: line 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 9 more"):
        read_items("beads", [file("{\n" * 20)])


def test_circles_are_refused() -> None:
    """Of dependencies and of parents; the items are named with their lines."""
    with pytest.raises(SourceError, match=r"1: beads:a .file, line 1., beads:b .file, line 2. wait for each other"):
        beads(issue("a", dependencies=depends("a", "b")), issue("b", dependencies=depends("b", "a")))
    above = depends("a", "b", kind="parent-child"), depends("b", "a", kind="parent-child")
    with pytest.raises(SourceError, match="are above each other"):
        beads(issue("a", dependencies=above[0]), issue("b", dependencies=above[1]))
    ring = [issue(str(n), dependencies=depends(str(n), str((n + 1) % 50))) for n in range(50)]
    with pytest.raises(SourceError, match="and 45 more wait for each other"):
        beads(*ring)


def test_what_relates_an_item_to_itself_is_left_out() -> None:
    """It waits for nobody else, so it comes, without what cannot be: a loss, which the report shows with the line."""
    itself = [*depends("a", "a"), *depends("a", "a", kind="parent-child"), *depends("a", "a", kind="related")]
    [one, two] = beads(issue("a", dependencies=itself), issue("b", dependencies=depends("b", "a"))).items
    assert (one.parent, one.links, str(one.place)) == (None, (), "file, line 1")
    assert one.losses == ("that it is its own parent was left out", *["its link to itself was left out"] * 2)
    assert [link.other for link in two.links] == ["beads:a"]


def test_what_a_parent_waits_for_anyway_is_left_out() -> None:
    """A dependency between an item and one above or below it, or one that closes a circle with parents: a loss."""
    below = depends("b", "a", kind="parent-child")
    for first, second, where in ((depends("a", "b"), below, "below"), ([], [*below, *depends("b", "a")], "above")):
        items = beads(issue("a", dependencies=first), issue("b", dependencies=second)).items
        assert [one.links for one in items] == [(), ()]
        [loss] = [loss for one in items for loss in one.losses]
        assert f"which is {where} it, was left out: a parent waits for its children" in loss
    outer = issue("c", dependencies=depends("c", "a"))
    items = beads(issue("a"), issue("b", dependencies=[*below, *depends("b", "c")]), outer).items
    assert len([one for one in items if one.links]) == 1
    assert any("would wait for each other" in loss for one in items for loss in one.losses)


def test_what_a_child_waits_for_through_its_parent_is_a_circle_too() -> None:
    """A child waits for what blocks its parent: what blocks that and waits for the child is left out."""
    below = depends("child", "top", kind="parent-child")
    issues = [issue("top", dependencies=depends("top", "out")), issue("child", dependencies=below)]
    items = beads(*issues, issue("out", dependencies=depends("out", "child"))).items
    assert len([link for one in items for link in one.links]) == 1
    assert [len(one.losses) for one in items].count(1) == 1


def test_too_many_such_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for them has an end."""
    monkeypatch.setattr(checking, "MAX_LEFT_OUT", 1)
    issues = [issue("top"), issue("out", dependencies=depends("out", "top"))]
    issues += [
        issue(name, dependencies=[*depends(name, "top", kind="parent-child"), *depends(name, f"out{name}")])
        for name in ("a", "b")
    ]
    issues += [issue(f"out{name}", dependencies=depends(f"out{name}", "top")) for name in ("a", "b")]
    with pytest.raises(SourceError, match="more than 1 dependencies make circles"):
        beads(*issues)


def test_too_many_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is too many is named."""
    monkeypatch.setattr(checking, "MAX_ITEMS", 2)
    with pytest.raises(SourceError, match="line 3: more than 2 items"):
        beads(issue("a"), issue("b"), issue("c"))


def test_what_is_too_deep_comes_up() -> None:
    """An item more than eight levels down goes below the deepest that may have one below it."""
    chain = [
        issue(str(n), dependencies=depends(str(n), str(n - 1), kind="parent-child") if n else []) for n in range(12)
    ]
    items = beads(*reversed(chain)).items
    assert [one.external_ref for one in items[:7]] == [f"beads:{n}" for n in range(7)]
    assert [one.parent for one in items[7:]] == ["beads:6"] * 5
    assert "it was 11 levels down and is below beads:6 now" in items[-1].losses


def test_texts_that_do_not_fit() -> None:
    """Nothing of a description, a title or a comment is lost; labels and names are made to fit, and it is said."""
    long = item(title="t" * 300 + "\nx", description="d" * 50_000, comments=[{"author": "a", "text": "c" * 45_000}])
    assert len(long.title) == 200
    whole = long.description.removesuffix(cleaning.GOES_ON) + "".join(note.text for note in long.notes)
    assert whole == "t" * 300 + " x\n\n" + "d" * 50_000 + "c" * 45_000
    odd = item(
        title="\0\x1b[2J", description="\ud800 x", labels=["", "l" * 60, "a\nb", *map(str, range(30))],
        assignee="Ana <ana@example.com>", status="new", issue_type="spike", priority=-3,
    )  # fmt: skip
    assert odd.title == "\ufffd [2J"
    assert odd.description == "\ufffd x"
    assert (odd.assignee, odd.status, odd.item_type, odd.priority) == ("Ana ana@example.com", "pending", "task", 0)
    assert len(odd.labels) == 20
    assert len(odd.losses) == 7
    assert item(title=" \u200b").title == "beads:a"
    many = item(acceptance_criteria="\n".join(f"- [x] {n}" for n in range(30)))
    assert many.acceptance == ()
    assert "- [x] 29" in many.description
    assert item(acceptance_criteria="- [x] one\n- one\n\n2. two").acceptance == (Criterion("one"), Criterion("two"))


def test_times_that_are_none() -> None:
    """What is no time is a loss, and what takes its place is what the file knows."""
    found = item(created_at="yesterday", updated_at="9999-12-31T23:59:59-14:00", status="closed")
    assert (found.created_at, found.completed_at) == (SEEN_AT, SEEN_AT)
    assert len(found.losses) == 2


def test_one_of_several_parents() -> None:
    """The first is the parent; the others are related."""
    other = beads(issue("a"), issue("b"), issue("c", dependencies=depends("c", "a", "b", kind="parent-child"))).items[2]
    assert other.parent == "beads:a"
    assert [(link.relation, link.other) for link in other.links] == [("relates_to", "beads:b")]


def test_links_that_are_the_same_both_ways() -> None:
    """A relation without direction that both items name is one link."""
    related = [
        issue("a", dependencies=depends("a", "b", kind="related")),
        issue("b", dependencies=depends("b", "a", kind="related")),
    ]

    records = list(records_of(beads(*related).items, {"beads:a": 1, "beads:b": 2}))
    assert [record.kind for record in records] == ["item", "item", "link"]


def test_a_backlog_of_older_versions() -> None:
    """Headings without marks, one assignee as text, statuses of its own, and a text that only looks like a mark."""
    config = file('statuses: ["Idea", "Doing", "Review", "Live"]', "backlog/config.yml")
    body = "Intro\n\n## Description\n\nText\n\n## Acceptance Criteria\n\n- [ ] #1 one\n- [x] two\n\n"
    body += "<!-- SECTION:PLAN:BEGIN -->\nopen"
    front = "id: task-7\ntitle: yes\nstatus: review\nassignee: ana\npriority: whatever\ncreated_date: 2025-06-01"
    text = task(front, body)
    [found] = read_items("backlog", [config, file(text, "backlog/tasks/a.md", "tasks")]).items
    assert (found.title, found.status, found.assignee, found.labels) == ("yes", "in_progress", "ana", ("review",))
    assert found.description == "Intro\n\nText\n\n## Implementation plan\n\nopen"
    assert [(one.text, one.met) for one in found.acceptance] == [("one", False), ("two", True)]
    assert found.created_at == datetime(2025, 6, 1, tzinfo=UTC)


def test_a_list_without_the_tasks_it_names() -> None:
    """What blocks a deleted or absent task blocks nothing; a task twice is refused."""
    tasks = [{"id": "1", "subject": "A", "blocks": ["2", "9"]}, {"id": "2", "subject": "B", "status": "deleted"}]
    files = [file(json.dumps(one), f"{number}.json", "list") for number, one in enumerate(tasks, start=1)]
    found = read_items("claude-tasks", files)
    assert [one.external_ref for one in found.items] == ["claude-tasks:list/1"]
    assert [one.why for one in found.skipped] == ["it was deleted there"]
    with pytest.raises(SourceError, match=r"claude-tasks:list/1 stands in 1.json, line 1 too"):
        read_items("claude-tasks", [files[0], files[0]])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["id", "title", "subject", "body", "description", "status", "priority", "labels", "dependencies", "assignee"]
NAMES += ["owner", "comments", "created_at", "blocks", "blockedBy", "url", "state", "parent", "tasks", "subtasks"]


@given(
    source=st.sampled_from(["beads", "task-master", "github", "claude-tasks"]),
    value=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8),
)
def test_whatever_the_fields_hold(source: Format, value: dict[str, Any]) -> None:
    """Every object becomes items that can be stored, or an error that names its place."""
    fixed = {"id": "1", "url": "https://github.com/a/b/issues/1", **value}
    text = json.dumps([fixed] if source == "github" else {"tasks": [fixed]} if source == "task-master" else fixed)
    try:
        told = [str(one.place) for one in read_items(source, [file(text)]).items]
    except SourceError as error:
        told = [error.message]
    assert all(one.startswith("file, line 1") for one in told)


@given(st.text(max_size=60))
def test_any_name_becomes_a_name(given_name: str) -> None:
    """Whatever somebody is called elsewhere, here it is a name, or nobody; a change is said."""
    losses: list[str] = []
    name = cleaning.name_of(given_name, losses)
    assert name is None or is_name(name)
    assert losses or name == given_name.strip().removeprefix("@")
