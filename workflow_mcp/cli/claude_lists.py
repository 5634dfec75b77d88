"""Claude Code's task lists, and which of them belong to a project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workflow_mcp.work.json_text import strict_json

MAX_LOOK_BYTES: Final = 256 * 1024
# Of longer paths Claude Code shortens the name, and adds a digest to it.
MAX_COMMON_NAME: Final = 150


@dataclass(frozen=True, slots=True)
class ClaudeLists:
    """The task lists in Claude Code's own folder.

    A list is called after the conversation that made it; a conversation's transcript lies in a folder that is called
    after the directory that it was held in.

    Args:
        folder: `~/.claude`, or what `CLAUDE_CONFIG_DIR` says.
    """

    folder: str

    def named(self, name: str) -> str | None:
        """The folder of a list; None when there is none of this name."""
        path = os.path.join(self.folder, "tasks", name)
        is_name = name == os.path.basename(name) and name not in ("", os.curdir, os.pardir)
        return path if is_name and os.path.isdir(path) else None

    def of_project(self, project: str) -> list[str]:
        """The folders of the lists of conversations that were held in a project's directory, or below it."""
        projects = {project, os.path.realpath(project)}
        found = (
            self.named(name) for name, transcript in self._conversations(projects) if _held_in(transcript, projects)
        )
        return sorted(path for path in found if path is not None)

    def _conversations(self, projects: set[str]) -> Iterator[tuple[str, str]]:
        begins = tuple(re.sub(r"[^a-zA-Z0-9]", "-", one)[:MAX_COMMON_NAME] for one in projects)
        folders = os.path.join(self.folder, "projects")
        for folder in _names(folders):
            if folder.startswith(begins):
                for name in _names(os.path.join(folders, folder)):
                    if name.endswith(".jsonl"):
                        yield name.removesuffix(".jsonl"), os.path.join(folders, folder, name)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _held_in(transcript: str, projects: set[str]) -> bool:
    directory = next(_directories(transcript), None)
    return directory is not None and any(_is_below(directory, project) for project in projects)


def _is_below(directory: str, project: str) -> bool:
    return f"{directory}{os.sep}".startswith(f"{project.rstrip(os.sep)}{os.sep}")


def _directories(transcript: str) -> Iterator[str]:
    if not os.path.isfile(transcript):
        return
    with open(transcript, "rb") as file:
        lines = file.read(MAX_LOOK_BYTES).decode(errors="replace").splitlines()
    for line in lines:
        try:
            value = strict_json(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("cwd"), str):
            yield value["cwd"]
