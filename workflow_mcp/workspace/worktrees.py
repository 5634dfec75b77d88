"""The main checkout of a git worktree, found without running git: see gitrepository-layout(5)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from workflow_mcp.errors import ConfigError
from workflow_mcp.workspace.config import Config, parse_config
from workflow_mcp.workspace.config_files import is_inside, read_config_file
from workflow_mcp.workspace.directories import Directory
from workflow_mcp.workspace.discovery import own_config


@dataclass(frozen=True, slots=True)
class MainCheckout:
    """A main checkout whose top level has a config."""

    directory: str
    config_path: str
    config: Config


def main_checkout(top: str, directory: Directory) -> MainCheckout | None:
    """The main checkout of the linked worktree `top`; None when there is none or it has no config.

    Reads nothing outside the allowed root of `directory`, which is in the worktree.

    Raises:
        ConfigError: the main checkout's config cannot be used.
    """
    main = _main_folder(top, directory)
    path = None if main is None else own_config(main)
    if main is None or path is None:
        return None
    data, _ = read_config_file(path, owners=directory.trusted_owners, within=directory.root)
    return MainCheckout(main, path, parse_config(path, data))


def _main_folder(top: str, directory: Directory) -> str | None:
    common = common_folder(top, directory)
    if common is None:
        return None
    main, name = os.path.split(common)
    allowed = directory.root is None or is_inside(main, directory.root)
    return main if name == ".git" and allowed else None


def common_folder(top: str, directory: Directory) -> str | None:
    """The real path of the common git folder of the linked worktree `top`; None when it is no worktree."""
    git = os.path.join(top, ".git")
    private = _named_path(git, directory, prefix=b"gitdir: ")
    if private is None:
        return None
    common = _named_path(os.path.join(private, "commondir"), directory)
    back = _named_path(os.path.join(private, "gitdir"), directory)
    if common is None or back is None or not _are_worktree_and_repository(git, back, private, common):
        return None
    return os.path.realpath(common)


def _named_path(file: str, directory: Directory, *, prefix: bytes = b"") -> str | None:
    """The path in one of git's files; None when it is not such a file or may not be read."""
    try:
        data, _ = read_config_file(file, owners=directory.trusted_owners, within=directory.root)
    except ConfigError:
        return None
    named = data.removeprefix(prefix).rstrip(b"\r\n")
    if not data.startswith(prefix) or not named or b"\0" in named:
        return None
    return os.path.join(os.path.dirname(file), os.fsdecode(named))


def _are_worktree_and_repository(git: str, back: str, private: str, common: str) -> bool:
    # Any folder can name any repository in its `.git`; only a real worktree is named by the repository in turn.
    try:
        is_named = os.path.samefile(git, back)
    except OSError:
        return False
    return is_named and os.path.dirname(os.path.realpath(private)) == os.path.join(
        os.path.realpath(common), "worktrees"
    )
