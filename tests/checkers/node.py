"""Other people's checkers: npm packages in the folder that MCP_CHECKERS names, run by a Node that is new enough."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

OLDEST_NODE = 22
PATIENCE = 100
FOLDER = os.environ.get("MCP_CHECKERS")


def node() -> str | None:
    """A Node that is new enough: the folder's own, else the machine's; None when there is none."""
    own = None if FOLDER is None else shutil.which("node", path=str(Path(FOLDER, "node_modules", "node", "bin")))
    for binary in (own, shutil.which("node")):
        if binary is not None:
            version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
            if (major := re.match(r"v(\d+)", version)) and int(major[1]) >= OLDEST_NODE:
                return binary
    return None


NODE = None if FOLDER is None else node()
LACKING = "MCP_CHECKERS names no folder with node_modules" if FOLDER is None else f"there is no Node >= {OLDEST_NODE}"
needs_checkers = [
    pytest.mark.skipif(NODE is None, reason=f"{LACKING}; .ci/run installs both"),
    pytest.mark.timeout(PATIENCE + 20),
]


def run(
    package: str, *arguments: str, home: Path, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a package's one command; nothing of the caller's environment reaches it."""
    assert FOLDER is not None
    assert NODE is not None
    folder = Path(FOLDER, "node_modules", package)
    program = command_of(json.loads((folder / "package.json").read_text())["bin"])
    path = os.pathsep.join([str(Path(NODE).parent), os.defpath])
    return subprocess.run(
        [NODE, str(folder / program), *arguments],
        env={"PATH": path, "HOME": str(home), **variables},
        cwd=home if cwd is None else cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def command_of(commands: str | Mapping[str, str]) -> str:
    """The program that a package runs: its only one, else the first."""
    return commands if isinstance(commands, str) else next(iter(commands.values()))
