"""Table 2 row by row, and that nothing ever falls from one row to another."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import BOUND, PROJECT_ID, FakeClock, accepted, config_text, make_settings, turns, write_config
from workflow_mcp.errors import Code, ConfigError, DirectoryError, ProjectError, SessionError, WorkflowError
from workflow_mcp.session_context import MAX_IDLE, SessionContextManager
from workflow_mcp.sessions.caller import PROCESS_KEY, Caller, Era, Transport, handle_key
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.config_cache import ConfigCache
from workflow_mcp.workspace.directories import DirectorySource
from workflow_mcp.workspace.locator import Locator
from workflow_mcp.workspace.resolver import Resolver
from workflow_mcp.workspace.values import Call, Workspace

STDIO = Caller("2026-07-28", "stdio")
OTHER_ID = "0f0f0f0f-0000-4000-8000-000000000001"
HTTP = Caller("2026-07-28", "http")
EVERY: tuple[tuple[Era, Transport], ...] = (
    ("legacy", "stdio"),
    ("2026-07-28", "stdio"),
    ("legacy", "memory"),
    ("2026-07-28", "memory"),
    ("legacy", "http"),
    ("legacy", "sse"),
    ("2026-07-28", "http"),
)
ROWS: tuple[DirectorySource, ...] = ("session", "header", "option", "roots", "environment", "process")


class Roots:
    """A client that counts how often it is asked for its roots."""

    def __init__(self, *uris: str) -> None:
        self.uris = uris
        self.asked = 0

    async def __call__(self) -> Sequence[str]:
        self.asked += 1
        return self.uris


class World:
    """A directory for each row of table 2, and a resolver."""

    def __init__(self, base: Path, **settings: Any) -> None:
        self.base = base
        for row in ROWS:
            (base / row).mkdir(exist_ok=True)
        self.clock = FakeClock()
        self.alive = {PROCESS_KEY}
        self.sessions = SessionContextManager(clock=self.clock, is_alive=self.alive.__contains__)
        self.configs = ConfigCache()
        self.files = WorkerThreads(timeout=BOUND)
        own = make_settings(base, **settings)
        self.resolver = Resolver(
            sessions=self.sessions,
            locator=Locator(settings=own, configs=self.configs, threads=self.files),
            settings=own,
            find_project=self.find_project,
        )

    async def find_project(self, project_id: str, principal: str | None) -> Project:
        """The one other project there is."""
        assert principal is None
        if project_id != OTHER_ID:
            raise ProjectError(Code.PROJECT_UNKNOWN, f"{project_id} is unknown.", "name another.")
        return Project(OTHER_ID, "other")

    def at(self, row: str) -> str:
        """The directory of a row."""
        return str(self.base / row)


def make_world(base: Path, rows: Sequence[str], **settings: Any) -> World:
    """A world in which the launcher says what these rows say."""
    named = {"option": "directory", "environment": "claude_project_dir", "process": "process_directory"}
    return World(base, **{named[row]: str(base / row) for row in rows if row in named}, **settings)


async def resolved(base: Path, rows: Sequence[str], era: Era, transport: Transport) -> Workspace:
    """What a call resolves to when all of these rows say something, each its own directory."""
    world = make_world(base, rows)
    key = "c1" if era == "legacy" else PROCESS_KEY
    if "session" in rows:
        await world.sessions.set_working_directory(key, world.at("session"))
    roots = Roots(Path(world.at("roots")).as_uri()) if "roots" in rows else Roots()
    headers = (world.at("header"),) if "header" in rows else ()
    caller = Caller(era, transport, connection_id="c1" if era == "legacy" else None)
    return await world.resolver.resolve(Call(caller, headers=headers, roots=roots))


@pytest.mark.parametrize("number", range(len(ROWS) - 1))
async def test_over_stdio_the_first_row_that_applies_wins(tmp_path: Path, number: int) -> None:
    """With every later row saying something else, the first one's directory and name are the answer."""
    rows: list[str] = [row for row in ROWS if row != "header"]
    workspace = await resolved(tmp_path, rows[number:], "2026-07-28", "stdio")
    assert (workspace.directory, workspace.directory_source) == (str(tmp_path / rows[number]), rows[number])


