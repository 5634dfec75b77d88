"""Live servers, and what people do to their files."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.clients.workers import Worker
from tests.storage.support import DataPlace, check_invariants, raw, start_worker
from workflow_mcp.work.values import Project


class Live:
    """A process of its own with the store open."""

    def __init__(self, process: Worker) -> None:
        self._process = process

    async def titles(self) -> set[str]:
        """The titles that it lists."""
        return set(await self._told(""))

    async def make(self, *titles: str) -> None:
        """Let it create items, one call each, all of which it acknowledges."""
        for title in titles:
            assert await self._told(title) == [title]

    async def refused(self, code: str, title: str = "") -> str:
        """Its error for listing, or for creating an item."""
        answer = await self.ask(title)
        assert answer.startswith(f"error {code}: "), answer
        return answer

    async def ask(self, title: str = "") -> str:
        """Its answer, whatever it is."""
        self._process.stdin.write(f"{title}\n".encode())
        answer = await asyncio.wait_for(self._process.stdout.readline(), 150)
        return answer.decode().strip()

    async def _told(self, title: str) -> list[str]:
        what, *words = (await self.ask(title)).split()
        assert what == "ok", words
        return words

    async def kill(self) -> None:
        """End it as a power cut would, its files left as they are."""
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """End it as its client would."""
        if self._process.returncode is None:
            await asyncio.wait_for(self._process.communicate(b""), 150)
            assert self._process.returncode == 0


@asynccontextmanager
async def live(place: DataPlace, project: Project) -> AsyncIterator[Live]:
    """A live server, ended afterwards."""
    server = Live(await start_worker(place, project.known_id, "serve", "w"))
    try:
        yield server
    finally:
        await server.end()


def beside(path: Path, suffix: str) -> Path:
    """A file beside the project's."""
    return path.with_name(path.name + suffix)


def overwrite(path: Path, source: Path) -> None:
    """Copy over a file as `cp` does: the same file has another content."""
    with path.open("r+b") as target:
        target.truncate()
        target.write(source.read_bytes())


def replace(path: Path, source: Path) -> None:
    """Put a copy in the place of a file, as `mv` does."""
    shutil.copy(source, beside(path, ".new"))
    os.replace(beside(path, ".new"), path)


def copied_by_hand(path: Path, target: Path) -> Path:
    """A copy of the file alone, as `cp` makes it."""
    shutil.copy(path, target)
    return target


def checkpoint(path: Path) -> None:
    """Copy the log into the file, as SQLite does from time to time."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def whole(path: Path) -> set[str]:
    """The titles in a file that is closed and must be whole."""
    check_invariants(path)
    return {title for (title,) in raw(path, "SELECT title FROM items")}
