"""Files that are full, foreign, damaged, unreachable, older or newer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.storage.support import (
    ROOT,
    check_invariants,
    file_of,
    finished,
    ids,
    linux_only,
    make,
    open_files,
    open_store,
    raw,
    refused,
    start_worker,
)
from tests.support import BOUND, posix_only, unprivileged
from workflow_mcp.storage import migrate, tables
from workflow_mcp.storage.sqlite import connections
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemQuery, NewItem, Project

OWN_VERSION = tables.VERSION
ROOT_ONLY = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become nobody")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data directory: this is about the files in it."""
    return tmp_path


async def test_files_are_for_their_owner_alone(tmp_path: Path, project: Project, ana: Actor) -> None:
    """The folder 0700, all files in it 0600, one that was left more open too."""
    data_dir = tmp_path / "new" / "data"
    async with open_store(data_dir) as store:
        await make(store, project, ana, "x")
        modes = {file.name.partition(".db")[2]: _mode(file) for file in (data_dir / "projects").iterdir()}
        assert modes == {"": 0o600, "-wal": 0o600, "-shm": 0o600}
        assert _mode(data_dir / "projects") == 0o700
        assert _mode(data_dir) == 0o700
    file_of(data_dir, project).chmod(0o644)
    async with open_store(data_dir) as store:
        await store.ensure(project)
    assert _mode(file_of(data_dir, project)) == 0o600


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_another_projects_file_is_refused(
    store: Store, tmp_path: Path, project: Project, other: Project, ana: Actor
) -> None:
    """When it is opened, when it is put in place of an open one, and when it is written over an open one."""
    await make(store, project, ana, "mine")
    await make(store, other, ana, "theirs")
    async with open_store(tmp_path) as second:
        await second.ensure(project)
        await store.aclose()
    theirs, mine = file_of(tmp_path, other), file_of(tmp_path, project)
    async with open_store(tmp_path) as again:
        await again.list_items(project, ItemQuery())
        os.replace(shutil.copy(theirs, tmp_path / "copy"), mine)
        error = await refused("STORE_WRONG_PROJECT", again.list_items(project, ItemQuery()))
        assert other.known_id in str(error)
        assert await ids(again, other) == [1]
    async with open_store(tmp_path) as again:
        await refused("STORE_WRONG_PROJECT", again.ensure(project))
        await refused("STORE_WRONG_PROJECT", again.create_items(project, [NewItem("x")], ana))
        assert (await again.list_projects()).projects == (other,)
    assert raw(mine, "SELECT title FROM items") == [("theirs",)]


@pytest.mark.parametrize("size", [0, 1, 50, 100, 4096, 20_000])
async def test_a_truncated_file_is_refused_and_left_alone(
    tmp_path: Path, project: Project, other: Project, ana: Actor, size: int
) -> None:
    """It is damaged, not new; other projects go on."""
    async with open_store(tmp_path) as store:
        for number in range(5):
            await store.create_items(
                project, [NewItem(f"{number} {n}", description="d" * 500) for n in range(100)], ana
            )
    path = file_of(tmp_path, project)
    os.truncate(path, size)
    async with open_store(tmp_path) as store:
        await refused("STORE_DAMAGED", store.list_items(project, ItemQuery("all", text="nothing has this")))
        assert await make(store, other, ana, "x") == [1]
    assert path.stat().st_size == size


@pytest.mark.parametrize("kind", ["text", "directory", "other database", "no header"])
async def test_what_is_no_projects_file_is_refused(tmp_path: Path, project: Project, kind: str) -> None:
    """Whatever it is, it is not touched."""
    path = file_of(tmp_path, project)
    path.parent.mkdir()
    if kind == "text":
        path.write_text("these are not the data you are looking for" * 100)
    elif kind == "directory":
        path.mkdir()
    elif kind == "other database":
        raw(path, "CREATE TABLE songs (title)")
    else:
        raw(path, "CREATE TABLE alembic_version (version_num)")
        raw(path, "CREATE TABLE projects (id, name)")
    before = path.read_bytes() if path.is_file() else list(path.iterdir())
    async with open_store(tmp_path) as store:
        await refused("STORE_DAMAGED", store.ensure(project))
    assert (path.read_bytes() if path.is_file() else list(path.iterdir())) == before


