"""What Claude Code has of us, read from the files in which it keeps its plugins and servers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from workflow_mcp.claude_code.plugin_folder import PLUGIN, SERVER, version_in

COMMANDS = ("workflow-mcp", "workflow_mcp")


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """Our plugin as Claude Code has it: its id, the folder that is really used, and the version that one names."""

    id: str
    folder: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Registration:
    """Our server as Claude Code starts it without the plugin: under which name, in which scope, from which file."""

    name: str
    scope: str
    file: str


@dataclass(frozen=True, slots=True)
class ClaudeCodeFiles:
    """The files of Claude Code that count in a directory.

    Attributes:
        folder: its configuration folder, `~/.claude` or `CLAUDE_CONFIG_DIR`.
        state: its file of servers and projects, `~/.claude.json` or the one in `CLAUDE_CONFIG_DIR`.
        directory: an absolute directory that Claude Code may be started in.
    """

    folder: Path
    state: Path
    directory: Path

    def plugins(self) -> list[InstalledPlugin]:
        """Our plugins that are enabled.

        Raises:
            OSError: a file is there and cannot be read.
            ValueError: a file is not JSON.
        """
        installed = _object(_read(self.folder / "plugins" / "installed_plugins.json"), "plugins")
        ours = [name for name in installed if name.partition("@")[0] == PLUGIN and self._enabled().get(name) is True]
        found = [(name, self._folder_of(name, _last(installed[name]))) for name in ours]
        return [
            InstalledPlugin(name, folder, version_in(folder))
            for name, folder in found
            if any(_is_ours(*one) for one in _servers(_read(Path(folder, ".mcp.json"))))
        ]

    def registrations(self) -> list[Registration]:
        """Our servers that are registered beside the plugin's.

        Raises:
            OSError: a file is there and cannot be read.
            ValueError: a file is not JSON.
        """
        state = _read(self.state)
        sources: list[tuple[str, Path, Any]] = [("user", self.state, state)]
        for folder in self._upwards():
            sources.append(("local", self.state, _object(state, "projects").get(str(folder))))
            sources.append(("project", folder / ".mcp.json", _read(folder / ".mcp.json")))
        return [
            Registration(name, scope, str(file))
            for scope, file, members in sources
            for name, entry in _servers(members)
            if _is_ours(name, entry)
        ]

    def _enabled(self) -> dict[str, Any]:
        enabled: dict[str, Any] = {}
        folders = [self.folder, *(folder / ".claude" for folder in reversed(self._upwards()))]
        for folder in folders:
            for name in ("settings.json", "settings.local.json"):
                enabled |= _object(_read(folder / name), "enabledPlugins")
        return enabled

    def _folder_of(self, name: str, entry: Any) -> str:
        # From a marketplace that is a folder Claude Code loads the plugin in place, not its copy.
        known = _read(self.folder / "plugins" / "known_marketplaces.json")
        source = _object(_object(known, name.partition("@")[2]), "source")
        if source.get("source") != "directory":
            return str(entry.get("installPath")) if isinstance(entry, dict) else ""
        marketplace = str(source.get("path"))
        offered = _read(Path(marketplace, ".claude-plugin", "marketplace.json")).get("plugins")
        for plugin in offered if isinstance(offered, list) else []:
            if isinstance(plugin, dict) and plugin.get("name") == PLUGIN:
                return os.path.normpath(os.path.join(marketplace, str(plugin.get("source"))))
        return marketplace

    def _upwards(self) -> list[Path]:
        return [self.directory, *self.directory.parents]


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return value if isinstance(value, dict) else {}


def _object(members: Any, name: str) -> dict[str, Any]:
    value = members.get(name) if isinstance(members, dict) else None
    return value if isinstance(value, dict) else {}


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _servers(members: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in _object(members, "mcpServers").items():
        if isinstance(entry, dict):
            yield name, entry


def _is_ours(name: str, entry: dict[str, Any]) -> bool:
    """Whether an entry starts our server, or by its name and URL leads to one that runs already."""
    if "url" in entry:
        return name == SERVER
    words = [entry.get("command"), *(entry.get("args") or [])]
    return any(isinstance(word, str) and PurePath(word).stem in COMMANDS for word in words)
