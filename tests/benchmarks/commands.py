"""How long a command of the command line takes that reads, beside `python -c pass` in the same run.

    python tests/benchmarks/commands.py [ROUNDS]

Commands take turns, so that what else the machine does falls on all alike. Prints the medians of the seconds on the
clock and of the CPU seconds, and how many times `pass` the latter are.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 7
NOTHING = "python -c pass"
COMMANDS = ("--version", "--help", "statusline", "schema", "list", "ready", "show 1", "export", "projects", "doctor")


def arguments(command: str) -> list[str]:
    """What Python is given for a command."""
    return ["-c", "pass"] if command == NOTHING else ["-m", "workflow_mcp", *command.split()]


class Project:
    """A folder with a project, and commands that are run in it."""

    def __init__(self, base: Path) -> None:
        self._folder = base / "project"
        self._folder.mkdir()
        own = {"HOME": str(base), "WORKFLOW_MCP_DATA_DIR": str(base / "data")}
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self._environment = kept | own

    def run(self, command: str) -> tuple[float, float]:
        """The seconds and the CPU seconds that a command took."""
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments(command)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name))
        for command in ("init", "add First", *COMMANDS):
            project.run(command)
        times = {command: list[tuple[float, float]]() for command in (NOTHING, *COMMANDS)}
        for _ in range(rounds):
            for command, found in times.items():
                found.append(project.run(command))
    least = median(cpu for _, cpu in times[NOTHING])
    for command, found in times.items():
        took, cpu = (median(column) for column in zip(*found, strict=True))
        print(f"{command:16} {took:6.3f} s   CPU {cpu:6.3f} s   {cpu / least:5.1f} x")


if __name__ == "__main__":
    main()
