"""What other programs wrote, read as it is expected: one folder of samples for each format and version.

The folders of Backlog.md, task-master and Claude Code hold what those programs wrote themselves; the others follow the
types that are published of them. `expected.json` beside a sample is what it becomes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workflow_mcp.cli.claude_lists import ClaudeLists
from workflow_mcp.cli.source_files import read_files
from workflow_mcp.cli.sources import find_source
from workflow_mcp.work.importers.formats import READERS, format_of, read_items
from workflow_mcp.work.importers.records import records_of
from workflow_mcp.work.importers.values import Format, SourceFile, SourceItem
from workflow_mcp.work.records import read_record

SAMPLES = Path(__file__).parent / "samples"
NAMES = sorted(path.name for path in SAMPLES.iterdir())
SEEN_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def format_in(name: str) -> Format:
    """The format of a folder of samples."""
    return next(one for one in READERS if name.startswith(one))


def files_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[SourceFile]:
    """The files of a sample, as the command finds them from its folder, all written at one time."""
    monkeypatch.chdir(folder)
    source = format_in(folder.name)
    found = find_source(source, "issues.json" if source == "github" else ".", "", ClaudeLists(""))
    return [replace(file, path=file.path.replace("\\", "/"), modified_at=SEEN_AT) for file in read_files(found.files)]


def told(value: Any) -> Any:
    """A value as JSON: times as text, places as the file and the line."""
    return json.loads(json.dumps(value, default=str))


def plain(item: SourceItem) -> dict[str, Any]:
    """An item as JSON, without what is empty."""
    fields = {**asdict(item), "place": str(item.place)}
    return {name: value for name, value in told(fields).items() if value not in (None, "", [])}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each item is what `expected.json` says, each is one that the store takes, and nothing else is skipped."""
    read = read_items(format_in(name), files_in(SAMPLES / name, monkeypatch))
    skipped = [f"{one.what} ({one.place}): {one.why}" for one in read.skipped]
    expected = json.loads((SAMPLES / name / "expected.json").read_text(encoding="utf-8"))
    assert {"items": [plain(item) for item in read.items], "skipped": skipped} == expected
    ids = {item.external_ref: number for number, item in enumerate(read.items, start=1)}
    records = [json.loads(record.model_dump_json()) for record in records_of(read.items, ids)]
    assert [read_record(record).kind for record in records].count("item") == len(read.items)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(("backlog", "claude-tasks"))])
def test_a_file_tells_its_format(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one file is all there is, its form says whose it is."""
    [file] = files_in(SAMPLES / name, monkeypatch)
    assert format_of(file.text) == format_in(name)


def test_an_export_of_ours_is_no_format() -> None:
    """What `export` wrote, whole or not, is left to its own reader."""
    assert format_of('{"kind": "project", "format": 2, "id": null, "name": "shop"}\n{"kind": "end"}') is None
    assert format_of("") is None
    assert format_of("{") is None
