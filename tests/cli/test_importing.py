"""The command import with what other programs keep; commands run in this process."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_items import told
from tests.clients.agents import assert_one_line, make_project
from tests.clients.claude_code import NEEDS_CLAUDE_CODE, NEW_ERA, ClaudeCode, Era
from tests.server.test_reading import state_of
from tests.support import posix_only
from workflow_mcp.cli import claude_lists, importing, source_files, sources, transfer
from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.importers.values import Format

SAMPLES = Path(__file__).parents[1] / "work" / "importers" / "samples"
BEADS = SAMPLES / "beads-1.0.5"
LIST = next(path.name for path in (SAMPLES / "claude-tasks-2.1.330").iterdir() if path.is_dir())

Run = Callable[..., str]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that nobody has worked in yet, where the commands run."""
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    folder = make_project(tmp_path, "shop")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(shop: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command and returns what it prints."""

    def printed(path: str | None = None, source: Format | None = None, **options: Any) -> str:
        importing.read(path, source=source, **options)
        return capsys.readouterr().out

    return printed


def refused(code: str, *arguments: Any, **options: Any) -> str:
    """The one line of an import that is refused."""
    with pytest.raises(WorkflowError) as caught:
        importing.read(*arguments, **options)
    assert caught.value.code == code, str(caught.value)
    assert_one_line(str(caught.value))
    return str(caught.value)


def test_each_format_from_where_it_is_kept(shop: Path, run: Run) -> None:
    """Found by itself or by a path; a second import changes nothing, and each item says where it comes from."""
    for name in ("beads-1.0.5", "backlog-1.52", "task-master-0.43"):
        sample = SAMPLES / name
        for folder in (path for path in sample.iterdir() if path.is_dir()):
            shutil.copytree(folder, shop / folder.name)
            assert run().startswith(f"{name.rpartition('-')[0]} into shop: ")
            shutil.rmtree(shop / folder.name)
    assert run(str(SAMPLES / "claude-tasks-2.1.330")).startswith("claude-tasks into shop: 3 new")
    assert run(str(SAMPLES / "github-newer" / "issues.json")) == "github into shop: 3 new\n"
    assert run(str(SAMPLES / "github-newer" / "issues.json")) == "github into shop: 3 unchanged\n"
    assert run(str(BEADS / ".beads" / "issues.jsonl"), "beads").startswith("beads into shop: 4 unchanged, 2 skipped\n")


def test_the_report_as_json(shop: Path, run: Run) -> None:
    """All of it: counts, each item with its place, what is lossy, and what is skipped and why."""
    report = json.loads(run(str(BEADS), as_json=True))
    assert report["counts"] == {
        "new": 4, "updated": 0, "unchanged": 0, "deleted_here": 0, "kept_as_here": 0, "lossy": 3, "skipped": 2,
    }  # fmt: skip
    assert [(one["external_ref"], one["id"], one["line"]) for one in report["items"]][:2] == [
        ("beads:bd-a3f8", 1, 1), ("beads:bd-a3f8.1", 2, 2),
    ]  # fmt: skip
    assert [one["why"] for one in report["skipped"]] == ["a memory is no work item", "it was deleted there"]


def test_a_trial_changes_nothing(shop: Path, run: Run, tmp_path: Path) -> None:
    """With `--dry-run` no file is made or changed, and the same is printed as will come."""
    before = state_of(tmp_path)
    trial = json.loads(run(str(BEADS), dry_run=True, as_json=True))
    assert state_of(tmp_path) == before
    report = json.loads(run(str(BEADS), as_json=True))
    without = ("id", "dry_run")
    assert [{k: v for k, v in one.items() if k not in without} for one in trial["items"]] == [
        {k: v for k, v in one.items() if k not in without} for one in report["items"]
    ]
    assert trial["counts"] == report["counts"]


def test_a_trial_on_a_terminal(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a table, with nothing in it that the terminal would obey."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    (shop / "issues.jsonl").write_text('{"id": "a", "title": "\\u001b[2Jred \\u202e"}', encoding="utf-8")
    table = run("issues.jsonl", dry_run=True)
    assert "issues.jsonl, line 1" in table
    assert "\x1b[2J" not in table
    assert "\u202e" not in table
    monkeypatch.setenv("COLUMNS", "40")
    assert 'new beads:a "[2Jred \\u202e" (issues.jsonl, line 1)' in run("issues.jsonl", dry_run=True)


def test_long_reports_are_cut(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an import says is at most 50 lines; `--json` and a trial say all."""
    lines = "\n".join(json.dumps({"id": str(n), "title": "x", "status": "deferred"}) for n in range(60))
    (shop / "issues.jsonl").write_text(lines, encoding="utf-8")
    assert len(run("issues.jsonl", dry_run=True).splitlines()) == 61
    report = run("issues.jsonl").splitlines()
    assert len(report) == 52
    assert report[-1] == "… and 10 more; `--json` prints all"


def test_the_task_lists_of_a_project(shop: Path, run: Run, tmp_path: Path) -> None:
    """By default those of conversations that were held in it or below it; any other one by its name or folder."""
    claude = tmp_path / ".claude"
    shutil.copytree(SAMPLES / "claude-tasks-2.1.330", claude / "tasks")
    assert "nothing to import from claude-tasks" in refused("SOURCE_NOT_FOUND", source="claude-tasks")
    folder = "".join(one if one.isalnum() and one.isascii() else "-" for one in str(shop))
    for held_in in (f"{shop}-old", str(tmp_path), str(shop / "src")):
        transcripts = claude / "projects" / folder
        transcripts.mkdir(parents=True, exist_ok=True)
        lines = ["no JSON", json.dumps({"type": "summary"}), json.dumps({"cwd": held_in})]
        (transcripts / f"{LIST}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        if held_in != str(shop / "src"):
            refused("SOURCE_NOT_FOUND", source="claude-tasks")
    assert run(source="claude-tasks") == "claude-tasks into shop: 3 new\n"
    assert run(LIST, "claude-tasks") == "claude-tasks into shop: 3 unchanged\n"
    assert run(str(claude / "tasks" / LIST / "1.json"), "claude-tasks").startswith(
        "claude-tasks into shop: 1 unchanged"
    )
    refused("FILE_UNREADABLE", "nothing", source="claude-tasks")
    assert claude_lists.ClaudeLists(str(claude)).named("..") is None
    (claude / "projects" / folder / f"{LIST}.jsonl").write_bytes(b"")
    assert claude_lists.ClaudeLists(str(claude)).of_project(str(shop)) == []


def test_what_is_not_clear(shop: Path) -> None:
    """Nothing to import and too much to choose from are errors that say what to pass."""
    assert "`--from`" in refused("SOURCE_NOT_FOUND")
    assert "gh issue list" in refused("SOURCE_NOT_FOUND", source="github")
    for name in ("beads-1.0.5", "task-master-0.43"):
        [folder] = [path for path in (SAMPLES / name).iterdir() if path.is_dir()]
        shutil.copytree(folder, shop / folder.name)
    assert "beads and task-master" in refused("SOURCE_AMBIGUOUS")
    refused("FILE_UNREADABLE", "nothing.json", source="github")


def test_an_import_below_dry_run(shop: Path, run: Run) -> None:
    """A config whose `dry_run` forbids changes forbids imports, and no trial."""
    config = shop / ".workflow-mcp" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "dry_run": True}))
    refused("DRY_RUN", str(BEADS))
    assert run(str(BEADS), dry_run=True).startswith("beads into shop, tried only: 4 new")


