"""Principals and projects over HTTP: each reaches its own, and cannot tell another's from one that is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.agents import Agent, ids_in, make_project
from tests.clients.databases import Database
from tests.clients.http import HttpClient
from tests.clients.protocol import Era, Message
from tests.clients.served import served_here
from tests.server.tools.test_projects import files_in, id_in
from tests.storage.support import open_store
from tests.support import config_text, write_config
from tests.transports.http.test_handles import TOKENS
from workflow_mcp.server.hook_answers import HookEvent
from workflow_mcp.storage.store import Store
from workflow_mcp.work.members import Member, Role
from workflow_mcp.work.values import Project

MARK = "belongs-to-ann"
NAMES = ("ann", "bob", "eve", "rea")
DYNAMIC = ("pid", "started_at", "uptime_s", "sessions", "calls", "errors", "config_cache")


def token_of(name: str) -> str:
    """A principal's token."""
    return TOKENS.get(name, name[0] * 32)


@dataclass
class World:
    """A server that asks for tokens, and Ann at work in a project of hers, with a name that others use as well."""

    url: str
    base: Path
    store: Store
    era: Era
    clients: AsyncExitStack
    project: Project

    async def client(self, name: str, folder: Path | None = None) -> HttpClient:
        """A client with this principal's token, in a folder if one is named."""
        headers = [("Authorization", f"Bearer {token_of(name)}")]
        headers += [] if folder is None else [("X-Workflow-Directory", str(folder))]
        return await self.clients.enter_async_context(HttpClient(self.url, self.era, tuple(headers)))

    async def at(self, name: str, folder: Path | None = None) -> Agent:
        """The same as an agent."""
        return Agent(await self.client(name, folder))  # type: ignore[arg-type]  # an HttpClient calls tools as a peer does

    def folder(self, name: str, project_id: str | None) -> Path:
        """A folder whose config names the project with this id."""
        (self.base / name).mkdir()
        write_config(self.base / name, config_text("shop", project_id=project_id))
        return self.base / name

    async def let_in(self, name: str, role: Role) -> None:
        """Make a principal a member of Ann's project, as whoever runs the server can."""
        await self.store.set_member(self.project, Member(name, role))


