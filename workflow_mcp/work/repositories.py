"""Repositories that work in a project, and which of them are one."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository that works in a project, or a folder that is in none.

    Attributes:
        place: the real path of the repository's common git folder, or of the folder that has the config.
        remote: the URL of its remote `origin`; None when there is none.
        first_commit: the id of its oldest commit; None when it is not known.
    """

    place: str
    remote: str | None = None
    first_commit: str | None = None

    @property
    def directory(self) -> str:
        """The path that people know it by."""
        return self.place.removesuffix("/.git")


def is_same(one: Repository, other: Repository) -> bool:
    """Whether one is the other, a worktree of it, or both are clones of the same repository."""
    if one.place == other.place or other.place in _local_remote(one) or one.place in _local_remote(other):
        return True
    if one.remote is not None and one.remote == other.remote:
        return True
    return one.first_commit is not None and one.first_commit == other.first_commit


def _local_remote(repository: Repository) -> tuple[str, ...]:
    # `git clone /a/b` has the remote /a/b, whose common folder is that or its .git.
    remote = (repository.remote or "").removeprefix("file://")
    return (remote, os.path.join(remote, ".git")) if os.path.isabs(remote) else ()