def test_a_trial_of_what_export_wrote(shop: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read to the end and counted; `--json` for both, and an item that is here already keeps its name."""
    run(str(BEADS))
    transfer.export(directory=str(shop))
    (shop / "all.jsonl").write_text(capsys.readouterr().out, encoding="utf-8")
    assert run("all.jsonl", dry_run=True) == "what export wrote, whole: 4 items, 3 links, 2 notes, 4 events\n"
    assert json.loads(run("all.jsonl", dry_run=True, as_json=True))["items"] == 4
    assert run("all.jsonl").endswith("; #5, #6, #7, #8 without the external_ref that others have here\n")
    assert json.loads(run("all.jsonl", as_json=True))["repeated"]


def test_from_a_pipe(shop: Path, tmp_path: Path) -> None:
    """`-` reads stdin, of a format that is named or told by its form."""
    issues = (SAMPLES / "github-older" / "issues.json").read_text(encoding="utf-8")
    assert told(tmp_path, shop, "import", "-", given=issues).startswith("github into shop: 2 new, 1 lossy\n")
    assert told(tmp_path, shop, "import", "--from", "github", "-", given=issues) == "github into shop: 2 unchanged\n"


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings(shop: Path, encoding: str) -> None:
    """The line with the first byte that is not UTF-8 is named; a byte order mark is none."""
    (shop / "issues.jsonl").write_bytes('{"id": "a"}\n{"id": "ä"}'.encode(encoding))
    line = 1 if encoding == "utf-16" else 2
    assert f"issues.jsonl, line {line}: byte" in refused("IMPORT_INVALID", "issues.jsonl", source="beads")
    (shop / "issues.jsonl").write_bytes('{"id": "a", "title": "ä"}'.encode("utf-8-sig"))
    importing.read("issues.jsonl")


def test_large_files(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB are refused after the first 16 MiB, and many files after 64 MiB; a folder has at most 20 000 entries."""
    with (shop / "issues.jsonl").open("wb") as file:
        file.write(b'{"id": "a", "title": "A"}\n')
        file.truncate(100_000_000)
    for source in ("beads", None):
        error = refused("IMPORT_INVALID", "issues.jsonl", source=source)
        assert "issues.jsonl, line 1: it has more than 16 MiB; nothing was imported. Next: import it in parts" in error
    monkeypatch.setattr(source_files, "MAX_TOTAL_BYTES", 300)
    assert "there are more than 0 MiB" in refused("IMPORT_INVALID", str(SAMPLES / "claude-tasks-2.1.330"))
    monkeypatch.setattr(sources, "MAX_FILES", 2)
    assert "has more than 2 entries" in refused("IMPORT_INVALID", str(SAMPLES / "claude-tasks-2.1.330" / LIST))


@posix_only
def test_what_is_no_regular_file(shop: Path, tmp_path: Path) -> None:
    """A link that leads out of the folder and a FIFO are named and not followed; a file that was named is."""
    outside = tmp_path / "secret.jsonl"
    outside.write_text('{"id": "a", "title": "A"}', encoding="utf-8")
    (shop / ".beads").mkdir()
    found = shop / ".beads" / "issues.jsonl"
    found.symlink_to(outside)
    assert ".beads/issues.jsonl, line 1: it is a link that leads out of" in refused("IMPORT_INVALID")
    found.unlink()
    os.mkfifo(found)
    assert "it is not a regular file" in refused("IMPORT_INVALID")
    refused("FILE_UNREADABLE", str(found), source="beads")
    found.unlink()
    found.write_text("", encoding="utf-8")
    found.chmod(0)
    if os.geteuid() != 0:
        refused("FILE_UNREADABLE")
    (shop / "named.jsonl").symlink_to(outside)
    importing.read("named.jsonl")


def test_nothing_of_a_broken_file_is_imported(shop: Path, run: Run, tmp_path: Path) -> None:
    """Not what came before the broken line either, and no store is made for it."""
    before = state_of(tmp_path)
    (shop / "issues.jsonl").write_text('{"id": "a", "title": "A"}\n{"id": "b"\n', encoding="utf-8")
    expected = state_of(tmp_path)
    assert "issues.jsonl, line 2: it is not JSON" in refused("IMPORT_INVALID", "issues.jsonl")
    assert state_of(tmp_path) == expected != before


@pytest.mark.parametrize("text", ["", "{}", '{"issues": []}', '{"kind": "item"}', "null", "- [ ] a list", "\0"])
def test_a_file_of_no_known_form(shop: Path, text: str) -> None:
    """Whoever names a file of which nobody can tell what it is learns of `--from`, not of what export writes."""
    (shop / "unknown").write_text(text, encoding="utf-8")
    error = refused("IMPORT_INVALID", "unknown")
    assert "nor does its form tell which program did; nothing was imported. Next: pass `--from`" in error


class TestClaudeCode:
    """With the real one."""

    pytestmark = NEEDS_CLAUDE_CODE

    @pytest.mark.parametrize("era", NEW_ERA)
    def test_its_own_tasks(self, claude: ClaudeCode, era: Era) -> None:
        """Tasks that it made for itself are found from the project; imported, they are claimed and finished."""
        shop = make_project(claude.home, "shop")
        made = claude.run(
            shop,
            [("TaskCreate", {"subject": "Build it", "description": "all"})],
            [("TaskCreate", {"subject": "Test it", "description": "all"})],
            [("TaskUpdate", {"taskId": "2", "addBlockedBy": ["1"]})],
            era=era,
            arguments=["--allowedTools", "TaskCreate,TaskUpdate"],
        )
        assert [one.is_error for one in made.calls] == [False] * 3, made
        imported = told(claude.home, shop, "import", "--from", "claude-tasks", "--json")
        assert [one["outcome"] for one in json.loads(imported)["items"]] == ["new", "new"]
        done = claude.run(
            shop,
            [("claim_work_item", {"actor": "ana"})],
            [("update_work_items", {"updates": [{"id": 1, "status": "completed"}], "actor": "ana"})],
            [("claim_work_item", {"actor": "ana"})],
            era=era,
        )
        claims = [one.data["item"] for one in done.calls if one.tool == "claim_work_item"]
        assert [one["title"] for one in claims] == ["Build it", "Test it"]
        assert claims[1]["external_ref"].startswith("claude-tasks:")
        assert claims[1]["external_ref"].endswith("/2")
        again = json.loads(told(claude.home, shop, "import", "--from", "claude-tasks", "--json"))
        assert [one["outcome"] for one in again["items"]] == ["unchanged", "unchanged"]
