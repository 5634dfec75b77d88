"""The plugin that comes with the package: where it is, and how Claude Code installs it."""

from __future__ import annotations

import json
import os
from pathlib import Path

FOLDER = str(Path(__file__).with_name("plugin"))
PLUGIN = "workflow"
SERVER = "workflow"
MARKETPLACE = "workflow-mcp"
PROGRAM = "claude"

INSTALLATION = (
    ("plugin", "marketplace", "add", FOLDER),
    ("plugin", "install", f"{PLUGIN}@{MARKETPLACE}"),
)


def version_in(folder: str) -> str | None:
    """The version that the manifest of a plugin's folder names; None without one.

    Raises:
        OSError: there is no manifest that can be read.
        ValueError: it is not JSON.
    """
    with open(os.path.join(folder, ".claude-plugin", "plugin.json"), "rb") as file:
        manifest = json.loads(file.read())
    version = manifest.get("version") if isinstance(manifest, dict) else None
    return version if isinstance(version, str) else None