@pytest.fixture
async def world(
    tmp_path: Path, era: Era, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """The world, in which Ann's project is archived nowhere and has a few items."""
    tokens = tmp_path / "tokens"
    tokens.write_text("".join(f"{name}:{token_of(name)}\n" for name in NAMES))
    tokens.chmod(0o600)
    monkeypatch.setenv("WORKFLOW_MCP_STATE_DIR", str(tmp_path / "state"))
    database: Database | None = request.getfixturevalue("database") if hasattr(request, "param") else None
    where: dict[str, Any] = {} if database is None else {"database_url": database.url}
    async with (
        served_here(tmp_path, tokens_file=tokens, hook_tool=True, state_dir=tmp_path / "state", **where) as server,
        open_store(database or tmp_path / "data") as store,
        AsyncExitStack() as clients,
    ):
        made = World(server.url, tmp_path, store, era, clients, Project(None, "shop"))
        folder = make_project(tmp_path, "shop", folder="ann", with_id=False, description=MARK)
        ann = await made.at("ann", folder)
        await ann.create(f"one {MARK}", f"two {MARK}", description=MARK, labels=[MARK])
        made.project = Project(id_in(folder), "shop")
        yield made


def requests(project: str, folder: Path) -> list[tuple[str, Message]]:
    """Every tool, resource and prompt, tried on a project in every way that it can be named."""
    one = {"id": 1}
    tools: list[tuple[str, Message]] = [
        ("get_working_directory", {}),
        ("health_check", {}),
        ("list_projects", {"text": "shop"}),
        ("list_projects", {"archived": True}),
        *(("list_work_items", {"view": view}) for view in ("ready", "open", "mine", "blocked", "done", "all", "tree")),
        ("list_work_items", {"label": MARK, "actor": "ann"}),
        ("get_work_item", one),
        ("create_work_items", {"items": [{"title": "x"}]}),
        ("claim_work_item", {"actor": "bob"}),
        ("claim_work_item", {"actor": "bob", "wait_seconds": 1}),
        ("update_work_items", {"updates": [one | {"title": "mine"}], "actor": "bob"}),
        ("link_work_items", one | {"other": 2, "kind": "blocks"}),
        ("delete_work_items", {"ids": [1], "confirm": True}),
        ("init_project", {}),
        ("init_project", {"name": "shop"}),
        ("switch_project", {"project": project}),
        ("switch_project", {"project": project.upper()}),
        ("list_work_items", {}),
        ("switch_project", {"project": ""}),
        ("set_working_directory", {"directory": str(folder)}),
        ("end_session", {}),
    ]
    hooks: tuple[HookEvent, ...] = ("SessionStart", "SubagentStart", "PreCompact", "Stop", "UserPromptSubmit")
    tools += [("describe_work", {"event": event, "session": "s", "cwd": str(folder)}) for event in hooks]
    tools += [("bind_call", {"session": "s", "call": "c", "cwd": str(folder)})]
    resources = ("workspace", "config-schema", "work-items/1", "ready")
    return [
        *(("tools/call", {"name": name, "arguments": arguments}) for name, arguments in tools),
        *(("resources/read", {"uri": f"workflow://{name}"}) for name in resources),
        ("prompts/get", {"name": "plan_work", "arguments": {"goal": "to see it"}}),
    ]


async def said(client: HttpClient, project: str, folder: Path) -> list[str]:
    """What a client is told, without what differs between any two calls, and with the same word for id and folder."""
    answers = []
    for method, params in requests(project, folder):
        answer = await client.exchange(method, params)
        told = answer.get("result", answer).get("structuredContent") or {}
        if "uptime_s" in told:
            answer = {name: value for name, value in told.items() if name not in DYNAMIC}
        elif told.get("session"):
            answer = told | {"session": "HANDLE"}
        text = json.dumps(answer | {"id": 0})
        answers.append(text.replace(project, "ID").replace(project.upper(), "UPPER").replace(str(folder), "FOLDER"))
    return answers


@pytest.mark.parametrize("world", ["database"], indirect=True)
async def test_in_a_database_it_cannot_be_told_either(world: World) -> None:
    """The same of a project in PostgreSQL."""
    await check_that_it_cannot_be_told(world)
    assert not (world.base / "data" / "projects").exists()


async def test_a_project_of_others_cannot_be_told_from_none(world: World) -> None:
    """Whatever Bob calls, in whatever way he names Ann's project; no file is made."""
    await check_that_it_cannot_be_told(world)
    assert files_in(world.base) == [world.project.id]


async def check_that_it_cannot_be_told(world: World) -> None:
    """Whatever Bob calls, in whatever way he names Ann's project: byte for byte as for an id that nobody has.

    Nothing of hers is in it, nothing of hers changes, and nothing is made.
    """
    nobodys = str(uuid4())
    foreign, unknown = world.folder("foreign", world.project.known_id), world.folder("unknown", nobodys)
    before = [record async for record in world.store.export(world.project)]
    of_foreign = await said(await world.client("bob", foreign), world.project.known_id, foreign)
    of_unknown = await said(await world.client("bob", unknown), nobodys, unknown)
    assert of_foreign == of_unknown
    in_hers = await said(await world.client("bob", world.base / "ann"), world.project.known_id, world.base / "ann")
    assert in_hers == of_unknown
    assert not [text for text in of_foreign if MARK in text or "ann" in text.replace("cannot", "")]
    assert [record async for record in world.store.export(world.project)] == before
    assert (await world.store.list_projects(archived=True)).projects == (world.project,)
    refused = [text for text in of_foreign if "PROJECT_UNKNOWN" in text]
    assert len(refused) > 20


async def test_every_tool_is_tried(world: World) -> None:
    """A new tool, resource or prompt has to be added to what is tried."""
    client = await world.client("bob")
    tried = requests("", world.base)
    tools = {params["name"] for method, params in tried if method == "tools/call"} - {"bind_call", "describe_work"}
    assert tools == {tool["name"] for tool in (await client.request("tools/list"))["tools"]}
    uris = {params["uri"].replace("/1", "/{id}") for method, params in tried if method == "resources/read"}
    listed = [one["uri"] for one in (await client.request("resources/list"))["resources"]]
    templates = (await client.request("resources/templates/list"))["resourceTemplates"]
    assert uris == {*listed, *(one["uriTemplate"] for one in templates)}
    assert [one["name"] for one in (await client.request("prompts/list"))["prompts"]] == ["plan_work"]


async def test_who_has_no_project_is_told_how_to_get_one(world: World) -> None:
    """Everything works; the list of projects says how one gets in, and a directory can be made one's own project."""
    (world.base / "eve").mkdir()
    eve = await world.at("eve", world.base / "eve")
    assert (await eve.data("health_check"))["workspace_error"] is None
    told = await eve.told("list_projects")
    assert told.startswith("projects: 0 shown\n")
    assert "`workflow-mcp members add eve`" in told
    assert "NO_PROJECT" in await eve.refused("NO_PROJECT", "list_work_items")
    await eve.data("init_project")
    assert ids_in(await eve.told("create_work_items", items=[{"title": "mine"}])) == [1]
    [_, row] = (await eve.told("list_projects")).splitlines()
    assert row == f"eve  {id_in(world.base / 'eve')}  (yours)"
    assert await world.store.members(Project(id_in(world.base / "eve"), "eve")) == (Member("eve", "admin"),)


async def test_whoever_creates_a_project_is_its_admin(world: World) -> None:
    """By `init_project`, or by a first change where the config has no id; a name that others use is free."""
    bob = await world.at("bob", world.folder("bob", None))
    assert (
        await bob.told("list_work_items") == "project: shop | 0 ready, 0 in progress, 0 blocked, 0 done of 0 | 0 shown"
    )
    await bob.create("of bob")
    assert await bob.titles() == ["of bob"]
    made = id_in(world.base / "bob")
    assert made not in (None, world.project.id)
    again = await world.at("bob", world.folder("again", None))
    assert await again.titles() == ["of bob"], "the only project of his of that name"
    (world.base / "new").mkdir()
    new = await world.at("bob", world.base / "new")
    result = await new.data("init_project", name="other")
    assert result["project"] == {"id": id_in(world.base / "new"), "name": "other"}
    assert (await new.data("init_project"))["project"] == result["project"], "repeated, it makes nothing"
    named = await world.at("bob", world.folder("named", None))
    if world.era == "legacy":
        assert (await named.data("switch_project", project="shop"))["project"]["id"] == made
    for project_id, name in ((made, "shop"), (result["project"]["id"], "other")):
        assert await world.store.members(Project(project_id, name)) == (Member("bob", "admin"),)
    assert len(files_in(world.base)) == 3


async def test_roles_over_http(world: World) -> None:
    """Who reads gets one clear error for every change; who writes may change work; who is let out is out at once."""
    folder = world.folder("rea", world.project.known_id)
    rea = await world.at("rea", folder)
    await rea.refused("PROJECT_UNKNOWN", "list_work_items")
    await world.let_in("rea", "read")
    assert len(await rea.titles()) == 2
    assert f"shop  {world.project.id}  (yours)" in await rea.told("list_projects")
    changes: list[tuple[str, Message]] = [
        ("create_work_items", {"items": [{"title": "x"}]}),
        ("claim_work_item", {"actor": "rea"}),
        ("claim_work_item", {"actor": "rea", "wait_seconds": 1}),
        ("update_work_items", {"updates": [{"id": 1, "title": "x"}]}),
        ("link_work_items", {"id": 1, "other": 2, "kind": "blocks"}),
        ("delete_work_items", {"ids": [1]}),
    ]
    told = {await rea.refused("ROLE_INSUFFICIENT", tool, **arguments) for tool, arguments in changes}
    assert len(told) == 1
    assert "`workflow-mcp members add rea --role write`" in told.pop()
    by_name = world.folder("by-name", None)
    await (await world.at("rea", by_name)).refused("ROLE_INSUFFICIENT", "create_work_items", items=[{"title": "x"}])
    assert id_in(by_name) is None, "what is refused writes no config"
    await world.let_in("rea", "write")
    assert await rea.create("three") == [3]
    await world.store.remove_member(world.project, "rea")
    for tool, arguments in changes:
        await rea.refused("PROJECT_UNKNOWN", tool, **arguments)


async def test_a_choice_ends_with_the_membership(world: World) -> None:
    """A session that had chosen a project loses it with its member, and hears no more of it, not even its new name."""
    await world.let_in("bob", "write")
    bob = await world.at("bob", world.folder("bob", str(uuid4())))
    bob.session = (await bob.data("switch_project", project="shop"))["session"]
    assert len(await bob.titles()) == 2
    await world.store.rename_project(world.project, MARK)
    assert (await bob.data("get_working_directory"))["project"]["name"] == MARK
    await world.store.remove_member(world.project, "bob")
    before: Any = None
    for tool in ("get_working_directory", "list_work_items", "create_work_items"):
        arguments = {"items": [{"title": "x"}]} if tool == "create_work_items" else {}
        told = await bob.refused("PROJECT_UNKNOWN", tool, **arguments)
        assert MARK not in told
        assert before in (None, told)
        before = told
    assert MARK not in await bob.told("list_projects")
    assert (await bob.data("health_check"))["status"] == "degraded"


async def test_a_project_is_not_created_twice_nor_in_vain(world: World) -> None:
    """Of several calls at once one creates it; where the config cannot be written, nothing is left of it."""
    (at_once := world.base / "at-once").mkdir()
    (in_vain := world.base / "in-vain").mkdir()
    (in_vain / ".workflow-mcp").write_text("in the way")
    many = [await world.at("bob", at_once) for _ in range(5)]
    results = await asyncio.gather(*(one.data("init_project") for one in many))
    assert {result["project"]["id"] for result in results} == {id_in(at_once)}
    vain = await world.at("bob", in_vain)
    await vain.refused("CONFIG_NOT_WRITABLE", "init_project")
    assert (await vain.told("list_projects")).splitlines()[0] == "projects: 1 shown"
    await many[0].create("usable")
