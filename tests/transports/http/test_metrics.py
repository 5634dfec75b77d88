"""`GET /metrics`: what is counted, under which labels, and who may read it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.clients.agents import make_project
from tests.clients.http import Connection, HttpClient
from tests.clients.protocol import Era
from tests.clients.served import served_here
from tests.support import BOUND, until
from tests.transports.http.test_handles import TOKENS, tokens_file
from tests.transports.http.test_waiting_over_http import began, store_of
from workflow_mcp import __version__
from workflow_mcp.errors import StoreError
from workflow_mcp.server.catalog import TOOL_NAMES
from workflow_mcp.storage.databases import store_closed
from workflow_mcp.transports.http.metrics import Metrics

__all__ = ["tokens_file"]
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def metrics_text(client: HttpClient) -> str:
    """What `/metrics` answers."""
    answer = await client.connection.request("GET", client.headers, path="/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.body.decode()


async def figures(client: HttpClient) -> Figures:
    """The figures, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(await metrics_text(client))
        for sample in family.samples
    }


def figure(found: Figures, name: str, **labels: str) -> float:
    """One figure; 0 where there is none yet, as Prometheus has it."""
    return found.get((f"workflow_mcp_{name}", frozenset(labels.items())), 0)


async def test_calls_are_counted_by_tool_and_outcome(era: Era, tmp_path: Path) -> None:
    """Each call counts once, under its tool and `ok` or the code of its error, however often roots are asked for."""
    folder = make_project(tmp_path, "shop")
    async with served_here(tmp_path / "home") as server:
        roots = [folder.as_uri()]
        async with HttpClient(server.url, era, roots=lambda: roots) as client:
            for _ in range(3):
                assert not (await client.call("list_work_items")).is_error
            assert (await client.call("get_work_item", id=7)).code == "ITEM_NOT_FOUND"
            assert (await client.call("get_work_item", id="x")).code == "ARGUMENT_INVALID"
            found = await figures(client)
    assert client.asked
    assert figure(found, "calls_total", tool="list_work_items", outcome="ok") == 3
    assert figure(found, "calls_total", tool="get_work_item", outcome="ITEM_NOT_FOUND") == 1
    assert figure(found, "calls_total", tool="get_work_item", outcome="ARGUMENT_INVALID") == 1
    assert figure(found, "call_seconds_count", tool="list_work_items") == 3
    assert figure(found, "call_seconds_bucket", tool="get_work_item", le="+Inf") == 2
    assert figure(found, "info", version=__version__) == 1


async def test_a_cancelled_call_is_no_error(tmp_path: Path) -> None:
    """A call whose client leaves while it waits is counted as cancelled."""
    folder = make_project(tmp_path, "shop")
    async with served_here(tmp_path / "home") as server, HttpClient(server.url) as client:
        client.headers = (("X-Workflow-Directory", str(folder)),)
        await client.call("create_work_items", items=[{"title": "one"}])
        await client.call("claim_work_item", actor="ana")
        async with Connection(server.url) as connection:
            await began(client, connection, actor="ben")
            await until(lambda: len(store_of(server)._queues) == 1)
        async with asyncio.timeout(BOUND):
            while not figure(await figures(client), "calls_total", tool="claim_work_item", outcome="cancelled"):
                pass
        assert (await client.call("health_check")).data["errors"] == 0


async def test_the_store_and_what_is_open(tmp_path: Path) -> None:
    """Transactions are timed, reads apart from writes; sessions and connections are as many as there are."""
    folder = make_project(tmp_path, "shop")
    async with served_here(tmp_path / "home") as server, HttpClient(server.url) as client:
        handle = (await client.call("set_working_directory", directory=str(folder))).data["session"]
        before = await figures(client)
        await client.call("create_work_items", items=[{"title": "one"}], session=handle)
        middle = await figures(client)
        await client.call("list_work_items", session=handle)
        await client.call("list_projects", session=handle)
        after = await figures(client)
    assert figure(before, "sessions") == figure(before, "connections") == 1
    assert figure(before, "store_seconds_count", access="write") == 0
    assert figure(middle, "store_seconds_count", access="write") >= 1
    assert figure(after, "store_seconds_count", access="write") == figure(middle, "store_seconds_count", access="write")
    assert (
        figure(after, "store_seconds_count", access="read") >= figure(middle, "store_seconds_count", access="read") + 2
    )
    assert 0 < figure(after, "store_seconds_sum", access="write") < 60
    assert figure(after, "store_transactions") == 0


async def test_transactions_that_run_or_wait(tmp_path: Path) -> None:
    """They are counted while they do, also when they fail."""
    metrics = Metrics(())
    with metrics.storing("read"), metrics.storing("write"):
        assert b"workflow_mcp_store_transactions 2.0" in await metrics.text()
    with pytest.raises(StoreError), metrics.storing("read"):
        raise store_closed()
    text = await metrics.text()
    assert b"workflow_mcp_store_transactions 0.0" in text
    assert b'workflow_mcp_store_seconds_count{access="read"} 2.0' in text


async def test_clients_make_no_labels(tmp_path: Path) -> None:
    """No name that a client makes up is a label: not of tools, projects, paths, actors or handles."""
    folder = make_project(tmp_path / "some-path", "some-project")
    async with served_here(tmp_path / "home") as server, HttpClient(server.url) as client:
        client.headers = (("X-Workflow-Directory", str(folder)),)
        for number in range(20):
            assert (await client.call(f"some-tool-{number}")).code == "TOOL_UNKNOWN"
        await client.call("create_work_items", items=[{"title": "some-title"}], actor="some-actor")
        handle = (await client.call("set_working_directory", directory=str(folder))).data["session"]
        await client.call("list_work_items", session=handle)
        text, found = await metrics_text(client), await figures(client)
    assert "some-" not in text
    assert handle not in text
    assert figure(found, "calls_total", tool="unknown", outcome="TOOL_UNKNOWN") == 20
    assert {value for _, labels in found for name, value in labels if name == "tool"} <= TOOL_NAMES | {"unknown"}


@pytest.mark.parametrize(("setting", "without", "with_one"), [("on", 401, 200), ("open", 200, 200), ("off", 404, 404)])
async def test_who_may_read_them(tmp_path: Path, tokens_file: Path, setting: str, without: int, with_one: int) -> None:
    """Where clients need a token, so does `/metrics`, unless it is open to all; it can be left out altogether."""
    settings: dict[str, Any] = {"tokens_file": tokens_file, "metrics": setting}
    async with served_here(tmp_path / "home", **settings) as server, Connection(server.url) as connection:
        for headers, expected in [
            ([], without),
            ([("Authorization", "Bearer " + "x" * 32)], without),
            ([("Authorization", "Basic " + TOKENS["ann"])], without),
            ([("Authorization", "Bearer " + TOKENS["ann"])], with_one),
            ([("Authorization", "bearer " + TOKENS["ann"])], with_one),
        ]:
            answer = await connection.request("GET", headers, path="/metrics")
            assert answer.status == expected, headers
            assert (b"workflow_mcp_calls" in answer.body) == (expected == 200)
            assert ("www-authenticate" in answer.headers) == (expected == 401)


async def test_a_foreign_page_does_not_read_them(tmp_path: Path) -> None:
    """Without tokens, another host name, as DNS rebinding sends, is refused as everywhere."""
    async with served_here(tmp_path / "home") as server, HttpClient(server.url) as client:
        answer = await client.connection.request("GET", [("Host", "example.org")], path="/metrics")
        assert answer.status in (400, 421)
        assert b"workflow_mcp" not in answer.body
