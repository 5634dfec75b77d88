"""Memos for servers that tests start: what state the memo is in that a server finds when it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from workflow_mcp.transports.stdio.memo import Memo

State = Literal["none", "fresh", "stale", "broken"]
STATES: tuple[State, ...] = get_args(State)
FOLDER = """
import os, sys
from workflow_mcp.transports.stdio.memo import memo_of
sys.path[0] = sys.argv[1]
print(memo_of(os.environ, *sys.argv[2:]).folder)
"""


def memo_for(cwd: Path, env: Mapping[str, str], *directory: str, script: str | None = None) -> Memo:
    """The memo of a server that is started in a directory, with this environment and `--directory`, by a script."""
    first = str(cwd) if script is None else os.path.dirname(script)
    command = [sys.executable, "-c", FOLDER, first, *directory]
    return Memo(subprocess.check_output(command, cwd=cwd, env=dict(env), text=True).rstrip("\n"))


def answers_in(memo: Memo) -> dict[str, bytes]:
    """All that is kept in a memo."""
    return {path.name: memo.get(path.name) or b"" for path in Path(memo.folder).glob("*")}


def put(memo: Memo, answers: Mapping[str, bytes], state: State) -> None:
    """Bring a memo into a state: with these answers, with those of an installation that is gone, or damaged."""
    if state == "none":
        return
    folder = Path(memo.folder)
    if state == "stale":
        memo = Memo(str(folder.with_name("0" * len(folder.name))))
    memo.put(answers)
    for path in folder.glob("*") if state == "broken" else ():
        path.write_bytes(path.read_bytes()[:-20] or b"\0")
