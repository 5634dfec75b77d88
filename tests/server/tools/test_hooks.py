"""What the plugin's hooks are answered: by event, in Claude Code's shapes, and nothing where nothing is to be said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.claude_code.test_commands import run
from tests.clients.agents import Agent, make_project
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.protocol import Era
from workflow_mcp import build_server
from workflow_mcp.sessions.actors import actor_name

SESSION = "0d1610cf-63f7-41e8-a8e0-b99e456fbab0"
NEXT_SESSION = "22222222-2222-4222-8222-222222222222"
MAIN = actor_name(SESSION)
EVENTS = ("SessionStart", "SubagentStart", "PreCompact", "Stop", "UserPromptSubmit")
OPTIONS = {"hook_remind_at_stop": True, "hook_tell_changes": True}


@asynccontextmanager
async def hooked(base: Path, era: Era, **settings: Any) -> AsyncIterator[Agent]:
    """A client like Claude Code with the plugin."""
    server = build_server(isolated_settings(base, **{"hook_tool": True, **settings}))
    async with in_memory(server, era) as peer:
        yield Agent(peer)


async def answer(claude: Agent, event: str, cwd: Path, **more: str) -> str:
    """What the hook of an event is answered."""
    given = {"event": event, "session": SESSION, "cwd": str(cwd), "agent": "", "agent_type": "", **more}
    return await claude.told("describe_work", **given)


def context(text: str) -> str:
    """What a hook's output gives the model."""
    output = json.loads(text)["hookSpecificOutput"]
    assert set(output) == {"hookEventName", "additionalContext"}
    told: str = output["additionalContext"]
    return told


async def filled(claude: Agent, folder: Path) -> None:
    """Three items, the first of which the main agent holds."""
    await claude.go(folder)
    await claude.create("First", "Second", "Third")
    await claude.data("claim_work_item", id=1, actor=MAIN)


async def test_a_session_is_told_the_same_by_the_server_and_by_the_command(era: Era, tmp_path: Path) -> None:
    """Two ways to one text: the command for starts without a server, the tool after `/clear` and a compaction."""
    folder = make_project(tmp_path, "demo")
    async with hooked(tmp_path, era) as claude:
        await filled(claude, folder)
        told = context(await answer(claude, "SessionStart", folder))
        assert told + "\n" == run(tmp_path, "hook", folder)
    assert f'Held by this session as {MAIN}:\n#1 task p2 "First" (until ' in told


async def test_a_subagent_is_told_its_name_and_its_parent_s_claim(era: Era, tmp_path: Path) -> None:
    """In at most 300 bytes, and in the directory that it starts in, which need not be its parent's."""
    folder, other = make_project(tmp_path, "demo"), make_project(tmp_path, "other")
    async with hooked(tmp_path, era) as claude:
        await filled(claude, folder)
        agent = {"agent": "ad1816f02a9cd35d1", "agent_type": "Explore"}
        told = context(await answer(claude, "SubagentStart", folder, **agent))
        elsewhere = context(await answer(claude, "SubagentStart", other, **agent))
    name = actor_name(SESSION, "ad1816f02a9cd35d1", "Explore")
    first, heading, held = told.splitlines()
    assert first == f"workflow-mcp: project demo. Calls of this subagent are made as {name}."
    assert heading == "Held by the main agent:"
    assert held.startswith('#1 task p2 "First" (until ')
    assert elsewhere == f"workflow-mcp: project other. Calls of this subagent are made as {name}."


async def test_a_summary_is_told_what_it_must_not_lose(era: Era, tmp_path: Path) -> None:
    """As plain text, which is what reaches the summary; nothing when nothing is held."""
    folder = make_project(tmp_path, "demo")
    async with hooked(tmp_path, era) as claude:
        assert await answer(claude, "PreCompact", folder) == ""
        await filled(claude, folder)
        first, held = (await answer(claude, "PreCompact", folder)).splitlines()
    assert first == f"workflow-mcp: project demo. Held by this session as {MAIN}:"
    assert held.startswith('#1 task p2 "First" (until ')


