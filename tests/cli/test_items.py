"""The command line's side of work items: each command as a process, the rest of what it does in this one."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

import workflow_mcp
from tests.clients.agents import Agent, agent_on, assert_one_line, make_project
from tests.clients.processes import Done, run
from tests.clients.stdio import environment
from tests.server.test_reading import state_of
from tests.server.tools.test_catalog import ORDER as TOOLS
from tests.storage.support import raw
from tests.support import posix_only
from workflow_mcp.cli import details, importing, items, transfer
from workflow_mcp.cli.errors import NEXT_STEPS
from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.text import HIDDEN

NOT_DONE = ("ITEM_NOT_FOUND", "ITEM_DELETED", "NO_PROJECT")


def command(base: Path, cwd: Path, *arguments: str, given: str | None = None) -> Done:
    """One run of `workflow-mcp` in a directory; warnings are errors."""
    return run(arguments, cwd=cwd, env=environment(base, PYTHONIOENCODING="ascii"), given=given)


def told(base: Path, cwd: Path, *arguments: str, given: str | None = None) -> str:
    """The stdout of a run that is all well."""
    done = command(base, cwd, *arguments, given=given)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def refused(code: str, base: Path, cwd: Path, *arguments: str, given: str | None = None) -> str:
    """The one line of a run that is refused."""
    done = command(base, cwd, *arguments, given=given)
    assert (done.returncode, done.stdout) == (1 if code in NOT_DONE else 2, ""), done
    assert_one_line(done.stderr.strip())
    assert done.stderr.startswith(f"{code}: "), done.stderr
    return done.stderr


async def filled(base: Path, folder: Path) -> None:
    """A project with some of everything."""
    async with agent_on(base, folder) as agent:
        await agent.create("Log in", item_type="epic", labels=["auth", "später"], description="Größe: 名前\n\n🚀")
        await agent.create("Build the form", "Test it", parent=1)
        await agent.told("link_work_items", id=2, other=3, kind="blocks")
        await agent.data("claim_work_item", actor="ana")
        await agent.told("update_work_items", updates=[{"id": 2, "note": "half done"}], actor="ana")
        await agent.create("Too much")
        await agent.told("delete_work_items", ids=[4])
        await agent.create("Done already")
        await agent.finish(5)


@pytest.fixture
async def project(tmp_path: Path) -> Path:
    """A filled project's folder."""
    folder = make_project(tmp_path, "codebase-mcp")
    await filled(tmp_path, folder)
    return folder


