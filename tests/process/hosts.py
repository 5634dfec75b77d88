"""Servers that something is wrong with, each a process of its own: `python hosts.py NAME`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflow_mcp.__main__ import main
from workflow_mcp.transports import process

FOREVER = threading.Event()


def directories_hang() -> None:
    """Looking at a directory never returns, as on a dead mount."""

    from workflow_mcp.workspace import locator

    def hang(*_arguments: object, **_options: object) -> None:
        sys.stderr.write("hanging\n")
        FOREVER.wait()

    setattr(locator, "check_directory", hang)  # noqa: B010 - mypy minds what is assigned to another module's import


def store_hangs() -> None:
    """Opening the session store never returns."""

    from workflow_mcp.sessions.stores import files

    def hang(_folder: Path) -> None:
        sys.stderr.write("hanging\n")
        FOREVER.wait()

    setattr(files, "_open_file_store", hang)  # noqa: B010 - see directories_hang


def loop_hangs() -> None:
    """The event loop itself hangs in a call of a tool."""
    from workflow_mcp.server import calls

    def hang(*_arguments: object) -> None:
        sys.stderr.write("hanging\n")
        FOREVER.wait()

    setattr(calls, "caller_of", hang)  # noqa: B010 - see directories_hang


def prints() -> None:
    """Something prints to stdout, as a library's stray debugging does, before and in a tool."""
    from workflow_mcp.workspace import directories, locator

    def noisy(*arguments: Any, **options: Any) -> object:
        print("STRAY")  # noqa: T201 - this is the offence
        os.write(1, b"STRAY\n")
        return directories.check_directory(*arguments, **options)

    setattr(locator, "check_directory", noisy)  # noqa: B010 - see directories_hang


def parent_dies() -> None:
    """The parent dies while we are still importing."""
    assert not process.has_lost_its_parent()
    os.kill(process.PARENT, signal.SIGKILL)
    while not process.has_lost_its_parent():
        os.sched_yield()


def parent_dies_at_need() -> None:
    """The parent dies when the server begins to be loaded."""
    when_serving_is_imported(parent_dies)


def signalled() -> None:
    """A signal arrives while we are still importing, however short that takes."""
    number = int(os.environ["SIGNAL_DURING_IMPORT"])
    when_serving_is_imported(lambda: os.kill(os.getpid(), number))


def when_serving_is_imported(happens: Callable[[], None]) -> None:
    """Let something happen when the server's own import begins."""

    class Finder:
        """Finds nothing."""

        @staticmethod
        def find_spec(name: str, *_arguments: object) -> None:
            """Let it happen, then let others find the module."""
            if name == "workflow_mcp.transports.stdio.serve":
                happens()

    sys.meta_path.insert(0, Finder)


if __name__ == "__main__":
    wrong = {
        wrong.__name__: wrong
        for wrong in (directories_hang, store_hangs, loop_hangs, prints, parent_dies, parent_dies_at_need, signalled)
    }
    wrong[sys.argv.pop()]()
    main()