async def test_a_conversation_after_clear_is_told_what_the_one_before_held(era: Era, tmp_path: Path) -> None:
    """The same Claude Code process goes on with it, under a new name."""
    folder = make_project(tmp_path, "demo")
    async with hooked(tmp_path, era) as claude:
        await filled(claude, folder)
        await answer(claude, "SessionStart", folder)
        told = context(await answer(claude, "SessionStart", folder, session=NEXT_SESSION))
    assert f'Held by this session as {actor_name(NEXT_SESSION)}:\n#1 task p2 "First"' in told


async def test_a_person_is_reminded_when_claude_stops(era: Era, tmp_path: Path) -> None:
    """Shown, never a reason to go on; nothing when nothing is held."""
    folder = make_project(tmp_path, "demo")
    async with hooked(tmp_path, era, **OPTIONS) as claude:
        assert json.loads(await answer(claude, "Stop", folder)) == {}
        await filled(claude, folder)
        output = json.loads(await answer(claude, "Stop", folder))
    assert set(output) == {"systemMessage"}
    assert output["systemMessage"].startswith('workflow-mcp: this session still holds #1 task p2 "First" (until ')


async def test_a_prompt_brings_what_changed_since_the_last_one(era: Era, tmp_path: Path) -> None:
    """What has become ready, and what others have that the session held; each once, and not what it did itself."""
    folder = make_project(tmp_path, "demo")
    async with hooked(tmp_path, era, **OPTIONS) as claude:
        await filled(claude, folder)
        await claude.create("Fourth", depends_on=[2])
        await claude.data("claim_work_item", id=3, actor=MAIN)
        assert json.loads(await answer(claude, "UserPromptSubmit", folder)) == {}
        await claude.finish(1, actor=MAIN)
        await claude.finish(2, actor="bob")
        taken = {"id": 3, "assignee": "bob", "expected_version": 2}
        await claude.told("update_work_items", updates=[taken], actor="bob")
        told = context(await answer(claude, "UserPromptSubmit", folder))
        assert json.loads(await answer(claude, "UserPromptSubmit", folder)) == {}
    assert told.splitlines() == [
        "workflow-mcp: changed in project demo since the last prompt:",
        'now ready: #4 task p2 "Fourth"',
        'no longer held by this session: #3 task p2 "Third", in_progress',
    ]


async def test_what_nobody_asked_for_is_not_told(era: Era, tmp_path: Path) -> None:
    """The two options are off by default: their hooks are answered with nothing, whatever there is to say."""
    folder = make_project(tmp_path, "demo")
    async with hooked(tmp_path, era) as claude:
        await filled(claude, folder)
        for event in ("Stop", "UserPromptSubmit"):
            assert [json.loads(await answer(claude, event, folder)) for _ in range(2)] == [{}, {}]


async def test_nothing_is_said_where_there_is_no_project(era: Era, tmp_path: Path) -> None:
    """To no event; and nothing is made."""
    (tmp_path / "empty").mkdir()
    async with hooked(tmp_path, era, **OPTIONS) as claude:
        answers = {event: await answer(claude, event, tmp_path / "empty") for event in EVENTS}
    assert answers == {event: "" if event == "PreCompact" else "{}" for event in EVENTS}
    assert not (tmp_path / "data").exists()


async def test_no_model_sees_the_tool(era: Era, tmp_path: Path) -> None:
    """It is in no list, and not there at all where the plugin did not ask for it."""
    async with hooked(tmp_path, era) as claude:
        assert "describe_work" not in {tool["name"] for tool in await claude.peer.tools()}
    async with hooked(tmp_path, era, hook_tool=False) as claude:
        assert (await claude.call("describe_work", event="Stop", session=SESSION, cwd=str(tmp_path))).is_error


@pytest.mark.parametrize(
    "wrong", [{"event": "SubagentStop"}, {"session": "a b"}, {"agent": "../x"}, {"agent_type": "a\nb"}, {"cwd": "x"}]
)
async def test_what_claude_code_does_not_send(era: Era, tmp_path: Path, wrong: dict[str, str]) -> None:
    """It is refused, in one line."""
    async with hooked(tmp_path, era) as claude:
        given = {"event": "SessionStart", "session": SESSION, "cwd": str(tmp_path), **wrong}
        code = "DIRECTORY_NOT_ABSOLUTE" if "cwd" in wrong else "ARGUMENT_INVALID"
        await claude.refused(code, "describe_work", **given)
