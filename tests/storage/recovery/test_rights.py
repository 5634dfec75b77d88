"""Files and folders that may not be written, and logs that must not grow."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.recovery.support import beside, live, whole
from tests.storage.support import file_of, make, open_store, refused, titles
from tests.support import posix_only
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, NewItem, Project

pytestmark = posix_only


async def exported(store: Store, project: Project) -> set[str]:
    """The titles in an export."""
    return {record["title"] async for record in store.export(project) if record["kind"] == "item"}


@pytest.mark.parametrize("is_live", [True, False])
async def test_a_file_that_was_made_read_only_stays_so(
    tmp_path: Path, project: Project, ana: Actor, is_live: bool
) -> None:
    """It is listed and exported, and refuses to be written: whoever asks, and also where it is open already."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "x")
        if is_live:
            path.chmod(0o444)
            await refused("STORE_READ_ONLY", make(store, project, ana, "y"))
            assert await titles(store, project) == ["x"]
    path.chmod(0o444)
    async with open_store(tmp_path) as store:
        await refused("STORE_READ_ONLY", make(store, project, ana, "y"))
        assert await titles(store, project) == ["x"]
        assert await exported(store, project) == {"x"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    path.chmod(0o600)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "y")
    assert whole(path) == {"x", "y"}


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A read-only mount of `data`."""
    mount = tmp_path / "mount"
    mount.mkdir()
    (tmp_path / "data").mkdir()
    commands = [["mount", "--bind", str(tmp_path / "data"), str(mount)], ["mount", "-o", "remount,ro,bind", str(mount)]]
    if os.geteuid() != 0 or any(subprocess.run(one, check=False, capture_output=True).returncode for one in commands):
        subprocess.run(["umount", str(mount)], check=False, capture_output=True)
        pytest.skip("only root, and not in every container, can mount")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize("was_killed", [False, True])
async def test_read_only_media_are_listed_and_exported(
    *, tmp_path: Path, read_only: Path, project: Project, other: Project, ana: Actor, was_killed: bool
) -> None:
    """With what a log holds that a kill left there; a change is refused as what it is."""
    async with live(tmp_path / "data", project) as server:
        await server.make("x", "y")
        if was_killed:
            await server.kill()
    path = file_of(tmp_path / "data", project)
    assert beside(path, "-wal").exists() == was_killed
    async with open_store(read_only) as store:
        assert (await store.list_projects()).projects == (project,)
        assert await titles(store, project) == ["x", "y"]
        assert await exported(store, project) == {"x", "y"}
        await refused("STORE_READ_ONLY", store.create_items(project, [NewItem("z")], ana))
        await refused("STORE_READ_ONLY", store.create_items(other, [NewItem("z")], ana))


async def test_an_export_that_is_held_open_lets_no_log_grow(tmp_path: Path, project: Project, ana: Actor) -> None:
    """What is written meanwhile is copied into the file as always, and the export shows the moment that it began."""
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "first")
        records = store.export(project)
        await anext(records)
        for _ in range(60):
            await store.create_items(project, [NewItem("x", description="y" * 10_000)] * 10, ana)
        log = beside(file_of(tmp_path, project), "-wal").stat().st_size
        rest = [record async for record in records if record["kind"] == "item"]
    assert [record["title"] for record in rest] == ["first"]
    assert log < 8_000_000
