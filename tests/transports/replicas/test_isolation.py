"""The isolation matrix on three servers in strict turn: each answer names the project of who asked, and no other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.clients.databases import Database
from tests.clients.hooked import Hooked, new_call
from tests.clients.http import Header, HttpClient
from tests.clients.protocol import ERAS, Era
from tests.server.test_isolation import Client, Project, Way
from tests.transports.http.test_handles import TOKENS, tokens_file
from tests.transports.replicas.conftest import Replicas

__all__ = ["tokens_file"]

# These servers cannot ask handshake-era clients for roots.
CELLS: list[tuple[Era, Way]] = [
    (era, way) for era in ERAS for way in ("session", "header", "roots") if (era, way) != ("legacy", "roots")
]


async def works_alone(client: Client, *, turns: int) -> None:
    """Its calls are for its own project, and of all items it sees only its own."""
    await client.settle(new_session=False)
    for turn in range(turns):
        await client.check()
        made = await client.peer.call(
            "create_work_items", items=[{"title": f"{turn} of {client.project.id}"}], actor="one", **client.handle
        )
        assert not made.is_error, made.text
        listed = await client.peer.call("list_work_items", **client.handle)
        assert f"#{turn + 1} " in listed.text, listed.text
        assert listed.text.count(f" of {client.project.id}") == listed.text.count(" of ") - 1 == turn + 1, listed.text


def make_admin(database: Database, principal: str, project_id: str) -> None:
    """Make the project, and the principal its admin, as whoever runs a server does."""
    database.run("INSERT INTO projects (id, name, next_item_id, created_at) VALUES (%s, 'same name', 1, 0)", project_id)
    database.run("INSERT INTO members (project_id, principal, role) VALUES (%s, %s, 'admin')", project_id, principal)


@pytest.mark.parametrize("guarded", [False, True])
async def test_each_answer_is_for_who_asked(
    guarded: bool, replicas: Replicas, database: Database, tmp_path: Path, tokens_file: Path
) -> None:
    """Two clients of each era in each way, of two principals or without tokens, all at once."""
    settings = {"tokens_file": tokens_file} if guarded else {}
    async with replicas(**settings) as balancer, AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for number, (era, way) in enumerate((*CELLS, *CELLS)):
            project = Project(tmp_path / f"project-{number}")
            project.make()
            headers: list[Header] = [("X-Workflow-Directory", str(project.sub))] if way == "header" else []
            if guarded:
                name = ("ann", "bob")[number // len(CELLS)]
                make_admin(database, name, project.id)
                headers.append(("Authorization", f"Bearer {TOKENS[name]}"))
            uri = project.sub.as_uri()
            roots = (lambda uri=uri: [uri]) if way == "roots" else None
            peer = await stack.enter_async_context(HttpClient(balancer.url, era, tuple(headers), roots))
            tasks.create_task(works_alone(Client(peer, project, way), turns=4))
    assert max(balancer.passed) - min(balancer.passed) <= 1


async def test_a_bound_call(era: Era, replicas: Replicas, tmp_path: Path) -> None:
    """What the hook says to one server holds for the call that comes to the next, once, and after `/clear` too."""
    (tmp_path / "one").mkdir()
    async with replicas(hook_tool=True) as balancer, HttpClient(balancer.url, era) as client:
        agent = Hooked(client, tmp_path / "one")
        for _ in range(4):
            assert await agent.place() == (str(tmp_path / "one"), "call")
        call = new_call()
        await agent.bind(call)
        assert await agent.place(agent.unbound, call) == (str(tmp_path / "one"), "call")
        assert await agent.place(agent.unbound, call) == (None, None)