@pytest.fixture
def here(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The filled project, for commands that run in this process."""
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))
    return project


@pytest.fixture
async def big(tmp_path: Path) -> Path:
    """A project whose export fills any pipe."""
    folder = make_project(tmp_path, "big")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create(*["x" * 200] * 100, description="y" * 10_000)
    return folder


async def everything(agent: Agent) -> list[dict[str, Any]]:
    """All about each item that is not deleted."""
    found = []
    for item_id in (1, 2, 3, 5):
        detail = await agent.data("get_work_item", id=item_id)
        found.append({name: value for name, value in detail.items() if name not in ("project", "events")})
    return found


def test_list_and_show_print_json(tmp_path: Path, project: Path) -> None:
    """`list` and `show` print JSON with `--json`, in UTF-8 whatever the terminal's own encoding is."""
    listed = json.loads(told(tmp_path, project, "list", "--json"))
    assert [item["id"] for item in listed] == [1, 2, 3]
    shown = json.loads(told(tmp_path, tmp_path, "show", "1", "--json", "--directory", str(project)))
    assert shown["item"] == listed[0]
    assert shown["item"]["description"] == "Größe: 名前\n\n🚀"


def test_what_is_printed_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--json` it is text for reading, and `ready` lists what can be claimed."""
    items.ready(directory=str(here), as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    items.ready(directory=str(here))
    assert capsys.readouterr().out == (
        "project: codebase-mcp | 0 ready, 1 in progress, 2 blocked, 1 done of 4 | 0 shown\n"
    )
    items.list_items(view="all", directory=str(here))
    out = capsys.readouterr().out
    assert re.search(r'^#2 task p2 in_progress "Build the form" @ana, 5\dm left$', out, re.MULTILINE)
    details.show(1, directory=str(here))
    text = capsys.readouterr().out
    for part in ("#1 Log in", "labels: auth, später", "Größe: 名前", "not ready: below it, #2, #3 are unfinished"):
        assert part in text


async def test_export_and_import(tmp_path: Path, project: Path) -> None:
    """What one project exports another imports whole, with the same ids; exported again it is the same file."""
    exported = told(tmp_path, project, "export")
    kinds = [json.loads(line)["kind"] for line in exported.splitlines()]
    assert {"project", "item", "link", "note", "event", "end"} == set(kinds)
    other = make_project(tmp_path, "other")
    (tmp_path / "all.jsonl").write_text(exported, encoding="utf-8")
    assert told(tmp_path, other, "import", str(tmp_path / "all.jsonl")) == "5 items imported into other\n"
    again = told(tmp_path, other, "import", str(tmp_path / "all.jsonl"))
    assert again == "nothing imported into other: this file was imported before\n"
    assert told(tmp_path, other, "export").splitlines()[1:] == exported.splitlines()[1:]
    async with agent_on(tmp_path, project) as agent:
        original = await everything(agent)
        await agent.go(other)
        assert await everything(agent) == original
        await agent.told("delete_work_items", ids=[4], restore=True)
        assert (await agent.item(4))["title"] == "Too much"


def test_an_export_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As Markdown, a diagram or a table, without what was deleted."""
    for form, begins in (("markdown", "# codebase-mcp\n"), ("mermaid", "flowchart LR\n"), ("csv", "id,title,")):
        transfer.export(to=cast("transfer.Format", form), directory=str(here))
        document = capsys.readouterr().out
        assert document.startswith(begins)
        assert "Build the form" in document
        assert "Too much" not in document
    transfer.export(directory=str(here))
    lines = capsys.readouterr().out
    transfer.export(directory=str(here), as_json=True)
    assert capsys.readouterr().out == lines
    with pytest.raises(WorkflowError, match="ARGUMENT_INVALID: --json and --format csv"):
        transfer.export(to="csv", directory=str(here), as_json=True)


async def test_import_where_ids_are_taken(tmp_path: Path, project: Path) -> None:
    """Ids that are taken are replaced, everywhere, and the command says by which; nothing that was there changes."""
    exported = told(tmp_path, project, "export")
    other = make_project(tmp_path, "other")
    async with agent_on(tmp_path, other) as agent:
        await agent.create("mine", "mine too")
    done = told(tmp_path, other, "import", "-", given=exported)
    assert done.startswith("5 items imported into other: #1 is #6, #2 is #7")
    async with agent_on(tmp_path, other) as agent:
        assert [(await agent.item(number))["title"] for number in (1, 2)] == ["mine", "mine too"]
        form = await agent.data("get_work_item", id=7)
        assert (form["item"]["parent"], form["ancestors"]) == (6, ['#6 epic p2 blocked "Log in" <#3,#7'])
        assert form["links"] == ['blocks #3 task p2 blocked "Test it" <#7']


BROKEN = [
    b'{"kind": "item", "id": ',
    b"[1, 2]",
    b"\x00",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"kind": "dragon"}',
    b'{"kind": "item", "id": 9, "title": 7}',
    b'{"kind": "link", "source": 1, "target": 99, "link": "blocks"}',
]


def test_a_broken_import(tmp_path: Path, project: Path) -> None:
    """A line that is no record is named in one line, and nothing is imported, not even what came before it."""
    exported = told(tmp_path, project, "export")
    other = make_project(tmp_path, "other")
    cut = "".join(exported.splitlines(keepends=True)[:-1])
    assert "the file was cut off" in refused("IMPORT_INVALID", tmp_path, other, "import", "-", given=cut)
    error = refused("IMPORT_INVALID", tmp_path, other, "import", "-", given=exported + "{\n")
    assert f"line {len(exported.splitlines()) + 1} is not a JSON object" in error
    assert json.loads(told(tmp_path, other, "list", "--view", "all", "--json")) == []


@pytest.mark.parametrize("line", BROKEN, ids=lambda line: line[:20].decode(errors="replace"))
def test_any_broken_line(here: Path, tmp_path: Path, line: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is wrong with a line, it is `IMPORT_INVALID`, in one line, and the project is as it was."""
    transfer.export(directory=str(here))
    exported = capsys.readouterr().out
    path = tmp_path / "broken.jsonl"
    path.write_bytes(exported.encode() + line + b"\n")
    with pytest.raises(WorkflowError) as caught:
        importing.read(str(path), directory=str(here))
    assert caught.value.code == "IMPORT_INVALID"
    assert_one_line(str(caught.value))
    transfer.export(directory=str(here))
    assert capsys.readouterr().out == exported


def test_what_is_refused(here: Path, tmp_path: Path) -> None:
    """Files that cannot be read, unknown items, places without a project and broken configs each have their code."""
    refusals: list[tuple[str, Callable[[], None]]] = [
        ("FILE_UNREADABLE", lambda: importing.read(str(tmp_path / "nothing"), directory=str(here))),
        ("SOURCE_NOT_FOUND", lambda: importing.read(str(tmp_path), directory=str(here))),
        ("ITEM_NOT_FOUND", lambda: details.show(99, directory=str(here))),
        ("NO_PROJECT", lambda: items.list_items(directory=str(tmp_path))),
        ("LIMIT_INVALID", lambda: items.list_items(limit=201, directory=str(here))),
    ]
    for code, doing in refusals:
        with pytest.raises(WorkflowError) as caught:
            doing()
        assert caught.value.code == code
        assert_one_line(str(caught.value))


def test_a_refusal_is_one_line(tmp_path: Path, project: Path) -> None:
    """It goes to stderr, and the exit code is 1."""
    assert "#99" in refused("ITEM_NOT_FOUND", tmp_path, project, "show", "99")


@pytest.mark.parametrize("with_id", [True, False], ids=["id", "no id"])
def test_reading_makes_nothing(tmp_path: Path, with_id: bool) -> None:
    """In a project that nobody has worked in yet, what only reads finds no work and makes no file."""
    folder = make_project(tmp_path, "fresh", with_id=with_id)
    before = state_of(tmp_path)
    commands = (["ready"], ["list", "--json"], ["show", "1"], ["export"], ["doctor"])
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(command, tmp_path, folder, *arguments) for arguments in commands]
    codes = [run.result().returncode for run in runs]
    assert codes == [0, 0, 1, 0, 0]
    assert "0 ready" in runs[0].result().stdout
    assert state_of(tmp_path) == before
    assert told(tmp_path, folder, "import", "-", given=runs[3].result().stdout) == "0 items imported into fresh\n"


def test_errors_name_commands(tmp_path: Path, project: Path) -> None:
    """What is to be done next is said as a command of this program, not as a tool of its server."""
    runs = [
        ("ITEM_NOT_FOUND", "run `workflow-mcp list --view all`", ["show", "99"]),
        ("ITEM_DELETED", "run `workflow-mcp restore`", ["show", "4"]),
        ("LIMIT_INVALID", "pass `--limit`", ["list", "--limit", "201"]),
        ("NO_PROJECT", "run `workflow-mcp init`", ["list", "--directory", str(tmp_path)]),
        ("DIRECTORY_NOT_FOUND", "name a directory that exists", ["list", "--directory", str(tmp_path / "gone")]),
    ]
    for code, command_named, arguments in runs:
        text = refused(code, tmp_path, project, *arguments)
        assert f"Next: {command_named}" in text
        assert not any(tool in text for tool in TOOLS)


def steps_that_name_a_tool() -> Iterator[tuple[str, str]]:
    """The codes of errors below the server that say which tool to call, each with its module."""
    root = Path(workflow_mcp.__file__).parent
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root)
        if module.parts[0] in ("server", "cli", "transports"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            arguments = node.args if isinstance(node, ast.Call) else []
            codes = [
                one.attr for one in arguments if isinstance(one, ast.Attribute) and ast.unparse(one.value) == "Code"
            ]
            if codes and any(tool in ast.unparse(node) for tool in (*TOOLS, "SET_IT")):
                yield codes[0], str(module)


NOT_AT_THE_COMMAND_LINE = {
    "ACTOR_REQUIRED", "NO_DIRECTORY", "NO_SESSION", "PROJECT_UNKNOWN", "ROOTS_UNANSWERED", "SESSION_NOT_REMOVED",
    "SESSION_UNKNOWN", "SESSION_UNREADABLE", "STRICT_MODE", "VARIABLE_NOT_SET",
}  # fmt: skip


def test_every_error_that_names_a_tool_has_a_command_too() -> None:
    """So that a new one is not forgotten; those about sessions cannot occur here."""
    found = dict(steps_that_name_a_tool())
    assert {"ITEM_NOT_FOUND", "NO_PROJECT"} <= found.keys()
    assert found.keys() - NEXT_STEPS.keys() - NOT_AT_THE_COMMAND_LINE == set()


def test_numbers_and_limits_as_they_are_written(tmp_path: Path, project: Path) -> None:
    """`#2` is the item 2; what is no number of an item, or no limit, is said in one line."""
    assert told(tmp_path, project, "show", "#2", "--json") == told(tmp_path, project, "show", "2", "--json")
    assert "'two' is not the number of a work item" in refused("ARGUMENT_INVALID", tmp_path, project, "show", "two")
    for command_name in ("list", "ready"):
        text = refused("LIMIT_INVALID", tmp_path, project, command_name, "--limit", "many")
        assert "limit 'many' is not a whole number from 1 to 200" in text
    assert json.loads(told(tmp_path, project, "list", "--limit", "1", "--json"))[0]["id"] == 1


def test_nothing_is_changed_in_a_dry_run(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under `dry_run` an import is refused like any other change."""
    transfer.export(directory=str(here))
    (tmp_path / "all.jsonl").write_text(capsys.readouterr().out, encoding="utf-8")
    config = here / ".workflow-mcp" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "dry_run": True}))
    with pytest.raises(WorkflowError) as caught:
        importing.read(str(tmp_path / "all.jsonl"), directory=str(here))
    assert caught.value.code == "DRY_RUN"


@posix_only
@pytest.mark.parametrize("arguments", [["list", "--json"], ["show", "1"]], ids=" ".join)
def test_a_reader_that_has_seen_enough(big: Path, tmp_path: Path, arguments: list[str]) -> None:
    """A pipe that is closed early ends `list` and `show` without a word."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "workflow_mcp", *arguments],
        cwd=big, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


@posix_only
def test_an_export_that_was_cut_off(big: Path, tmp_path: Path) -> None:
    """A full disk, and a reader that leaves, are one line and exit code 1: half an export is none."""
    for open_stdout in (full_disk, left_by_its_reader):
        stdout = open_stdout()
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "workflow_mcp", "export"],
            cwd=big, env=environment(tmp_path), stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8", timeout=150,
            check=False,
        )  # fmt: skip
        os.close(stdout)
        assert done.returncode == 1, done
        assert_one_line(done.stderr.strip())
        assert done.stderr.startswith("OUTPUT_INCOMPLETE: "), done.stderr


