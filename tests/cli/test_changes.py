"""The commands that change work items, run in this process, and by two processes at once."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.clients.shell import Shell
from tests.clients.stdio import PATIENCE, environment
from tests.storage.support import linux_only
from workflow_mcp.work.text import is_name, name_from
from workflow_mcp.work.validation import MAX_NAME_LENGTH


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let stdin have these bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_plan_is_made_worked_on_and_finished(shell: Shell) -> None:
    """One session: add, claim, note, done; each answer shows the item and what became ready."""
    assert shell.told("add", "Log in", "-t", "epic", "-l", "ui", "-l", "auth") == (
        'shop: added 1\n  #1 epic p2 ready "Log in"\n'
    )
    shell.told("add", "Form", "--parent", "1", "-p", "1", "--accept", "it opens")
    shell.told("add", "Test it", "--parent", "#1", "--after", "2")
    assert '#2 task p1 in_progress "Form" @Ana López' in shell.told("claim")
    shell.told("note", "#2", "half done")
    assert shell.told("done", "2", "-m", "see form.html", "-e", "1a2b3c4", "--met", "1") == (
        'shop: done 1\n  #2 task p1 completed "Form" @Ana López\nnow ready:\n  #3 task p2 ready "Test it"\n'
    )
    shown = shell.data("show", "2")
    assert [note.partition(": ")[2] for note in shown["notes"]] == ["half done", "see form.html"]
    assert shown["item"]["evidence"] == ["commit: 1a2b3c4"]
    assert shell.item(1)["labels"] == ["auth", "ui"]


def test_every_field_can_be_changed(shell: Shell) -> None:
    """`update` takes all that the tool for it takes, for several items at once; `--no-…` removes."""
    shell.told("add", "one")
    shell.told("add", "two", "-l", "old")
    shell.told("update", "2", "--title", "zwei", "-d", "text", "-t", "bug", "-p", "0", "-l", "new")
    shell.told("update", "2", "--remove-label", "old", "--parent", "1", "--assignee", "Bo", "-m", "why")
    changed = shell.item(2)
    assert [changed[name] for name in ("title", "description", "item_type", "priority", "labels", "parent")] == [
        "zwei", "text", "bug", 0, ["new"], 1,
    ]  # fmt: skip
    assert changed["assignee"] == "Bo"
    shell.told("update", "2", "--no-parent", "--no-assignee")
    shell.told("update", "2", "--status", "in_progress", "--actor", "Cleo")
    assert (shell.item(2)["parent"], shell.item(2)["assignee"]) == (None, "Cleo")
    both = shell.data("update", "1,#2", "-p", "3", "--actor", "Cleo")
    assert [item["priority"] for item in both["items"]] == [3, 3]
    assert shell.refused("update", "1") == "2 ARGUMENT_INVALID"
    assert shell.refused("update", "1", "--parent", "2", "--no-parent") == "2 ARGUMENT_INVALID"


def test_what_is_held_is_kept_and_given_back(shell: Shell) -> None:
    """What somebody holds nobody else changes; `release` gives it back, and a claim without number takes the next."""
    shell.told("add", "only")
    shell.told("claim", "1", "--actor", "Bo")
    for refused in (["claim", "1"], ["done", "1"], ["release", "1"], ["delete", "1"]):
        assert shell.refused(*refused) == "1 ITEM_CLAIMED"
    for wait in ([], ["--wait", "1"], ["1", "--wait", "1"]):
        assert shell.run("claim", "--json", *wait) == 1
        assert json.loads(shell.printed())["item"] is None
    assert shell.told("release", "1", "--actor", "Bo") == 'shop: released 1\n  #1 task p2 ready "only"\n'
    assert shell.data("claim", "--lease", "5", "--wait", "50")["item"]["assignee"] == "Ana López"


def test_what_waits_for_others_is_completed_by_force_alone(shell: Shell) -> None:
    """`done` refuses it and names what is unfinished; `--force` completes it."""
    shell.told("add", "first")
    shell.told("add", "then", "--after", "1")
    assert shell.refused("done", "2").startswith("1 ")
    assert '#2 task p2 completed "then"' in shell.told("done", "2", "--force")


def test_links_and_deletions(shell: Shell) -> None:
    """`link` says what it did and what became ready; `delete` asks for children, and `restore` brings all back."""
    for title in ("a", "b"):
        shell.told("add", title)
    assert shell.told("link", "1", "blocks", "2") == "shop: linked #1 blocks #2\n"
    assert shell.data("link", "1", "blocks", "2")["changed"] is False
    assert '#2 task p2 ready "b"' in shell.told("link", "#1", "blocks", "#2", "--remove")
    shell.told("update", "2", "--parent", "1")
    assert shell.refused("delete", "1") == "1 CHILDREN_NEED_CONFIRM"
    assert shell.told("delete", "1", "--confirm").startswith("shop: deleted 1 and 1 below it\n")
    assert shell.refused("restore", "2") == "1 PARENT_DELETED"
    assert shell.data("restore", "1")["below"] == 1
    assert shell.item(2)["state"] == "ready"


def test_restore_takes_numbers_or_a_file(shell: Shell, folder: Path) -> None:
    """A number is a work item, a path is a backup, also of a file that is called like a number."""
    shell.told("add", "kept")
    shell.told("backup", "12")
    shell.told("delete", "1")
    assert shell.refused("restore", "12") == "1 ITEM_NOT_FOUND"
    assert "shop, 1 work items" in shell.told("restore", "./12")
    assert shell.item(1)["title"] == "kept"
    for unclear in (["restore"], ["restore", "1", "file"], ["restore", "a", "b"], ["restore", "1", "--empty"]):
        assert shell.refused(*unclear) == "2 ARGUMENT_INVALID"
    assert (folder / "12").is_file()


def test_long_texts_come_from_stdin(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads a description or a note; what is not UTF-8, or too long, is refused, and nothing is stored."""
    type_in(monkeypatch, "Größe\n\n- a\n".encode())
    shell.told("add", "-", "-d", "-")
    assert (shell.item(1)["title"], shell.item(1)["description"]) == ("-", "Größe\n\n- a")
    type_in(monkeypatch, b"-done\n")
    shell.told("note", "1", "-")
    assert shell.data("show", "1")["notes"][0].endswith(": -done")
    type_in(monkeypatch, b"\xff")
    assert shell.refused("done", "1", "-m", "-") == "2 ARGUMENT_INVALID"
    type_in(monkeypatch, "🚀".encode() * 20_001)
    assert shell.refused("update", "1", "-d", "-") == "2 ITEM_INVALID"
    assert shell.item(1)["status"] == "pending"


