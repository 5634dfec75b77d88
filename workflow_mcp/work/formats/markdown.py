"""A project as a Markdown document (CommonMark, with GitHub's task lists)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflow_mcp.work.formats.snapshot import Record, Snapshot
from workflow_mcp.work.text import visible
from workflow_mcp.work.values import FINISHED

# Whatever could begin a link, an image, HTML, emphasis, code, a table's cell or a mention; and GitHub's bare links.
SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$:@^]|(?<=www)\.", re.IGNORECASE)
BACKTICKS = re.compile("`+")
INDENT = "  "


def markdown(snapshot: Snapshot) -> str:
    """The items as a list of tasks below each other, and then each that there is more to say of."""
    return "\n".join(_lines(snapshot))


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield f"# {_plain(snapshot.name)}"
    yield ""
    for depth, item in snapshot.rows():
        box = "x" if item["status"] in FINISHED else " "
        yield f"{INDENT * depth}- [{box}] {_title(item)} ({', '.join(_facts(snapshot, item))})"
    for _, item in snapshot.rows():
        more = list(_more(snapshot, item))
        if more:
            yield from ("", f"## {_title(item)}", *more)


def _title(item: Record) -> str:
    return f"{_number(item['id'])} {_plain(item['title'])}"


def _number(item_id: int) -> str:
    return rf"\#{item_id}"


def _facts(snapshot: Snapshot, item: Record) -> Iterator[str]:
    yield f"{item['item_type']}, p{item['priority']}, {item['status'].replace('_', ' ')}"
    if item["assignee"]:
        yield _plain(item["assignee"])
    if item["labels"]:
        yield f"labels {', '.join(map(_plain, item['labels']))}"
    if waits_for := snapshot.waits_for.get(item["id"]):
        yield f"after {', '.join(map(_number, waits_for))}"


def _more(snapshot: Snapshot, item: Record) -> Iterator[str]:
    if item["description"]:
        yield from ("", *_fenced(item["description"]))
    if item["acceptance"]:
        boxes = (f"- [{'x' if one['met'] else ' '}] {_plain(one['text'])}" for one in item["acceptance"])
        yield from ("", "Done when:", "", *boxes)
    if item["evidence"]:
        yield from ("", "Evidence:", "", *(f"- {_plain(one)}" for one in item["evidence"]))
    for note in snapshot.notes.get(item["id"], ()):
        yield from ("", f"{_plain(note['author'])}, {note['at'][:16].replace('T', ' ')} UTC:", "")
        yield from _fenced(note["text"])


def _plain(text: str) -> str:
    """A text on one line that is nothing but text."""
    return SPECIAL.sub(lambda found: f"\\{found[0]}", visible(text))


def _fenced(text: str) -> Iterator[str]:
    """A text of several lines as it is, in a fence that it cannot close."""
    fence = "`" * max([3, *(len(run) + 1 for run in BACKTICKS.findall(text))])
    yield f"{fence}text"
    yield from visible(text, lines=True).split("\n")
    yield fence
