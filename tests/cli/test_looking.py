"""The commands tree, log, use and watch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.shell import Shell
from tests.support import posix_only

PATIENCE = 50


def test_a_tree(shell: Shell) -> None:
    """What is open, each item below its parent; what is finished with `--view all`; one item with all below it."""
    shell.told("add", "epic", "-t", "epic")
    for title, parent in (("a", "1"), ("below a", "2"), ("b", "1")):
        shell.told("add", title, "--parent", parent)
    shell.told("add", "alone")
    shell.told("done", "4")
    rows = ['#1 epic p2 blocked "epic" <#2', '  #2 task p2 blocked "a" <#3', '    #3 task p2 ready "below a"']
    done, alone = '  #4 task p2 completed "b"', '#5 task p2 ready "alone"'
    heading = "shop: 2 ready, 0 in progress, 2 blocked, 1 done of 5"
    assert shell.told("tree").splitlines() == [heading, *(f"  {row}" for row in (*rows, alone))]
    assert shell.told("tree", "--view", "all").splitlines()[1:] == [f"  {row}" for row in (*rows, done, alone)]
    assert shell.told("tree", "#2").splitlines()[1:] == [f"  {row.removeprefix('  ')}" for row in rows[1:]]
    assert shell.told("tree", "4").splitlines()[1:] == [f"  {done.strip()}"]
    [top] = shell.data("tree", "1")
    assert [(item["id"], [one["id"] for one in item["children"]]) for item in top["children"]] == [(2, [3])]
    assert shell.refused("tree", "9") == "1 ITEM_NOT_FOUND"


def test_a_tree_of_many(shell: Shell, tmp_path: Path) -> None:
    """More items than one page has are all there, once."""
    items = [{"kind": "item", "id": number, "parent": 1 if number > 1 else None} for number in range(1, 412)]
    shell.told("add", "pattern")
    header, pattern, *_ = [json.loads(line) for line in shell.told("export").splitlines()]
    shell.told("delete", "1")
    records = [header, *({**pattern, **item} for item in items), {"kind": "end", "items": 411}]
    records[-1] |= {"links": 0, "notes": 0, "events": 0}
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    shell.told("import", str(file))
    assert len(set(shell.told("tree").splitlines())) == 412


def test_a_log(shell: Shell) -> None:
    """The project's changes, or one item's, or the last few; as JSON with all that is known."""
    shell.told("add", "one")
    shell.told("add", 'two"\\', "--actor", "Bo")
    shell.told("delete", "2")
    lines = [line.partition(" ")[2] for line in shell.told("log").splitlines()]
    assert lines == [
        '#1 created by Ana López "one" title: one, item_type: task, priority: 2',
        r'#2 created by Bo "two\"\\" title: "two\"\\", item_type: task, priority: 2',
        r'#2 deleted by Ana López "two\"\\" with: 2',
    ]
    assert [entry["action"] for entry in shell.data("log", "2")] == ["created", "deleted"]
    [entry] = shell.data("log", "--limit", "1")
    assert (entry["item"], entry["changes"], entry["directory"]) == (2, {"with": 2}, os.getcwd())
    assert shell.refused("log", "9") == "1 ITEM_NOT_FOUND"


def test_use(shell: Shell, folder: Path, tmp_path: Path) -> None:
    """It names the project, the config that says so and who acts, and changes nothing."""
    below = folder / "src"
    below.mkdir()
    told = shell.data("use", "--directory", str(below))
    assert (told["project"]["name"], told["actor"], told["actor_source"]) == ("shop", "Ana López", "git's user.name")
    assert told["because"] == f"{folder / '.workflow-mcp' / 'config.json'} is the nearest config at or above {below}"
    assert not (tmp_path / "data").exists()
    assert shell.refused("use", "--directory", str(tmp_path)) == "1 NO_PROJECT"


@contextmanager
def watching(*options: str) -> Iterator[subprocess.Popen[str]]:
    """A process that watches the project, and has begun to."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "workflow_mcp", "watch", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "watching shop until stopped\n"
            yield process
        finally:
            process.kill()


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_watching_until_it_is_stopped(shell: Shell, number: signal.Signals) -> None:
    """A line for each change of another process; a signal ends it with code 0 and without a word."""
    shell.told("add", "one")
    with watching() as process:
        assert process.stdout is not None
        shell.told("claim", "1", "--actor", "Bo")
        assert '#1 claimed by Bo "one" status: pending -> in_progress' in process.stdout.readline()
        shell.told("done", "1", "--actor", "Bo")
        assert '#1 completed by Bo "one"' in process.stdout.readline()
        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 0


@posix_only
def test_watching_ends_with_its_reader(shell: Shell) -> None:
    """When the pipe is closed it ends, also while nothing changes; with `--json` a line is an object."""
    with watching("--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shell.told("add", "one")
        assert json.loads(process.stdout.readline())["action"] == "created"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) == 0


def test_a_table_tells_why(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a wide terminal too: what a blocked item waits for, and how long a claim still runs."""
    for title in ("first", "second"):
        shell.told("add", title)
    shell.told("add", "third", "--after", "1,2")
    shell.told("claim", "1", "--lease", "10080")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shell.told("list").splitlines() if "│" in line]
    told = {row[0]: (row[3], row[5]) for row in rows}
    assert told == {
        "1": ("in_progress", "Ana López, 6d left"),
        "2": ("ready", ""),
        "3": ("blocked <#1,#2", ""),
    }


def test_a_log_of_nothing(shell: Shell) -> None:
    """It says so; as JSON it is an empty list."""
    assert shell.told("log") == "Nothing has been changed yet.\n"
    assert shell.data("log") == []
