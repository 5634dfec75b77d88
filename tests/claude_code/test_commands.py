"""`workflow-mcp hook` and `workflow-mcp statusline`, as Claude Code runs them, beside a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clients import processes
from tests.clients.agents import agent_on, make_project
from tests.clients.stdio import Wire, environment
from tests.support import write_config
from workflow_mcp.sessions.actors import actor_name
from workflow_mcp.storage.sqlite.deletion import delete
from workflow_mcp.storage.sqlite.known import KnownProjects

SESSION = "0d1610cf-63f7-41e8-a8e0-b99e456fbab0"
HOLDER = actor_name(SESSION)


def run(base: Path, command: str, cwd: Path, given: str | None = None, **variables: str) -> str:
    """What a command prints in a directory, given what Claude Code gives it; it always succeeds."""
    told = json.dumps({"session_id": SESSION, "cwd": str(cwd), "source": "startup"}) if given is None else given
    done = processes.run([command], cwd=base, env=environment(base, **variables), given=told)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def work(base: Path, folder: Path, *calls: tuple[str, dict[str, Any]]) -> None:
    """Calls of the conversation to its server, which all succeed."""
    env = environment(base, CLAUDE_CODE_SESSION_ID=SESSION, CLAUDE_PROJECT_DIR=str(folder))
    with Wire(folder, env) as wire:
        wire.open()
        for tool, arguments in calls:
            answer = wire.call(tool, **arguments)
            assert not answer.is_error, answer.text


async def test_a_session_is_told_of_its_work(tmp_path: Path) -> None:
    """The project, what the session and its subagents hold, and the first five that are ready."""
    folder = make_project(tmp_path, "demo")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create(*(f"Item {number}" for number in range(1, 10)))
        await agent.data("claim_work_item", id=1, actor=HOLDER)
        await agent.data("claim_work_item", id=2, actor="somebody")
    (folder / "src").mkdir()
    first, heading, held, ready, *items = run(tmp_path, "hook", folder / "src").splitlines()
    assert first == "workflow-mcp: project demo, 7 ready, 2 in progress, 0 blocked, 0 done of 9."
    assert heading == f"Held by this session as {HOLDER}:"
    assert held.startswith('#1 task p2 "Item 1" (until ')
    assert ready.startswith("Ready, in order")
    assert items == [f'#{number} task p2 "Item {number}"' for number in range(3, 8)]
    assert run(tmp_path, "statusline", folder) == "demo · 7 ready · #1 Item 1\n"


def test_nothing_is_said_where_there_is_no_project(tmp_path: Path) -> None:
    """No byte, and nothing is made: where no config is, where it chooses no project, and where nobody may work."""
    folder, chosen_by_session = make_project(tmp_path, "demo"), make_project(tmp_path, "open", auto_switch=False)
    for command in ("hook", "statusline"):
        assert run(tmp_path, command, tmp_path) == ""
        assert run(tmp_path, command, chosen_by_session) == ""
        assert run(tmp_path, command, tmp_path / "gone") == ""
        assert run(tmp_path, command, folder, WORKFLOW_MCP_ALLOWED_ROOTS=str(chosen_by_session)) == ""
    assert not (tmp_path / "data").exists()


async def test_a_session_that_works_elsewhere_is_told_of_that(tmp_path: Path) -> None:
    """What was set or chosen in the conversation counts when it is resumed, as it does for its calls."""
    here, there, third = (make_project(tmp_path, name) for name in ("here", "there", "third"))
    for folder in (there, third):
        async with agent_on(tmp_path, folder) as agent:
            await agent.create("Something")
    work(tmp_path, here, ("set_working_directory", {"directory": str(there)}))
    assert run(tmp_path, "statusline", here) == "there · 1 ready\n"
    assert run(tmp_path, "statusline", here, json.dumps({"cwd": str(here)})) == "here · 0 ready\n"
    work(tmp_path, here, ("switch_project", {"project": "third"}))
    assert run(tmp_path, "hook", here).startswith("workflow-mcp: project third, 1 ready")


async def test_a_config_that_has_no_id_yet(tmp_path: Path) -> None:
    """The only project of its name is meant; of two, neither is counted."""
    named = make_project(tmp_path, "demo", folder="named", with_id=False)
    for folder, shown in (("first", "demo · 1 ready\n"), ("second", "demo\n")):
        async with agent_on(tmp_path, make_project(tmp_path, "demo", folder=folder)) as agent:
            await agent.create("Something")
        assert run(tmp_path, "statusline", named) == shown


async def test_a_repository_that_may_have_to_ask_is_shown_no_items(tmp_path: Path) -> None:
    """Where new repositories are refused, a copied config shows the name that stands in it, and nothing else."""
    folder = make_project(tmp_path, "demo")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("Secret")
    assert run(tmp_path, "hook", folder, WORKFLOW_MCP_JOIN="ask") == "workflow-mcp: project demo.\n"
    assert run(tmp_path, "statusline", folder, WORKFLOW_MCP_JOIN="ask") == "demo\n"


def test_what_stands_in_the_way_is_said_in_one_line(tmp_path: Path) -> None:
    """A config that is broken, a file that is none and a session that cannot be read: by code, and what to do."""
    broken, damaged = tmp_path / "broken", make_project(tmp_path, "damaged")
    broken.mkdir()
    write_config(broken, "{")
    project_id = json.loads((damaged / ".workflow-mcp" / "config.json").read_text())["project"]["id"]
    (tmp_path / "data" / "projects").mkdir(parents=True)
    (tmp_path / "data" / "projects" / f"{project_id}.db").write_text("no database" * 100)
    for folder, code in ((broken, "CONFIG_INVALID"), (damaged, "STORE_UNREACHABLE")):
        [line] = run(tmp_path, "hook", folder).splitlines()
        assert line.startswith(f"workflow-mcp: {code}: ")
        assert " Next: " in line
        assert run(tmp_path, "statusline", folder) == f"workflow-mcp: {code}\n"
    work(tmp_path, broken, ("set_working_directory", {"directory": str(tmp_path)}))
    [entry] = (tmp_path / "data" / "sessions" / "sessions").glob("*.json")
    entry.write_text("{}")
    assert run(tmp_path, "statusline", tmp_path) == "workflow-mcp: SESSION_UNREADABLE\n"


async def test_a_deleted_project_is_said_to_be_one(tmp_path: Path) -> None:
    """Also where a config names it by its name alone: nobody is told that it is empty."""
    folder, by_name = make_project(tmp_path, "demo"), make_project(tmp_path, "demo", folder="by-name", with_id=False)
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("x")
    project_id = json.loads((folder / ".workflow-mcp" / "config.json").read_text())["project"]["id"]
    data = tmp_path / "data"
    delete(data, KnownProjects(data, None), project_id, datetime.now(UTC))
    [line] = run(tmp_path, "hook", folder).splitlines()
    assert line.startswith("workflow-mcp: PROJECT_DELETED: the project 'demo' was deleted at ")
    assert f"`workflow-mcp projects restore {project_id}`" in line
    assert run(tmp_path, "statusline", by_name) == "workflow-mcp: PROJECT_DELETED\n"


@pytest.mark.parametrize("given", ["", "no JSON", "[]", '{"session_id": 1, "cwd": null, "workspace": 7}', "{"])
def test_input_that_is_not_claude_code_s(tmp_path: Path, given: str) -> None:
    """The directory is then the process's own, and the conversation nobody's."""
    make_project(tmp_path, "demo", folder=".")
    assert run(tmp_path, "hook", tmp_path, given) == "workflow-mcp: project demo, no work items yet.\n"
    assert run(tmp_path, "statusline", tmp_path, given) == "demo · 0 ready\n"


def test_the_status_line_follows_its_workspace(tmp_path: Path) -> None:
    """What Claude Code gives a status line names the directory twice; the one that follows `cd` counts."""
    folder = make_project(tmp_path, "demo")
    given = {"session_id": SESSION, "cwd": str(tmp_path), "workspace": {"current_dir": str(folder)}}
    assert run(tmp_path, "statusline", tmp_path, json.dumps(given)) == "demo · 0 ready\n"
