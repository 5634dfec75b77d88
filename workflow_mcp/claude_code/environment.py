"""What the commands that hooks run read of the environment; `Settings` takes longer to import than they may run.

`tests/claude_code/test_environment.py` holds that it says what `Settings` says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path


@dataclass(frozen=True, slots=True)
class Environment:
    """What the commands go by.

    Attributes:
        data_dir: where the data is.
        allowed_roots: the directories that may be worked in; all, when there are none.
        home: the user's home.
        asks_to_join: whether a repository that is new to a project must be let in first.
        in_database: whether the projects' work is in a database, which the commands do not reach.
    """

    data_dir: Path
    allowed_roots: tuple[Path, ...]
    home: str
    asks_to_join: bool = False
    in_database: bool = False


def read_environment() -> Environment:
    """What the server's settings of these names are in this environment."""
    data_dir, roots = (os.environ.get(f"WORKFLOW_MCP_{name}", "") for name in ("DATA_DIR", "ALLOWED_ROOTS"))
    allowed = [part for part in roots.split(os.pathsep) if part] or ([roots] if roots else [])
    return Environment(
        Path(data_dir) if data_dir else user_data_path("workflow-mcp", appauthor=False),
        tuple(Path(root) for root in allowed),
        os.path.expanduser("~"),
        os.environ.get("WORKFLOW_MCP_JOIN") == "ask",
        bool(os.environ.get("WORKFLOW_MCP_DATABASE_URL")),
    )


def current_directory() -> str:
    """The process's own directory; empty when that is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""