async def test_a_full_disk_stores_nothing_and_says_so(tmp_path: Path, project: Project, ana: Actor) -> None:
    """What was acknowledged before is there, and there is room for more when there is room again."""
    lines = await finished(await start_worker(tmp_path, project.known_id, "fill", "w", "400000"))
    assert lines[-1].startswith("error STORE_FULL"), lines[-1]
    made = [int(line.split()[1]) for line in lines[:-1]]
    assert len(made) > 3
    check_invariants(file_of(tmp_path, project))
    async with open_store(tmp_path) as store:
        assert await ids(store, project) == made
        assert await make(store, project, ana, "more") == [made[-1] + 1]


@ROOT_ONLY
@pytest.mark.parametrize("existing", [False, True])
async def test_a_read_only_data_dir_is_said_to_be_one(
    tmp_path: Path, project: Project, ana: Actor, existing: bool
) -> None:
    """Whether the project's file is there or would have to be made."""
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    if existing:
        async with open_store(data_dir) as store:
            await make(store, project, ana, "x")
        (data_dir / "projects").chmod(0o755)
        file_of(data_dir, project).chmod(0o444)
    lines = await finished(await start_worker(data_dir, project.known_id, "unprivileged", "w"))
    assert len(lines) == 1
    assert lines[0].startswith("error STORE_READ_ONLY"), lines
    assert str(data_dir) in lines[0]


async def test_a_newer_file_is_refused(tmp_path: Path, project: Project, ana: Actor) -> None:
    """When it is opened, and when another process upgrades it while it is open; it is not changed."""
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "x")
        raw(file_of(tmp_path, project), "UPDATE alembic_version SET version_num = '9999'")
        await refused("STORE_NEWER", store.create_items(project, [NewItem("y")], ana))
        await refused("STORE_NEWER", store.list_items(project, ItemQuery()))
    async with open_store(tmp_path) as store:
        assert "9999" in str(await refused("STORE_NEWER", store.ensure(project)))
        assert (await store.list_projects()).projects == ()
    assert raw(file_of(tmp_path, project), "SELECT count(*) FROM items") == [(1,)]


async def test_reading_makes_nothing(store: Store, tmp_path: Path, project: Project) -> None:
    """A project without a file, or without an id, reads like one without work; no file or folder is made."""
    for unknown in (project, Project(None, "new")):
        assert (await store.list_items(unknown, ItemQuery("all"))).items == ()
        assert (await store.list_whole_items(unknown, ItemQuery("all"))).counts.total == 0
        await refused("ITEM_NOT_FOUND", store.get_item(unknown, 1))
        assert [record["kind"] async for record in store.export(unknown)] == ["project", "end"]
    assert list(tmp_path.iterdir()) == []


@posix_only
def test_a_folder_that_cannot_be_read_is_no_empty_one(tmp_path: Path, project: Project, ana: Actor) -> None:
    """Where it cannot be known whether there is work, reading says so instead of finding none."""

    async def read() -> None:
        async with open_store(tmp_path) as store:
            await refused("STORE_READ_ONLY", store.list_items(project, ItemQuery()))

    async def fill() -> None:
        async with open_store(tmp_path) as store:
            await make(store, project, ana, "a")

    asyncio.run(fill())
    (tmp_path / "projects").chmod(0)
    unprivileged(lambda: asyncio.run(read()))
    (tmp_path / "projects").chmod(0o700)


async def test_the_stored_name_is_the_first_until_the_project_is_renamed(
    store: Store, project: Project, ana: Actor
) -> None:
    """However many configs call it otherwise, and whoever of them changes something."""
    await make(store, project, ana, "a")
    elsewhere = Project(project.id, "elsewhere")
    assert await ids(store, elsewhere) == [1]
    await make(store, elsewhere, ana, "b")
    assert await store.find_project(project.known_id) == project
    await store.rename_project(elsewhere, "renamed")
    await make(store, project, ana, "c")
    assert await store.find_project(project.known_id) == Project(project.id, "renamed")
    assert await ids(store, project) == [1, 2, 3]


