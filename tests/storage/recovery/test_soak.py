"""Random acts on the files between and during the writes of four processes."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.storage.recovery.support import Live, beside, live, overwrite, replace, whole
from tests.storage.support import file_of, raw
from workflow_mcp.storage.sqlite.backups import back_up, restore
from workflow_mcp.storage.sqlite.deletion import delete, undelete
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.work.values import Project

SERVERS = 4
# What a call may be told while a file is gone, exchanged or read-only; nothing else is an answer.
NAMED = {"STORE_DAMAGED", "STORE_NOT_FOUND", "STORE_READ_ONLY", "STORE_UNREACHABLE", "STORE_BUSY", "PROJECT_DELETED"}


class Soak:
    """The servers, what must be in the file, and what may be.

    Attributes:
        sure: titles that were acknowledged, and that no act has taken away.
        tried: all titles there have been.
    """

    def __init__(self, data: Path, project: Project, seed: int, processes: AsyncExitStack) -> None:
        self.data, self.project, self.random = data, project, random.Random(seed)
        self.path = file_of(data, project)
        self.known = KnownProjects(data, None)
        self.sure: set[str] = set()
        self.tried: set[str] = set()
        self.told: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self._servers: list[Live] = []
        self._processes = processes
        self._copies: list[tuple[Path, set[str]]] = []
        self._number = 0

    async def begin(self) -> None:
        """Start the servers, with something in the file."""
        for _ in range(SERVERS):
            self._servers.append(await self._processes.enter_async_context(live(self.data, self.project)))
        await self._write(self._servers)
        await self.keep_backup()

    async def _write(self, servers: list[Live]) -> tuple[set[str], set[str]]:
        """Let the servers create an item each, at once; the titles that were acknowledged, and the codes of errors."""
        titles = [f"t{self._number + place}" for place in range(len(servers))]
        self._number += len(servers)
        self.tried.update(titles)
        answers = await asyncio.gather(*(server.ask(title) for server, title in zip(servers, titles, strict=True)))
        codes = {answer.split()[1].rstrip(":") for answer in answers if answer.startswith("error")}
        assert codes <= NAMED, answers
        self.told.update(codes)
        acknowledged = {title for answer, title in zip(answers, titles, strict=True) if answer == f"ok {title}"}
        self.sure |= acknowledged
        return acknowledged, codes

    async def act(self) -> None:
        """Do something to the files while the servers write, and see that all of them can go on."""
        acts: list[Callable[[], Awaitable[None]]] = [
            self.kill, self.put_back, self.put_back, self.cut, self.delete, self.move_away_and_back,
            self.unmount, self.take_log, self.make_read_only, self.keep_backup, self.keep_copy, self.restore,
            self.delete_and_restore_project,
        ]  # fmt: skip
        chosen = self.random.choice(acts)
        self.done[chosen.__name__] += 1
        await chosen()
        await self.go_on()

    async def go_on(self) -> None:
        """Every server can write; where the file is damaged, all of them can after a backup was restored."""
        _, codes = await self._write(self._servers)
        if codes:
            await self.restore()
            _, codes = await self._write(self._servers)
        assert not codes, (codes, self.done)

    async def kill(self) -> None:
        """A process is killed while it writes; another is started."""
        victim = self._servers.pop(self.random.randrange(SERVERS))
        title = f"killed{self._number}"
        writing = asyncio.create_task(victim.ask(title))
        self.tried.add(title)
        await self._write(self._servers)
        await victim.kill()
        await writing
        self._servers.append(await self._processes.enter_async_context(live(self.data, self.project)))

    async def keep_backup(self) -> None:
        """A backup is made."""
        before = set(self.sure)
        target = self.data.parent / f"{len(self._copies)}.db"
        backing, _ = await asyncio.gather(
            asyncio.to_thread(back_up, self.data, self.project.known_id, str(target)), self._write(self._servers)
        )
        titles = {title for (title,) in raw(target, "SELECT title FROM items")}
        assert before <= titles
        assert backing.items == len(titles)
        self._copies.append((target, titles))

    async def keep_copy(self) -> None:
        """The file alone is copied by hand, at rest."""
        target = self.data.parent / f"{len(self._copies)}.db"
        shutil.copy(self.path, target)
        self._copies.append((target, {title for (title,) in raw(target, "SELECT title FROM items")}))

    async def put_back(self) -> None:
        """One of the copies is put in the place of the file, or written over it, while all write."""
        copy, titles = self.random.choice(self._copies)
        put = self.random.choice([replace, overwrite])
        await asyncio.gather(self._write(self._servers), asyncio.to_thread(put, self.path, copy))
        self.sure = set(titles)

    async def restore(self) -> None:
        """The last backup or copy is restored by the command, while all write."""
        copy, titles = self._copies[0] if self.random.random() < 0.2 else self._copies[-1]
        await asyncio.gather(self._write(self._servers), asyncio.to_thread(restore, self.data, self.known, str(copy)))
        self.sure = set(titles)

    async def cut(self) -> None:
        """The file is cut, and then restored; where its log has all that was cut off, nothing is lost."""
        os.truncate(self.path, self.random.randrange(self.path.stat().st_size))
        _, codes = await self._write(self._servers)
        if codes:
            assert codes == {"STORE_DAMAGED"}
            await self.restore()
        else:
            assert self.sure <= whole(self.path)

    async def delete(self) -> None:
        """The file is deleted, and then restored."""
        self.path.unlink()
        acknowledged, codes = await self._write(self._servers)
        assert (acknowledged, codes) == (set(), {"STORE_NOT_FOUND"})
        await self.restore()

    async def delete_and_restore_project(self) -> None:
        """The project is deleted by the command, and restored, while all write: nothing is lost."""
        id_, now = self.project.known_id, datetime.now(UTC)
        await asyncio.gather(self._write(self._servers), asyncio.to_thread(delete, self.data, self.known, id_, now))
        acknowledged, codes = await self._write(self._servers)
        assert (acknowledged, codes) == (set(), {"PROJECT_DELETED"})
        await asyncio.gather(self._write(self._servers), asyncio.to_thread(undelete, self.data, self.known, id_))

    async def move_away_and_back(self) -> None:
        """The file is moved away and back: nothing is lost."""
        os.rename(self.path, self.data / "elsewhere")
        acknowledged, _ = await self._write(self._servers)
        assert acknowledged == set()
        os.rename(self.data / "elsewhere", self.path)

    async def unmount(self) -> None:
        """The data directory is gone for a while: nothing is lost."""
        away = self.data.with_name("away")
        os.rename(self.data, away)
        self.data.mkdir()
        acknowledged, _ = await self._write(self._servers)
        assert acknowledged == set()
        shutil.rmtree(self.data)
        os.rename(away, self.data)

    async def take_log(self) -> None:
        """The log, its index or both are deleted: live servers save what they had."""
        for suffix in self.random.choice([("-wal",), ("-shm",), ("-wal", "-shm")]):
            beside(self.path, suffix).unlink(missing_ok=True)

    async def make_read_only(self) -> None:
        """The file is made read-only for a while: nothing is lost, and nothing is written."""
        self.path.chmod(0o444)
        acknowledged, codes = await self._write(self._servers)
        assert (acknowledged, codes) == (set(), {"STORE_READ_ONLY"})
        self.path.chmod(0o600)


@pytest.mark.parametrize("acts", [12, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
async def test_whatever_is_done_to_the_files_the_store_is_whole_or_says_that_it_is_not(
    tmp_path: Path, project: Project, acts: int
) -> None:
    """At the end the file is whole and has every acknowledged change that no act took away."""
    seed = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
    async with AsyncExitStack() as processes:
        soak = Soak(tmp_path / "data", project, seed, processes)
        await soak.begin()
        for _ in range(acts):
            await soak.act()
    titles = whole(soak.path)
    assert soak.sure <= titles, (seed, soak.done, sorted(soak.sure - titles))
    assert titles <= soak.tried, (seed, soak.told)