@pytest.mark.parametrize(("era", "transport"), EVERY)
async def test_every_row_in_its_order(tmp_path: Path, era: Era, transport: Transport) -> None:
    """For each transport, the rows that are its own apply in the table's order, and the others never do."""
    http, launched = transport in ("http", "sse"), transport == "stdio"
    own = [
        row
        for row in ROWS
        if (row == "header" and http)
        or (row in ("option", "environment", "process") and launched)
        or (row == "session" and not (http and era != "legacy"))
        or row == "roots"
    ]
    for number, row in enumerate(own):
        others = [other for other in ROWS if other not in own]
        workspace = await resolved(tmp_path, [*own[number:], *others], era, transport)
        assert (workspace.directory, workspace.directory_source) == (str(tmp_path / row), row)
    nothing = await resolved(tmp_path, [row for row in ROWS if row not in own], era, transport)
    assert (nothing.location, nothing.directory, nothing.directory_source, nothing.project) == (None, None, None, None)


@pytest.mark.parametrize(
    ("caller", "code", "hint"),
    [
        (STDIO, "NO_DIRECTORY", "set_working_directory"),
        (Caller("legacy", "memory", connection_id="c"), "NO_DIRECTORY", "set_working_directory"),
        (HTTP, "NO_SESSION", "X-Workflow-Directory"),
        (Caller("legacy", "http", connection_id="c"), "NO_SESSION", "set_working_directory"),
    ],
)
async def test_a_call_that_needs_a_directory_is_refused_without(
    tmp_path: Path, caller: Caller, code: str, hint: str
) -> None:
    """Where no row applies, the error says what to call; over HTTP it is the session that is wanting."""
    world = make_world(tmp_path, () if not caller.is_http else ("option", "environment", "process"))
    with pytest.raises(WorkflowError) as caught:
        await world.resolver.require(Call(caller))
    assert caught.value.code == code
    assert hint in caught.value.next_step


async def test_resolving_stores_nothing(tmp_path: Path) -> None:
    """A call that sets nothing leaves no session behind."""
    world = make_world(tmp_path, ("option",))
    for caller in (STDIO, HTTP, Caller("legacy", "http", connection_id="c")):
        await world.resolver.resolve(Call(caller))
    assert await world.sessions.get_session_count() == 0


@pytest.mark.parametrize("row", ["session", "option", "roots", "environment"])
async def test_a_broken_directory_is_an_error_and_not_a_reason_to_look_further(tmp_path: Path, row: str) -> None:
    """The first row that applies is the answer, also when its directory is gone; later rows are not tried."""
    rows: list[str] = [other for other in ROWS if other != "header"]
    world = make_world(tmp_path, rows[rows.index(row) :])
    if row == "session":
        await world.sessions.set_working_directory(PROCESS_KEY, world.at(row))
    roots = Roots() if row == "environment" else Roots(Path(world.at("roots")).as_uri())
    call = Call(STDIO, roots=roots)
    assert (await world.resolver.resolve(call)).directory_source == row
    asked = roots.asked
    (tmp_path / row).rmdir()
    with pytest.raises(DirectoryError) as caught:
        await world.resolver.resolve(call)
    assert caught.value.code == "DIRECTORY_NOT_FOUND"
    assert world.at(row) in str(caught.value)
    assert roots.asked == asked + (row in ("roots", "environment"))
    (tmp_path / row).mkdir()
    assert (await world.resolver.resolve(call)).directory == world.at(row)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("relative", "DIRECTORY_NOT_ABSOLUTE"),
        ("${PWD}", "VARIABLE_NOT_SET"),
        ("/missing-here", "DIRECTORY_NOT_FOUND"),
        ("/a%00", "DIRECTORY_HAS_NUL"),
    ],
)
async def test_a_broken_header_is_an_error(tmp_path: Path, value: str, code: str) -> None:
    """A header that cannot be used is not passed over for roots."""
    roots = Roots(tmp_path.as_uri())
    with pytest.raises(DirectoryError) as caught:
        await make_world(tmp_path, ()).resolver.resolve(Call(HTTP, headers=(value,), roots=roots))
    assert (caught.value.code, roots.asked) == (code, 0)


async def test_roots_are_asked_for_late_and_anew(tmp_path: Path) -> None:
    """A client is asked only when nothing before applies, and then at every call: roots move without notice."""
    roots = Roots(Path(tmp_path / "roots").as_uri())
    settled = make_world(tmp_path, ("option",))
    await settled.resolver.resolve(Call(STDIO, roots=roots))
    assert roots.asked == 0
    world = make_world(tmp_path, ())
    assert (await world.resolver.resolve(Call(STDIO, roots=roots))).directory == world.at("roots")
    roots.uris = (Path(tmp_path / "option").as_uri(),)
    assert (await world.resolver.resolve(Call(STDIO, roots=roots))).directory == world.at("option")
    assert roots.asked == 2


