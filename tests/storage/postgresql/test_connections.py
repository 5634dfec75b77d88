"""Connections that are lost, databases that are busy, stopped or behind a pooler."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import psycopg
import pytest
from sqlalchemy import make_url

from tests.clients.databases import Database
from tests.clients.postgresql import PASSWORD, free_port, own_server
from tests.storage.stores import open_store
from tests.storage.support import ids, make, refused
from tests.support import BOUND
from workflow_mcp.errors import StoreError
from workflow_mcp.storage.postgresql import commits, connections, faults
from workflow_mcp.storage.postgresql.store import postgresql_store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Actor, ItemUpdate, Project

Cut = Literal["before", "after"]
CHUNK = 2**16
SESSIONS = "FROM pg_stat_activity WHERE application_name = 'workflow-mcp'"


class Proxy:
    """Stands between a client and the database, and cuts the connection of the next commit.

    Args:
        url: where the database is.
    """

    def __init__(self, url: str) -> None:
        self._at = make_url(url)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.url = self._at.set(port=port).render_as_string(hide_password=False)
        self.cut: Cut | None = None
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody connect any more."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection((str(self._at.host), int(self._at.port or 0)))
                threading.Thread(target=self._back, args=(server, client), daemon=True).start()
                threading.Thread(target=self._forth, args=(client, server), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client, server:
            while data := client.recv(CHUNK):
                cut = self.cut if b"COMMIT\0" in data else None
                if cut is not None:
                    self.cut, self.cuts = None, self.cuts + 1
                    # From now on the client hears nothing.
                    client.shutdown(socket.SHUT_RDWR)
                if cut != "before":
                    server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                client.sendall(data)


@pytest.fixture
def proxy(database: Database) -> Iterator[Proxy]:
    """A proxy of the database."""
    with closing(Proxy(database.url)) as opened:
        yield opened


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_whose_answer_is_lost_is_made_once(
    database: Database, proxy: Proxy, project: Project, ana: Actor, cut: Cut
) -> None:
    """Whether the connection was lost before the database had it or after: it is there once, and acknowledged."""
    through = Database(proxy.url, "", "")
    async with open_store(through) as store:
        (one,) = await make(store, project, ana, "one")
        for number in range(3):
            proxy.cut = cut
            changed = await store.update_items(project, [ItemUpdate(one, note=f"note {number}")], ana)
            assert changed.items[0].version == number + 2
            proxy.cut = cut
            assert await make(store, project, ana, f"item {number}") == [number + 2]
    assert proxy.cuts == 6
    assert database.run("SELECT text FROM notes ORDER BY id") == [(f"note {number}",) for number in range(3)]
    assert database.run("SELECT count(*) FROM items") == [(4,)]


async def test_an_outcome_that_is_not_known_is_told(
    database: Database, proxy: Proxy, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database does not come back in time, nothing is said to be stored, and nothing is tried again."""
    monkeypatch.setattr(faults, "BUSY_TIMEOUT", 0.2)
    monkeypatch.setattr(commits, "_status", lambda *_: None)
    async with open_store(Database(proxy.url, "", "")) as store:
        await store.ensure(project)
        proxy.cut = "after"
        await refused("STORE_OUTCOME_UNKNOWN", make(store, project, ana, "one"))
    assert database.run("SELECT count(*) FROM items") == [(1,)]


def test_the_outcome_where_the_database_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not known."""
    monkeypatch.setattr(faults, "BUSY_TIMEOUT", 0.1)
    with pytest.raises(StoreError, match="STORE_OUTCOME_UNKNOWN"):
        commits.was_committed(f"postgresql://x:x@127.0.0.1:{free_port()}/x", "700")


async def test_a_project_that_another_session_keeps_locked(
    database: Database, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers are told that it is busy after a while; readers do not notice."""
    for module in (faults, connections):
        monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.2)
    async with open_store(database) as store:
        await make(store, project, ana, "one")
        with psycopg.connect(database.url) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [connections.key_of(project.known_id)])
            await refused("STORE_BUSY", make(store, project, ana, "two"))
            assert await ids(store, project) == [1]
        assert await make(store, project, ana, "two") == [2]


async def test_a_session_that_is_terminated_is_replaced(database: Database, project: Project, ana: Actor) -> None:
    """Whoever calls next notices nothing."""
    async with open_store(database) as store:
        await make(store, project, ana, "one")
        for _ in range(3):
            database.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'workflow-mcp'"
            )
            assert await ids(store, project) == [1]


