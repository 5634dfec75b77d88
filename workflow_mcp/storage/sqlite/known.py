"""Which projects a data directory has had, remembered outside of it: it may be unmounted or emptied. Blocking."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
from pathlib import Path

from workflow_mcp.work.values import Project

logger = logging.getLogger(__name__)


class KnownProjects:
    """The projects of one data directory that have had a file there, as far as this machine's user knows.

    Args:
        data_dir: the data directory.
        state_dir: where it is remembered; None remembers it for this process alone.
    """

    def __init__(self, data_dir: Path, state_dir: Path | None) -> None:
        self._data_dir = str(data_dir)
        name = hashlib.sha256(os.fsencode(self._data_dir)).hexdigest()[:32]
        self._folder = None if state_dir is None else state_dir / "projects" / name
        self._remembered: dict[str, str] = {}

    def names(self) -> dict[str, str]:
        """The name of each project, by id."""
        # Other processes may have stored a later one.
        return {**self._remembered, **self._stored()}

    def knows(self, project_id: str) -> bool:
        """Whether the project has had a file."""
        return project_id in self._remembered or (self._folder is not None and (self._folder / project_id).exists())

    def remember(self, project: Project) -> None:
        """Remember that the project has a file; where that cannot be written, for this process alone."""
        project_id = project.known_id
        if self._remembered.get(project_id) == project.name:
            return
        self._remembered[project_id] = project.name
        try:
            self._write(project_id, project.name)
        except OSError:
            logger.warning("that %s has a file cannot be remembered in %s", project_id, self._folder, exc_info=True)

    def forget(self, project_id: str) -> None:
        """Let the project be one that has had no file, as when somebody means it to be deleted."""
        self._remembered.pop(project_id, None)
        if self._folder is not None:
            (self._folder / project_id).unlink(missing_ok=True)

    def _write(self, project_id: str, name: str) -> None:
        if self._folder is None or _name_in(self._folder / project_id) == name:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._folder / f".{secrets.token_hex(8)}"
        temporary.write_text(json.dumps({"name": name, "data_dir": self._data_dir}), encoding="utf-8")
        temporary.replace(self._folder / project_id)

    def _stored(self) -> dict[str, str]:
        try:
            entries = [] if self._folder is None else list(self._folder.iterdir())
        except OSError:
            return {}
        names = {entry.name: _name_in(entry) for entry in entries if not entry.name.startswith(".")}
        return {project_id: name for project_id, name in names.items() if name is not None}


def _name_in(entry: Path) -> str | None:
    try:
        return str(json.loads(entry.read_bytes())["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
