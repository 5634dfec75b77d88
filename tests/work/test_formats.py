"""A project as Markdown, Mermaid and CSV: hostile texts stay texts."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from workflow_mcp.work.formats.markdown import markdown
from workflow_mcp.work.formats.mermaid import MAX_LABEL, mermaid
from workflow_mcp.work.formats.snapshot import Snapshot, snapshot_of
from workflow_mcp.work.formats.table import COLUMNS, FORMULA_STARTS, table
from workflow_mcp.work.text import visible

HOSTILE = [
    "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "![a](http://x)", "```\n# not a heading\n```", "# no",
    "- [x] done", "a | b", "`code`", "**bold** __b__ ~~s~~", "&lt;b&gt;", "https://example.com www.example.com a@b.c",
    "</td>", '"]; click i1 "javascript:x"', "end", "%%{init: {}}%%", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1",
    "\r=1", "\uff1d1", '"=1', "x\x1b[31m", "\u202egnp", "[^1]: note", "1. one",
]  # fmt: skip
lines = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def record(item_id: int, title: str = "t", **fields: Any) -> dict[str, Any]:
    """An item's record."""
    same = {
        "kind": "item", "id": item_id, "title": title, "description": "", "item_type": "task", "status": "pending",
        "priority": 2, "assignee": None, "hidden_by": 0, "created_at": "2026-11-25T08:00:00+00:00",
        "updated_at": "2026-11-25T08:00:00+00:00", "completed_at": None, "labels": [], "parent": None,
        "created_by": "ana", "acceptance": [], "evidence": [], "origin": None,
    }  # fmt: skip
    return {**same, **fields}


def snapshot(*items: dict[str, Any], name: str = "shop") -> Snapshot:
    """A project with these items."""
    return snapshot_of([{"kind": "project", "name": name}, *items])


def plan() -> Snapshot:
    """A small plan, of which one item is deleted."""
    note = {"kind": "note", "item": 3, "author": "bob", "at": "2026-11-25T08:30:00+00:00", "text": "half done"}
    return snapshot(
        record(1, "Log in", item_type="epic"),
        record(2, "Form", parent=1, status="completed", labels=["ui"], assignee="ana", evidence=["commit: 1a2b3c4"]),
        record(3, "Test", parent=1, description="both", acceptance=[{"text": "it runs", "met": True}]),
        record(4, "gone", hidden_by=4),
        {"kind": "link", "source": 2, "target": 3, "link": "blocks"},
        {"kind": "link", "source": 4, "target": 3, "link": "blocks"},
        note,
    )


def test_a_plan_as_markdown() -> None:
    """A list of tasks below each other, and a section for each that has more to it; nothing of what was deleted."""
    assert markdown(plan()).splitlines() == [
        "# shop", "", r"- [ ] \#1 Log in (epic, p2, pending)",
        r"  - [x] \#2 Form (task, p2, completed, ana, labels ui)", r"  - [ ] \#3 Test (task, p2, pending, after \#2)",
        "", r"## \#2 Form", "", "Evidence:", "", r"- commit\: 1a2b3c4",
        "", r"## \#3 Test", "", "```text", "both", "```", "", "Done when:", "", "- [x] it runs",
        "", "bob, 2026-11-25 08:30 UTC:", "", "```text", "half done", "```",
    ]  # fmt: skip


def test_a_plan_as_mermaid() -> None:
    """A node for each item, an arrow to what waits for it, a dotted line to what is below it."""
    lines = mermaid(plan()).splitlines()
    assert lines[:7] == [
        "flowchart LR", '    i1["#35;1 Log in"]:::pending', '    i2["#35;2 Form"]:::completed',
        '    i3["#35;3 Test"]:::pending', "    i1 -.- i2", "    i1 -.- i3", "    i2 --> i3",
    ]  # fmt: skip


def test_a_plan_as_csv() -> None:
    """A row for each item, the columns by their names."""
    first, second, third = csv.DictReader(io.StringIO(table(plan())))
    assert (first["id"], first["type"], second["labels"], third["after"]) == ("1", "epic", "ui", "2")
    assert tuple(first) == COLUMNS


def test_everything_hostile() -> None:
    """All at once, in each place where a text can stand."""
    for text in HOSTILE:
        check_markdown(" ".join(text.split()), text)
        check_mermaid(" ".join(text.split()))
        check_csv(" ".join(text.split()), text)


@given(lines, texts)
@example("#", "````")
def test_markdown_of_anything(title: str, text: str) -> None:
    """It has as many headings and fences as it has items with a description; a title is text and nothing else."""
    check_markdown(title, text)


def check_markdown(title: str, text: str) -> None:
    """The document, read by a parser."""
    item = record(1, title, description=text, labels=[title], assignee=title)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(markdown(snapshot(item, name=title)))
    kinds = [token.type for token in tokens if token.type.endswith(("_open", "fence", "html_block", "hr"))]
    more = ["heading_open", "fence"] if text else []
    assert kinds == ["heading_open", "bullet_list_open", "list_item_open", "paragraph_open", *more]
    inline = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inline} <= {"text", "text_special"}
    heading = "".join(child.content for child in tokens[1].children or [])
    assert heading.split() == visible(title).split()
    assert [token.content for token in tokens if token.type == "fence"] == (
        [f"{visible(text, lines=True)}\n"] if text else []
    )


@given(lines)
def test_mermaid_of_anything(title: str) -> None:
    """A label holds nothing that ends it, and is read as the title, which is cut when it is long."""
    check_mermaid(title)


def check_mermaid(title: str) -> None:
    """The diagram, line by line."""
    document = mermaid(snapshot(record(1, title))).splitlines()
    assert len(document) == 6
    found = re.fullmatch(r' {4}i1\["([\w ,.?/#;-]*)"\]:::pending', document[1])
    assert found is not None, document[1]
    read = re.sub("#([0-9]+);", lambda entity: chr(int(entity[1])), found[1])
    short = visible(title) if len(visible(title)) <= MAX_LABEL else f"{visible(title)[: MAX_LABEL - 1]}…"
    assert read == f"#1 {short}"


@given(lines, texts)
def test_csv_of_anything(title: str, text: str) -> None:
    """It is read as what it was, but for the apostrophe before what would be a formula."""
    check_csv(title, text)


def check_csv(title: str, text: str) -> None:
    """The table, read again."""
    written = table(snapshot(record(1, title, description=text, assignee=title, labels=[title])))
    [_, row] = csv.reader(io.StringIO(written, newline=""))
    cells = dict(zip(COLUMNS, row, strict=True))
    for cell in row:
        assert not cell.lstrip(" \n\"'").startswith(FORMULA_STARTS) or cell.startswith("'")
    assert cells["title"].removeprefix("'") == visible(title, lines=True).removeprefix("'")
    assert cells["description"].removeprefix("'") == visible(text, lines=True).removeprefix("'")