async def test_a_database_that_is_restarted(project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is down calls say so; afterwards all that was acknowledged is there, and it goes on as before."""
    monkeypatch.setattr(faults, "RECONNECT_TIMEOUT", 0.3)
    with own_server() as server:
        async with open_store(server.new_database()) as store:
            await make(store, project, ana, "one", "two")
            server.stop()
            assert "does not answer" in str(await refused("STORE_UNREACHABLE", ids(store, project)))
            await refused("STORE_UNREACHABLE", make(store, project, ana, "lost"))
            server.start()
            assert await ids(store, project) == [1, 2]
            assert await make(store, project, ana, "three") == [3]


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """A pooler in transaction mode, with fewer sessions than clients; the URL through it."""
    program, at, port = shutil.which("pgbouncer"), make_url(url), free_port()
    if program is None:
        pytest.skip("pgbouncer is not on the PATH")
    with TemporaryDirectory(prefix="workflow-pgbouncer-") as folder:
        Path(folder, "users").write_text(f'"{at.username}" "{PASSWORD.replace("%40", "@")}"\n')
        Path(folder, "ini").write_text(
            f"[databases]\n* = host={at.host} port={at.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
            f"unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = transaction\n"
            "default_pool_size = 3\nmax_client_conn = 100\n"
        )
        Path(folder).chmod(0o755)
        user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
        started = subprocess.Popen(
            [*user, program, f"{folder}/ini"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield at.set(port=port).render_as_string(hide_password=False)
        finally:
            started.terminate()
            started.wait(BOUND)


async def test_behind_a_pooler_in_transaction_mode(database: Database, project: Project) -> None:
    """Two servers with more connections than the pooler has sessions: every call is answered, and answered right."""
    threads = WorkerThreads()
    with pgbouncer(database.url) as url:
        async with (
            postgresql_store(url, pooled=True, threads=threads) as one,
            postgresql_store(url, pooled=True, threads=threads) as two,
        ):
            await accepted_by(url)
            others = [Project(f"00000000-0000-4000-8000-{number:012}", str(number)) for number in range(8)]
            for here in (project, *others):
                await make(one, here, Actor("x", "/"), *(f"{here.name}-{number}" for number in range(10)))

            async def work(here: Project, number: int) -> list[int]:
                store, actor, found = (one, two)[number % 2], Actor(f"a{number}", "/"), []
                while (claimed := await store.claim_item(here, actor)) is not None:
                    assert claimed.item.title.startswith(f"{here.name}-")
                    found.append(claimed.item.id)
                    await ids(store, here, "mine", actor=actor.name)
                return found

            async def both(here: Project) -> list[int]:
                first, second = await asyncio.gather(work(here, 0), work(here, 1))
                return sorted([*first, *second])

            taken = await asyncio.gather(*(both(here) for here in (project, *others)))
            assert taken == [list(range(1, 11))] * 9
            async with one.changes(project) as changes:
                await make(two, project, Actor("x", "/"), "told of")
                assert await changes.next(BOUND), "it is looked for: a pooler lets nobody listen"
    threads.close()


async def accepted_by(url: str) -> None:
    """Wait until a connection is accepted."""
    async with asyncio.timeout(BOUND):
        while True:
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError:
                await asyncio.sleep(0.01)
            else:
                return


def test_errors_that_no_retry_mends() -> None:
    """What there is no room for, or may not be written, has a code of its own; what is no fault stays as it is."""
    for state, code in (
        (psycopg.errors.DiskFull, "STORE_FULL"),
        (psycopg.errors.ReadOnlySqlTransaction, "STORE_READ_ONLY"),
    ):
        with pytest.raises(StoreError) as caught, faults.store_errors():
            raise state("it says so")
        assert caught.value.code == code
        assert faults.patience_for(state("x")) == 0
    with pytest.raises(psycopg.errors.SyntaxError), faults.store_errors():
        raise psycopg.errors.SyntaxError("a defect of ours")
    assert faults.fault_of(psycopg.OperationalError("FATAL:  sorry, too many clients already")) == "busy"
    assert faults.fault_of(psycopg.OperationalError("FATAL:  the database system is starting up")) == "lost"
    assert faults.fault_of(psycopg.OperationalError('FATAL:  database "no" does not exist')) == "absent"
    assert faults.fault_of(psycopg.OperationalError('FATAL:  role "no" does not exist')) == "refused"
    assert faults.fault_of(psycopg.errors.DeadlockDetected("x")) == "busy"


async def test_only_a_uuid_is_a_project(database: Database) -> None:
    """Whatever a config says."""
    async with open_store(database) as store:
        for project_id in ("", "x", "*", "11111111111141118111111111111111", "A" * 36):
            await refused("PROJECT_ID_INVALID", store.ensure(Project(project_id, "x")))
    assert database.run("SELECT count(*) FROM projects") == [(0,)]
