"""The user of this machine, called what git calls them."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from workflow_mcp.work.text import name_from
from workflow_mcp.work.validation import MAX_NAME_LENGTH
from workflow_mcp.workspace.git import git_says

NOBODY = "somebody"


@dataclass(frozen=True, slots=True)
class User:
    """A name that an actor can have, and where it is from."""

    name: str
    source: str


async def find_user(directory: str) -> User:
    """The user who works in a directory: git's `user.name` there, else the name of the login.

    Characters that no actor's name can have are left out.
    """
    from_git = name_from(await git_says("-C", directory, "config", "--get", "user.name") or "", MAX_NAME_LENGTH)
    if from_git is not None:
        return User(from_git, "git's user.name")
    login = name_from(_login(), MAX_NAME_LENGTH)
    return User(NOBODY, "nothing names you") if login is None else User(login, "the login")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