async def test_an_older_file_is_copied_and_then_upgraded(
    tmp_path: Path, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, by whichever process comes first; the copy is complete and the data are kept."""
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "x")
    upgrade_program(tmp_path, monkeypatch)
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as first, open_store(tmp_path) as second:
        both = await asyncio.gather(ids(first, project), ids(second, project))
        assert list(both) == [[1], [1]]
    assert raw(path, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert raw(path, "SELECT colour FROM items") == [("red",)]
    (copy,) = path.parent.glob("*.backup")
    assert copy.name.startswith(f"{path.name}.{OWN_VERSION}.")
    assert _mode(copy) == 0o600
    assert raw(copy, "SELECT version_num FROM alembic_version") == [(OWN_VERSION,)]
    assert raw(copy, "SELECT title FROM items") == [("x",)]


MANY = [Project(f"11111111-1111-4111-8111-{number:012d}", f"project {number}") for number in range(16)]


async def list_all(store: Store) -> list[list[int]]:
    """The items of many projects, all asked for at once."""
    return await asyncio.gather(*(ids(store, project) for project in MANY))


async def make_all(store: Store) -> None:
    """Make many projects, all at once."""
    await asyncio.gather(*(store.ensure(project) for project in MANY))


async def test_many_projects_made_at_once(tmp_path: Path) -> None:
    """Sixteen projects, made together, all get their own whole file."""
    async with open_store(tmp_path) as store:
        await make_all(store)
    for project in MANY:
        check_invariants(file_of(tmp_path, project))
        assert raw(file_of(tmp_path, project), "SELECT id, name FROM projects") == [(project.id, project.name)]


async def test_many_projects_upgraded_at_once(tmp_path: Path, ana: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen older files that are opened together, by two servers, are each upgraded once and keep their data."""
    async with open_store(tmp_path) as store:
        for project in MANY:
            await make(store, project, ana, project.name)
    upgrade_program(tmp_path, monkeypatch)
    async with open_store(tmp_path) as first, open_store(tmp_path) as second:
        both = await asyncio.gather(list_all(first), list_all(second))
        assert list(both) == [[[1]] * len(MANY)] * 2
    for project in MANY:
        path = file_of(tmp_path, project)
        assert raw(path, "SELECT version_num FROM alembic_version") == [("9999",)]
        assert raw(path, "SELECT title, colour FROM items") == [(project.name, "red")]
        assert len(list(path.parent.glob(f"{path.name}.*.backup"))) == 1


async def test_many_projects_made_by_many_processes_at_once(tmp_path: Path) -> None:
    """Four processes that open the same sixteen new projects at once all get through, and agree on the files."""
    names = [project.known_id for project in MANY]
    started = [await start_worker(tmp_path, names[0], "make-many", "w", *names) for _ in range(4)]
    ended = await asyncio.gather(*(finished(process, b"\n") for process in started))
    assert ended == [[str([0] * len(MANY))]] * 4
    for project in MANY:
        check_invariants(file_of(tmp_path, project))


async def test_an_upgrade_that_fails_changes_nothing(
    tmp_path: Path, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is tried there is one error and one copy, and the version before goes on with the file."""
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "x")
    path = file_of(tmp_path, project)
    schema = raw(path, "SELECT sql FROM sqlite_master")
    with monkeypatch.context() as newer:
        upgrade_program(tmp_path, newer, then="    raise RuntimeError('half way')\n")
        for _ in range(3):
            async with open_store(tmp_path) as store:
                error = await refused("STORE_UPGRADE_FAILED", store.ensure(project))
                assert "half way" in str(error)
                (copy,) = path.parent.glob("*.backup")
                assert str(copy) in str(error)
    assert raw(path, "SELECT sql FROM sqlite_master") == schema
    async with open_store(tmp_path) as store:
        assert await make(store, project, ana, "y") == [2]


async def test_copies_from_before_upgrades_are_bounded(
    tmp_path: Path, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest few are kept."""
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "x")
    path = file_of(tmp_path, project)
    for day in range(1, 6):
        path.with_name(f"{path.name}.0000.2020010{day}T000000000000Z.backup").touch()
    upgrade_program(tmp_path, monkeypatch)
    async with open_store(tmp_path) as store:
        assert await ids(store, project) == [1]
    assert len(list(path.parent.glob("*.backup"))) == 3
    assert sorted(copy.name.split(".")[3][:8] for copy in path.parent.glob("*.0000.*.backup")) == [
        "20200104",
        "20200105",
    ]


def upgrade_program(folder: Path, monkeypatch: pytest.MonkeyPatch, *, then: str = "") -> None:
    """Go on with a program whose schema is one migration further than this one's."""
    scripts = folder / "migrations"
    shutil.copytree(Path(tables.__file__).with_name("migrations"), scripts)
    (scripts / "versions" / "v9999_colour.py").write_text(
        f"import sqlalchemy as sa\nrevision = '9999'\ndown_revision = '{OWN_VERSION}'\n"
        "def upgrade(op):\n    op.add_column('items', sa.Column('colour', sa.String(9), server_default='red'))\n" + then
    )
    monkeypatch.setattr(migrate, "SCRIPTS", str(scripts))
    monkeypatch.setattr(tables, "VERSION", "9999")


def test_the_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    """Nothing that the code expects is missing or different after all migrations have run."""
    (tmp_path / "x.db").touch()
    with connections.exclusive(str(tmp_path / "x.db")) as connection:
        migrate.upgrade(connection)
        # The index of trigrams is SQLite's own: no table of the schema.
        options = {"include_name": lambda name, kind, _: not (kind == "table" and name.startswith("item_trigrams"))}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata) == []
        assert migrate.version_in(connection) == tables.VERSION


