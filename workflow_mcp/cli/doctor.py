"""`workflow-mcp doctor`: the steps from a directory to its project, with the result of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from workflow_mcp.cli.claude_code_steps import about_claude_code
from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.local import locate
from workflow_mcp.cli.project_steps import about_stored
from workflow_mcp.cli.start_steps import Loading, about_start
from workflow_mcp.cli.steps import Step, Verdict
from workflow_mcp.errors import WorkflowError
from workflow_mcp.settings import Settings
from workflow_mcp.storage.folders import check_writable
from workflow_mcp.workspace.directories import check_directory, process_directory
from workflow_mcp.workspace.discovery import candidates, config_path_in
from workflow_mcp.workspace.values import Location


def examine(directory: str, settings: Settings) -> list[Step]:
    """The steps for `directory`, as of a stdio server that is started there."""
    loading = Loading()
    found = [
        *about_claude_code(directory, settings),
        *_about_sources(directory, settings),
        *_about_location(directory, settings),
    ]
    return [*_about_server(settings), *about_start(loading), *found]


def report(directory: str, steps: list[Step]) -> dict[str, Any]:
    """The steps as one JSON-serializable object."""
    return {"directory": directory, "healthy": is_healthy(steps), "steps": [asdict(step) for step in steps]}


def is_healthy(steps: list[Step]) -> bool:
    """Whether no step found a problem."""
    return all(step.verdict != "problem" for step in steps)


def _about_server(settings: Settings) -> Iterator[Step]:
    versions = ", ".join(f"{name} {version(name)}" for name in ("workflow-mcp", "fastmcp", "mcp"))
    yield Step("version", "ok", f"{versions}, Python {sys.version.split()[0]}")
    yield _about_data_dir(str(settings.data_dir))
    roots = ", ".join(str(root) for root in settings.allowed_roots)
    yield Step("allowed roots", "ok" if roots else "none", roots or "every directory is allowed")


def _about_data_dir(folder: str) -> Step:
    try:
        check_writable(folder)
    except WorkflowError as error:
        return Step("data directory", "problem", str(error))
    return Step("data directory", "ok", folder if os.path.exists(folder) else f"{folder} (made when first needed)")


def _about_sources(directory: str, settings: Settings) -> Iterator[Step]:
    yield Step("source: option", *_given(settings.directory, "--directory is not given"))
    yield Step("source: roots", "none", "only a connected client has them")
    yield Step("source: environment", *_given(settings.claude_project_dir, "CLAUDE_PROJECT_DIR is not set"))
    if process_directory(directory, home=settings.home, plugin_folders=settings.plugin_folders) is None:
        why = "the root, the home directory, or inside an installed-package, cache or plugin folder"
        yield Step("source: process", "ignored", f"{directory} is {why}")
    else:
        yield Step("source: process", "ok", directory)


def _given(value: str | None, otherwise: str) -> tuple[Verdict, str]:
    return ("none", otherwise) if value is None else ("ok", value)


def _about_location(directory: str, settings: Settings) -> Iterator[Step]:
    try:
        checked = check_directory(directory, "option", allowed_roots=settings.allowed_roots)
    except WorkflowError as error:
        yield Step("directory", "problem", error_line(error))
        return
    links = "" if checked.path == checked.resolved else f", which really is {checked.resolved}"
    yield Step("directory", "ok", f"{checked.path}{links}")
    try:
        location = locate(directory, settings)
    except WorkflowError as error:
        yield from _about_walk(directory, settings, found=None)
        yield Step("config", "problem", error_line(error))
        return
    yield from _about_walk(directory, settings, found=location.config_path)
    yield from _about_project(location)
    yield from about_stored(location, settings)


def _about_walk(directory: str, settings: Settings, *, found: str | None) -> Iterator[Step]:
    checked = check_directory(directory, "option", allowed_roots=settings.allowed_roots)
    counted = list(candidates(checked.path, checked.resolved, home=settings.home, within=checked.root))
    ignored = [settings.home] if settings.home not in counted else []
    for folder in counted:
        path = config_path_in(folder)
        if path == found or os.path.lexists(path):
            yield Step("look for config", "ok", f"{path} is there")
            break
        yield Step("look for config", "none", path)
    for folder in ignored:
        if os.path.lexists(config_path_in(folder)):
            yield Step("look for config", "ignored", f"{config_path_in(folder)}: the home directory's own")


def _about_project(location: Location) -> Iterator[Step]:
    if location.config is None:
        yield Step("config", "none", "there is none here or above: `workflow-mcp init` makes one")
        return
    flags = [name for name in ("auto_switch", "strict_mode", "dry_run") if getattr(location.config, name)]
    yield Step("config", "ok", f"{location.config_path}: {', '.join(flags) or 'no flag is set'}")
    if location.project is None:
        yield Step("project", "none", "auto_switch is false: each session chooses its project")
    elif location.project.id is None:
        yield Step("project", "ok", f"{location.project.name}, without an id yet: `workflow-mcp init` writes one")
    else:
        yield Step("project", "ok", f"{location.project.name} ({location.project.id})")
