"""A PostgreSQL server of the tests' own, in a temporary folder, and new databases in it.

`WORKFLOW_MCP_TEST_DATABASE_URL` names another server instead, by the URL of a user who may create databases and roles.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.clients.databases import Database

GIVEN = "WORKFLOW_MCP_TEST_DATABASE_URL"
# Taken when this is imported, because tests start from an environment without such variables.
GIVEN_URL = os.environ.get(GIVEN)
WHY_NOT = f"PostgreSQL's initdb and postgres are not on the PATH, and {GIVEN} is not set"
PATIENCE = 60.0  # seconds that the server may take to answer or to end
PASSWORD = "p%40ss:word"
UNSAFE = ("fsync=off", "full_page_writes=off")
SETTINGS = (
    *UNSAFE,
    "max_connections=200",
    "log_min_messages=log",
)
AS_IT_IS = {"LC_ALL": "C"}


class Server:
    """A server.

    Args:
        url: the superuser's URL of one of its databases.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._suffix = uuid4().hex[:8]
        self._made = 0

    def close(self) -> None:
        """Remove what was made in it."""
        with self.connected() as connection:
            for number in range(self._made + 1):
                connection.execute(f"DROP DATABASE IF EXISTS {self._name(number)} WITH (FORCE)".encode())
            for role in ("owner", "app"):
                connection.execute(f"DROP ROLE IF EXISTS {role}_{self._suffix}".encode())

    def connected(self) -> psycopg.Connection[Any]:
        """A connection as the superuser, without transactions."""
        return psycopg.connect(self.url, autocommit=True)

    @cached_property
    def template(self) -> Database:
        """A database with tables, of which others are copies; nobody is to be connected to it."""
        with self.connected() as connection:
            for role in ("owner", "app"):
                password = sql.Literal(PASSWORD.replace("%40", "@"))
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(f"{role}_{self._suffix}"), password))
        from workflow_mcp.storage.postgresql.schema import migrate  # it imports Alembic, which is not in every process

        made = self._create(0, "template0")
        migrate(made.owner_url, f"app_{self._suffix}")
        return made

    def new_database(self) -> Database:
        """A new database with tables."""
        _ = self.template
        self._made += 1
        return self._create(self._made, self._name(0))

    @cached_property
    def shared(self) -> Database:
        """A database that tests use one after the other; each clears it first."""
        return self.new_database()

    def _create(self, number: int, template: str, options: str = "ENCODING 'UTF8'") -> Database:
        name = self._name(number)
        with self.connected() as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {template} OWNER owner_{self._suffix} {options}".encode()
            )
        return Database(
            self._url(f"app_{self._suffix}", name), self._url(f"owner_{self._suffix}", name), self.in_(name)
        )

    def in_(self, name: str) -> str:
        """The superuser's URL of a database."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def _url(self, user: str, name: str) -> str:
        at = make_url(self.url)
        return f"postgresql://{user}:{PASSWORD}@{at.host}:{at.port}/{name}"

    def _name(self, number: int) -> str:
        return f"workflow_{self._suffix}_{number}"


class OwnServer(Server):
    """A server in a folder, which can be stopped and started.

    Args:
        folder: an empty folder.
        durable: whether it stores what it acknowledges, as installed servers do, and is that much slower.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._settings = tuple(one for one in SETTINGS if not (durable and one in UNSAFE))
        self._data = folder / "data"
        self._log = folder / "log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"postgresql://admin@127.0.0.1:{self._port}/postgres")
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        done = _as_postgres(
            "initdb", "-D", self._data, "-U", "admin", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )
        assert done.wait(PATIENCE) == 0, "initdb failed"
        # Passwords count for all but the superuser.
        rules = "host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(rules)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for setting in (*self._settings, f"port={self._port}") for part in ("-c", setting)]
        places = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self._process = _as_postgres("postgres", "-D", self._data, *options, *places)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.connected().close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, "postgres has ended"
                assert time.monotonic() < deadline, "postgres does not answer"
                threading.Event().wait(0.02)
            else:
                return

    def stop(self, *, crash: bool = False) -> None:
        """End it at once: its clients' connections are lost; with `crash` as a power cut would."""
        if self._process is not None:
            # Its children notice by themselves when it is gone.
            self._process.send_signal(9 if crash else 3 if sys.platform != "win32" else 9)
            self._process.wait(PATIENCE)
            self._process = None

    def close(self) -> None:
        """See `Server`; the folder goes with it."""
        self.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_postgres(program: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A program of PostgreSQL's, which refuses to be run by root."""
    command = [str(shutil.which(program)), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *command]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env={**os.environ, **AS_IT_IS}, cwd="/")


def can_start() -> bool:
    """Whether PostgreSQL's programs are here."""
    return all(shutil.which(program) for program in ("initdb", "postgres"))


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server, which is ended afterwards; the test is skipped where there is none."""
    if GIVEN_URL is not None:
        given = Server(GIVEN_URL)
        try:
            yield given
        finally:
            given.close()
        return
    if not can_start():
        pytest.skip(WHY_NOT)
    with own_server() as own:
        yield own


@contextlib.contextmanager
def own_server(*, durable: bool = False) -> Iterator[OwnServer]:
    """A server that may be stopped and started; the test is skipped where PostgreSQL's programs are not."""
    if not can_start():
        pytest.skip(WHY_NOT)
    # The user `postgres` cannot enter pytest's own folders.
    with tempfile.TemporaryDirectory(prefix="workflow-pg-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        server = OwnServer(Path(folder), durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.close()