def full_disk() -> int:
    """A device that takes nothing."""
    return os.open("/dev/full", os.O_WRONLY)


def left_by_its_reader() -> int:
    """The writing end of a pipe that nobody reads any more."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end


HOSTILE = "\x1b]0;owned\x07 \x9b31m \u202egnp \u200b"


async def test_nothing_reaches_the_terminal_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escapes, directions and what has no width are written out, in what is for people and in JSON."""
    folder = make_project(tmp_path, "hostile")
    async with agent_on(tmp_path, folder) as agent:
        title = "".join(one for one in HOSTILE if unicodedata.category(one) != "Cc")
        await agent.create(title, "old", description=f"first\n{HOSTILE}")
        await agent.told(
            "update_work_items", updates=[{"id": 1, "note": f"{HOSTILE}\nnotes: 2. forged\nevents: forged"}]
        )
    (database,) = (tmp_path / "data" / "projects").glob("*.db")
    raw(database, "UPDATE items SET title = ? WHERE id = 2", "\u3164 \u202d")  # an earlier version allowed it
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))

    def printed() -> list[str]:
        found = []
        for as_json in (False, True):
            items.list_items(directory=str(folder), as_json=as_json)
            details.show(1, directory=str(folder), as_json=as_json)
            found.append(capsys.readouterr().out)
        transfer.export(directory=str(folder))
        return [*found, capsys.readouterr().out]

    for text in await asyncio.to_thread(printed):
        assert not HIDDEN.search(text.replace("\n", ""))
        if text.startswith("project: "):
            assert '"\\u3164 \\u202d"' in text
            beginnings = [line.partition(":")[0] for line in text.splitlines()]
            assert (beginnings.count("notes"), beginnings.count("events")) == (1, 2)
            assert "    \\x1b]0;owned\\x07 \\x9b31m \\u202egnp \\u200b" in text.splitlines()
        else:
            assert "\\u202egnp" in text


@posix_only
@pytest.mark.parametrize("arguments", [["list"], ["show", "1"], ["schema"]], ids=" ".join)
def test_a_reader_that_reads_nothing(project: Path, tmp_path: Path, arguments: list[str]) -> None:
    """A pipe that is closed before anything is written to it is no error either, however little that is."""
    out, stdout = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "workflow_mcp", *arguments],
        cwd=project, env=environment(tmp_path), stdout=stdout, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(stdout)
        os.close(out)
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(30) == 0