async def test_roots_that_are_no_files_are_none(tmp_path: Path) -> None:
    """Without a `file://` root the process's own directory is next."""
    world = make_world(tmp_path, ("process",))
    roots = Roots("https://example.org", "untitled:1")
    assert (await world.resolver.resolve(Call(STDIO, roots=roots))).directory_source == "process"


async def no_answer() -> None:
    """The roots of a client that declares them and does not answer."""


@pytest.mark.parametrize("row", ["environment", "process"])
async def test_an_unanswering_client_goes_by_the_launcher(tmp_path: Path, row: str) -> None:
    """Over stdio the next row applies, and the workspace says that roots would have come first."""
    workspace = await make_world(tmp_path, (row,)).resolver.resolve(Call(STDIO, roots=no_answer))
    assert (workspace.directory_source, workspace.roots_unanswered) == (row, True)


@pytest.mark.parametrize(("era", "transport"), EVERY)
async def test_an_unanswering_client_without_a_next_row(tmp_path: Path, era: Era, transport: Transport) -> None:
    """Where the launcher says nothing, and wherever it does not speak for the client, that is an error."""
    rows = () if transport == "stdio" else ("option", "environment", "process")
    caller = Caller(era, transport, connection_id="c1" if era == "legacy" else None)
    with pytest.raises(DirectoryError) as caught:
        await make_world(tmp_path, rows).resolver.resolve(Call(caller, roots=no_answer))
    assert caught.value.code == "ROOTS_UNANSWERED"


@pytest.mark.parametrize("own", ["/", "home", "site-packages"])
async def test_a_process_directory_that_says_nothing_is_none(tmp_path: Path, own: str) -> None:
    """A server started in `/`, at home or in an installed package has no directory of its own."""
    (tmp_path / own.strip("/")).mkdir(exist_ok=True)
    world = World(tmp_path, process_directory="/" if own == "/" else str(tmp_path / own))
    assert (await world.resolver.resolve(Call(STDIO))).location is None


async def test_every_bad_handle_is_one_error(tmp_path: Path) -> None:
    """Unknown, expired, foreign, ended and malformed handles cannot be told apart, and lead nowhere else."""
    world = make_world(tmp_path, ("option", "environment", "process"))
    for name, principal in (("expired", None), ("foreign", "ann"), ("ended", None)):
        await world.sessions.set_working_directory(handle_key(name, principal=principal), world.at("session"))
    await world.sessions.end_session(handle_key("ended", principal=None))
    world.clock.advance(MAX_IDLE + 1)
    await world.sessions.set_working_directory(handle_key("foreign", principal="ann"), world.at("session"))
    await world.sessions.set_working_directory(PROCESS_KEY, world.at("session"))
    lines = set()
    for handle in ("unknown", "expired", "foreign", "ended", "", "\ud800\0", "x" * 10_000, PROCESS_KEY):
        for era, transport in EVERY:
            caller = Caller(era, transport, connection_id=PROCESS_KEY, handle=handle)
            with pytest.raises(SessionError) as caught:
                await world.resolver.resolve(Call(caller, headers=(world.at("header"),)))
            assert caught.value.code == "SESSION_UNKNOWN"
            lines.add(str(caught.value))
    assert len(lines) == 1
    foreign = Caller("2026-07-28", "http", principal="ann", handle="foreign")
    assert (await world.resolver.resolve(Call(foreign))).directory == world.at("session")


async def test_a_handle_wins_over_everything(tmp_path: Path) -> None:
    """A good handle's directory is the call's, on a connection that has one of its own too."""
    world = make_world(tmp_path, ("option", "environment", "process"))
    await world.sessions.set_working_directory(PROCESS_KEY, world.at("option"))
    await world.sessions.set_working_directory(handle_key("h", principal=None), world.at("session"))
    workspace = await world.resolver.resolve(Call(Caller("2026-07-28", "stdio", handle="h")))
    assert (workspace.directory, workspace.handle) == (world.at("session"), "h")
    assert workspace.session_key == handle_key("h", principal=None)


async def test_use_keeps_a_handle(tmp_path: Path) -> None:
    """A handle in use does not expire; one that idles over a day does, and stays expired."""
    world = make_world(tmp_path, ())
    await world.sessions.set_working_directory(handle_key("h", principal=None), world.at("session"))
    call = Call(Caller("2026-07-28", "http", handle="h"))
    for _ in range(3):
        world.clock.advance(MAX_IDLE)
        await world.resolver.resolve(call)
    world.clock.advance(MAX_IDLE + 1)
    for _ in range(2):
        with pytest.raises(SessionError):
            await world.resolver.resolve(call)