def test_who_acts(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The actor is `--actor`, else git's user, else the login; what cannot be a name is refused or left out."""
    assert shell.data("add", "a", "--actor", "Bo")["actor"] == "Bo"
    assert shell.data("add", "a")["actor"] == "Ana López"
    assert shell.refused("add", "a", "--actor", "\x1b[1m") == "2 ITEM_INVALID"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("LOGNAME", "<ana>")
    assert shell.data("add", "a")["actor"] == "ana"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shell.data("add", "a")["actor"] == "ana"


@given(st.text(max_size=300))
@example("0&:&0")
@example("0;\u0300")
@example("0;\u0300:\u0300")
def test_a_name_from_anything(text: str) -> None:
    """Whatever somebody is called becomes a name that an actor can have, or none; a name stays what it is."""
    name = name_from(text, MAX_NAME_LENGTH)
    assert name is None or (is_name(name) and len(name) <= MAX_NAME_LENGTH)
    assert name is None or name_from(name, MAX_NAME_LENGTH) == name
    assert name is not None or not any(one.isascii() and one.isalnum() for one in text)


def test_nothing_is_changed_in_a_dry_run(shell: Shell, folder: Path) -> None:
    """Under `dry_run` every command that changes something is refused."""
    shell.told("add", "a")
    config = folder / ".workflow-mcp" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "dry_run": True}))
    changes = ["add b", "claim", "done 1", "note 1 n", "release 1", "update 1 -p 1", "link 1 blocks 2", "delete 1"]
    for change in (*changes, "restore 1"):
        assert shell.refused(*change.split()) == "1 DRY_RUN"
    assert shell.item(1)["version"] == 1


def test_two_processes_that_claim_at_once(tmp_path: Path, shell: Shell, folder: Path) -> None:
    """Each gets an item of its own, under its own name."""
    for number in range(4):
        shell.told("add", f"item {number}")
    base = tmp_path

    def claim(name: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "workflow_mcp", "claim", "--json", "--actor", name],
            cwd=folder, env={**environment(base), "WORKFLOW_MCP_STATE_DIR": os.environ["WORKFLOW_MCP_STATE_DIR"]},
            capture_output=True, encoding="utf-8", timeout=150, check=True,
        )  # fmt: skip
        item: dict[str, Any] = json.loads(done.stdout)["item"]
        return item

    with ThreadPoolExecutor() as pool:
        claimed = list(pool.map(claim, ["one", "two"]))
    assert {item["assignee"] for item in claimed} == {"one", "two"}
    assert len({item["id"] for item in claimed}) == 2


def _has_a_project_open(pid: int) -> bool:
    return any(os.path.realpath(one).endswith(".db") for one in Path(f"/proc/{pid}/fd").glob("*"))


@linux_only
def test_a_claim_says_how_it_is_ended(shell: Shell) -> None:
    """By the same actor, if one was named: nobody else may."""
    for title in ("first", "second"):
        shell.told("add", title)
    assert "`workflow-mcp done 1 --actor 'Bo B'` ends it." in shell.told("claim", "--actor", "Bo B")
    assert "`workflow-mcp done 2` ends it." in shell.told("claim")


def test_control_c_ends_a_claim_that_waits(shell: Shell, tmp_path: Path) -> None:
    """Without a word, with the code that shells give to what was interrupted, and with nothing claimed."""
    shell.told("add", "only")
    shell.told("claim", "1", "--actor", "Bo")
    command = [sys.executable, "-W", "error", "-m", "workflow_mcp", "claim", "--wait", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        try:
            until = time.monotonic() + PATIENCE
            while not _has_a_project_open(process.pid) and process.poll() is None and time.monotonic() < until:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=PATIENCE) == ("", "")
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGINT
    shell.told("release", "1", "--actor", "Bo")
    assert shell.item(1)["state"] == "ready"