async def test_a_new_file_is_what_the_migrations_make(tmp_path: Path, project: Project, other: Project) -> None:
    """The first of a process and the next, which is a copy of the same template."""
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    (tmp_path / "x.db").touch()
    with connections.exclusive(str(tmp_path / "x.db")) as connection:
        migrate.upgrade(connection)
    async with open_store(tmp_path) as store:
        for one in (project, other):
            await store.ensure(one)
            assert raw(file_of(tmp_path, one), schema) == raw(tmp_path / "x.db", schema)
            assert raw(file_of(tmp_path, one), "SELECT version_num FROM alembic_version") == [(OWN_VERSION,)]
            check_invariants(file_of(tmp_path, one))


def test_alembic_is_not_imported_for_a_file_that_is_ready(tmp_path: Path) -> None:
    """Only making or upgrading a file pays for it."""
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom tests.storage.support import open_store\n"
        "from workflow_mcp.work.values import Project\n"
        "async def main():\n    async with open_store(Path(sys.argv[1])) as store:\n"
        "        await store.ensure(Project('11111111-1111-4111-8111-111111111111', 'x'))\n"
        "asyncio.run(main())\nprint('alembic' in sys.modules)\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            timeout=30,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert runs == ["True", "False"]


@linux_only
async def test_the_end_waits_for_what_was_begun(store: Store, tmp_path: Path, project: Project, ana: Actor) -> None:
    """Writers that stood in line when the store was closed are done and answered, and no file stays open."""
    await store.ensure(project)
    writers = [asyncio.create_task(make(store, project, ana, f"item {number}")) for number in range(12)]
    await make(store, project, ana, "one more")
    await store.aclose()
    assert all(writer.done() for writer in writers)
    assert [len(await writer) for writer in writers] == [1] * len(writers)
    assert raw(file_of(tmp_path, project), "SELECT count(*) FROM items") == [(len(writers) + 1,)]
    assert open_files(tmp_path) == 0


@linux_only
async def test_callers_that_go_away_while_files_are_closed_leave_none_open(tmp_path: Path, ana: Actor) -> None:
    """Also when each call closes the file of the one before."""
    projects = [Project(f"11111111-1111-4111-8111-{number:012d}", str(number)) for number in range(3)]
    async with open_store(tmp_path, max_open=1) as store:
        for turn in range(60):
            call = asyncio.create_task(make(store, projects[turn % 3], ana, "x"))
            for _ in range(turn % 25):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
    assert open_files(tmp_path) == 0


async def test_an_export_that_is_not_read_to_its_end_holds_up_nobody(
    store: Store, tmp_path: Path, project: Project, ana: Actor
) -> None:
    """Neither calls in a file that was put in the place of the exported one, nor the end."""
    await make(store, project, ana, "a", "b")
    records = store.export(project)
    await anext(records)
    path = file_of(tmp_path, project)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(tmp_path / "copy")) as copy,
    ):
        source.backup(copy)
    (tmp_path / "copy").replace(path)
    async with asyncio.timeout(BOUND):
        assert await ids(store, project) == [1, 2]
        await store.aclose()
    await records.aclose()  # type: ignore[attr-defined]  # it is a generator