async def test_time_alone_moves_nobody(tmp_path: Path) -> None:
    """A process that idles for a year, through sweeps, is where it was set, not where it was started."""
    world = make_world(tmp_path, ("option", "environment", "process"))
    await world.sessions.set_working_directory(PROCESS_KEY, world.at("session"))
    for _ in range(3):
        world.clock.advance(120 * MAX_IDLE)
        await world.sessions._cleanup_stale_sessions()
        assert (await world.resolver.resolve(Call(STDIO))).directory == world.at("session")


async def test_the_config_and_its_project_are_the_directory_s(tmp_path: Path) -> None:
    """The nearest config, its path and its project belong to the answer; `auto_switch` false chooses none."""
    world = make_world(tmp_path, ("option",))
    path = write_config(tmp_path / "option")
    workspace = await world.resolver.resolve(Call(STDIO))
    assert workspace.config_path == path
    assert workspace.project is not None
    assert (workspace.project.id, workspace.project.name) == (PROJECT_ID, "codebase-mcp")
    write_config(tmp_path / "option", config_text(auto_switch=False))
    workspace = await world.resolver.resolve(Call(STDIO))
    assert (workspace.config_path, workspace.project) == (path, None)
    os.unlink(path)
    workspace = await world.resolver.resolve(Call(STDIO))
    assert (workspace.config_path, workspace.project) == (None, None)


async def test_a_chosen_project_is_the_session_s_own(tmp_path: Path) -> None:
    """What one session chose no other one gets; its directory stays, and an unknown project is an error."""
    world = make_world(tmp_path, ("option",))
    write_config(tmp_path / "option")
    await world.sessions.set_project(PROCESS_KEY, config_path=None, project_id=OTHER_ID)
    workspace = await world.resolver.resolve(Call(STDIO))
    assert (workspace.project, workspace.chosen) == (Project(OTHER_ID, "other"), True)
    assert workspace.directory == world.at("option")
    unchosen = await world.resolver.resolve(Call(STDIO), choice=False)
    assert (unchosen.project, unchosen.chosen) == (Project(PROJECT_ID, "codebase-mcp"), False)
    other = await world.resolver.resolve(Call(Caller("legacy", "stdio", connection_id="c2")))
    assert other.project == Project(PROJECT_ID, "codebase-mcp")
    await world.sessions.set_project(PROCESS_KEY, config_path=None, project_id="gone")
    with pytest.raises(ProjectError, match="PROJECT_UNKNOWN"):
        await world.resolver.resolve(Call(STDIO))


async def test_strict_mode_refuses_another_project(tmp_path: Path) -> None:
    """Where the config is strict, a chosen project that is not its own refuses the call; its own does not."""
    world = make_world(tmp_path, ("option",))
    write_config(tmp_path / "option", config_text(strict_mode=True))
    await world.sessions.set_project(PROCESS_KEY, config_path=None, project_id=OTHER_ID)
    with pytest.raises(ProjectError, match="STRICT_MODE"):
        await world.resolver.resolve(Call(STDIO))
    write_config(tmp_path / "option", config_text(strict_mode=True, project_id=OTHER_ID))
    assert (await world.resolver.resolve(Call(STDIO))).project == Project(OTHER_ID, "other")


async def test_a_new_directory_ends_the_choice(tmp_path: Path) -> None:
    """A project that was chosen for one directory does not follow the session into the next."""
    world = make_world(tmp_path, ())
    await world.sessions.set_project(PROCESS_KEY, config_path=None, project_id=OTHER_ID)
    await world.sessions.set_working_directory(PROCESS_KEY, world.at("session"))
    assert (await world.resolver.resolve(Call(STDIO))).project is None


async def test_a_broken_config_refuses_the_call(tmp_path: Path) -> None:
    """Neither the one further up nor none at all stands in for a config that cannot be used."""
    world = make_world(tmp_path, ("option",))
    write_config(tmp_path)
    path = write_config(tmp_path / "option", "{")
    with pytest.raises(ConfigError) as caught:
        await world.resolver.resolve(Call(STDIO))
    assert path in str(caught.value)


