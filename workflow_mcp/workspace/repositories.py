"""Which repository a config is in, read from git's files; git is run only for the oldest commit."""

from __future__ import annotations

import os
import re

from workflow_mcp.errors import ConfigError
from workflow_mcp.work.repositories import Repository
from workflow_mcp.workspace.config_files import read_config_file
from workflow_mcp.workspace.directories import Directory
from workflow_mcp.workspace.discovery import candidates
from workflow_mcp.workspace.git import git_says
from workflow_mcp.workspace.worktrees import common_folder

OLDEST = ("rev-list", "--max-parents=0", "HEAD")
ORIGIN = re.compile(r'^\s*\[remote "origin"\][^\[]*?^\s*url\s*=\s*(\S+)', re.MULTILINE)
PASSWORD = re.compile(r"(?<=://)[^/@]*@")


def repository_of(config_path: str, directory: Directory, *, home: str) -> Repository:
    """The repository that a config is in, without its oldest commit; else the folder that has the config. Blocking.

    Args:
        config_path: the config.
        directory: the working directory that it was found from; nothing outside of its allowed root is read.
        home: the home directory, whose repository is not that of all folders in it.
    """
    holder = os.path.realpath(os.path.dirname(os.path.dirname(config_path)))
    for folder in candidates(holder, holder, home=home, within=directory.root):
        if os.path.lexists(os.path.join(folder, ".git")):
            common = _common_folder(folder, directory)
            return Repository(folder) if common is None else Repository(common, _remote(common, directory))
    return Repository(holder)


def _common_folder(top: str, directory: Directory) -> str | None:
    git = os.path.join(top, ".git")
    return os.path.realpath(git) if os.path.isdir(git) else common_folder(top, directory)


def _remote(common: str, directory: Directory) -> str | None:
    try:
        data, _ = read_config_file(
            os.path.join(common, "config"), owners=directory.trusted_owners, within=directory.root
        )
    except ConfigError:
        return None
    found = ORIGIN.search(data.decode(errors="replace"))
    return None if found is None else PASSWORD.sub("", found[1])


async def oldest_commit(repository: Repository) -> str | None:
    """The id of the repository's oldest commit; None when git is not there or does not say so in time.

    Git is kept from fetching anything: a repository's own config could name a command for that.
    """
    found = await git_says("-c", "protocol.allow=never", f"--git-dir={repository.place}", *OLDEST)
    return found.split()[-1] if found else None
