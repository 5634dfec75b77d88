"""What `export --format mermaid` prints, as Mermaid itself reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.checkers.node import FOLDER, NODE, PATIENCE, needs_checkers
from tests.work.test_formats import HOSTILE, plan, record, snapshot
from workflow_mcp.work.formats.mermaid import MAX_LABEL, mermaid
from workflow_mcp.work.formats.snapshot import Snapshot
from workflow_mcp.work.text import visible

READER = Path(__file__).with_name("read_mermaid.mjs")
PACKAGES = ("mermaid", "jsdom")

pytestmark = [
    *needs_checkers,
    pytest.mark.skipif(
        not all(Path(FOLDER or "", "node_modules", name).is_dir() for name in PACKAGES),
        reason="MCP_CHECKERS has no mermaid and jsdom; .ci/run installs both",
    ),
]


def understood(project: Snapshot) -> dict[str, Any]:
    """The nodes and edges that Mermaid finds in a project's diagram."""
    assert NODE is not None
    assert FOLDER is not None
    command = [NODE, str(READER), FOLDER]
    done = subprocess.run(
        command, input=mermaid(project), capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_plan() -> None:
    """A node for each item, an arrow to what waits for it, and a dotted line to what is below it."""
    found = understood(plan())
    assert [(node["id"], node["text"], node["classes"]) for node in found["nodes"]] == [
        ("i1", "#1 Log in", ["pending"]),
        ("i2", "#2 Form", ["completed"]),
        ("i3", "#3 Test", ["pending"]),
    ]
    assert found["edges"] == [["i1", "i2", "dotted"], ["i1", "i3", "dotted"], ["i2", "i3", "normal"]]


def test_any_title_stays_a_text() -> None:
    """Whatever stands in titles, it makes no node, edge or link, and is read as it is."""
    titles = [
        *HOSTILE,
        "graph TD",
        "subgraph x",
        "名前 🚀 é",
        "a-->b",
        "i1 --- i2",
        "]",
        "style i1 fill:red",
        "#35;",
        "a;b",
    ]
    found = understood(snapshot(*(record(number, title) for number, title in enumerate(titles, start=1))))
    expected = [visible(title) for title in titles]
    assert all(len(title) <= MAX_LABEL for title in expected)
    assert [node["text"] for node in found["nodes"]] == [f"#{n} {title}" for n, title in enumerate(expected, start=1)]
    assert found["edges"] == []
    assert not any(node["active"] for node in found["nodes"])