async def test_a_nearer_config_is_seen_by_the_next_call(tmp_path: Path) -> None:
    """The walk is done anew for each call, whatever is cached."""
    world = make_world(tmp_path, ("option",))
    far = write_config(tmp_path, config_text("far"))
    assert (await world.resolver.resolve(Call(STDIO))).config_path == far
    near = write_config(tmp_path / "option", config_text("near"))
    workspace = await world.resolver.resolve(Call(STDIO))
    assert workspace.config_path == near
    assert workspace.project is not None
    assert workspace.project.name == "near"


async def test_allowed_roots_hold_for_every_source(tmp_path: Path) -> None:
    """A directory outside the allowed roots is refused wherever it came from, and so is a config that leads out."""
    for row, caller, headers, roots in (
        ("option", STDIO, (), Roots()),
        ("environment", STDIO, (), Roots()),
        ("process", STDIO, (), Roots()),
        ("roots", STDIO, (), Roots((tmp_path / "roots").as_uri())),
        ("header", HTTP, (str(tmp_path / "header"),), Roots()),
    ):
        world = make_world(tmp_path, (row,), allowed_roots=(tmp_path / "session",))
        with pytest.raises(DirectoryError) as caught:
            await world.resolver.resolve(Call(caller, headers=headers, roots=roots))
        assert caught.value.code == "DIRECTORY_NOT_ALLOWED"
    write_config(tmp_path, config_text("outside"))
    world = make_world(tmp_path, ("option",), allowed_roots=(tmp_path / "option",))
    assert (await world.resolver.resolve(Call(STDIO))).config_path is None
    folder = tmp_path / "option" / ".workflow-mcp"
    folder.mkdir()
    (folder / "config.json").symlink_to(tmp_path / ".workflow-mcp" / "config.json")
    for _ in range(2):
        with pytest.raises(ConfigError) as refused:
            await world.resolver.resolve(Call(STDIO))
        assert refused.value.code == "CONFIG_NOT_ALLOWED"


async def test_many_clients_at_once_each_get_their_own(tmp_path: Path) -> None:
    """A hundred handles resolved at once, again and again, never see each other's project."""
    world = make_world(tmp_path, ())
    for number in range(100):
        write_config(tmp_path / f"p{number}", config_text(f"p{number}"))
        key = handle_key(f"h{number}", principal=None)
        await world.sessions.set_working_directory(key, str(tmp_path / f"p{number}"))

    async def client(number: int) -> None:
        for _ in range(3):
            workspace = await world.resolver.require(Call(Caller("2026-07-28", "http", handle=f"h{number}")))
            assert workspace.directory == str(tmp_path / f"p{number}")
            assert workspace.project is not None
            assert workspace.project.name == f"p{number}"

    await asyncio.gather(*(client(number) for number in range(100)))


class StuckCache(ConfigCache):
    """A config cache that hangs in one directory, like a mount whose server is gone."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.back = threading.Event()

    def load(self, path: str, *, owners: frozenset[int], within: str | None = None) -> Any:
        """See `ConfigCache`."""
        if path.startswith(self.where):
            self.back.wait(BOUND)
        return super().load(path, owners=owners, within=within)


async def test_a_dead_mount_costs_its_own_clients_only(tmp_path: Path) -> None:
    """A client in a directory that hangs gets an error in bounded time; others never notice; it recovers."""
    world = make_world(tmp_path, ())
    write_config(tmp_path / "option")
    write_config(tmp_path / "session")
    stuck = StuckCache(world.at("option"))
    world.resolver._locator._configs = stuck
    world.resolver._locator._threads = threads = WorkerThreads(timeout=0.05)
    for name, row in (("dead", "option"), ("well", "session")):
        await world.sessions.set_working_directory(handle_key(name, principal=None), world.at(row))
    dead, well = (Call(Caller("2026-07-28", "http", handle=name)) for name in ("dead", "well"))
    try:
        async with asyncio.timeout(BOUND):
            hanging = [asyncio.create_task(world.resolver.resolve(dead)) for _ in range(10)]
            await turns()
            threads._timeout = BOUND  # for calls from here on: a busy machine may take longer over healthy ones too
            for _ in range(10):
                assert (await world.resolver.resolve(well)).directory == world.at("session")
            outcomes = await asyncio.gather(*hanging, return_exceptions=True)
            assert {getattr(outcome, "code", outcome) for outcome in outcomes} == {"DIRECTORY_TIMEOUT"}
            with pytest.raises(DirectoryError):
                await world.resolver.resolve(dead)
    finally:
        stuck.back.set()
    workspace = await accepted(lambda: world.resolver.resolve(dead))
    assert workspace.directory == world.at("option")
    threads.close()
