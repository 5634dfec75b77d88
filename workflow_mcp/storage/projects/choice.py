"""Choosing among stored projects: pages of them in the order of their names, and the one that is meant by a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from workflow_mcp.errors import Code, ProjectError, ProjectUnknownError, StoreError, shown
from workflow_mcp.work.cursors import make_cursor, read_cursor
from workflow_mcp.work.members import unknown_to
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.validation import check_limit
from workflow_mcp.work.values import Project

MAX_SHOWN_PROJECTS = 5


def page_of(
    projects: Sequence[Project],
    archived_ids: Collection[str],
    *,
    text: str | None,
    limit: int,
    cursor: str | None,
    archived: bool,
) -> ProjectPage:
    """A page of the projects whose name contains `text`, ignoring case; without `archived` not of those that are.

    Args:
        projects: all there are, in the order of `by_name`.
        archived_ids: which of them are archived.
        text: part of a name.
        limit: how many a page has at most.
        cursor: where it begins.
        archived: whether archived ones are in it.

    Raises:
        UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
    """
    check_limit(limit)
    subject = ["projects", text, archived]
    after = tuple(read_cursor(subject, cursor, [str, str, str])) if cursor else None
    matching = [one for one in projects if not text or text.casefold() in one.name.casefold()]
    listed = [one for one in matching if archived or one.known_id not in archived_ids]
    rest = [one for one in listed if after is None or by_name(one) > after]
    following = make_cursor(subject, by_name(rest[limit - 1])) if len(rest) > limit else None
    return ProjectPage(
        tuple(rest[:limit]), following, archived=frozenset(archived_ids), hidden=len(matching) - len(listed)
    )


def alike(projects: Sequence[Project], page: Sequence[Project]) -> list[str]:
    """The ids of those on a page that share their name with another project."""
    names = Counter(one.name for one in projects)
    return [one.known_id for one in page if names[one.name] > 1]


def by_name(project: Project) -> tuple[str, str, str]:
    """What projects are ordered by."""
    return project.name.casefold(), project.name, project.known_id


def named(projects: Sequence[Project], name: str) -> list[Project]:
    """Those of the projects that have exactly this name."""
    return [one for one in projects if one.name == name]


def only_match(matching: Sequence[Project]) -> Project:
    """The only one of some projects with the same name.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
    """
    if len(matching) > 1:
        ids = ", ".join(one.known_id for one in matching[:MAX_SHOWN_PROJECTS])
        raise ProjectError(
            Code.PROJECT_AMBIGUOUS,
            f"{len(matching)} projects are named {shown(matching[0].name)}: {ids}.",
            "name the one that is meant by its id: as project.id in the config, or switch_project(project=<id>).",
        )
    return matching[0]


def id_in(text: str) -> str | None:
    """The project's id that a text is, as it is stored; None when it is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def found_or_refused(found: Project | None, id_or_name: str, member: str | None = None) -> Project:
    """The project that was found, with `member` among those of this principal.

    Raises:
        ProjectError: `PROJECT_UNKNOWN`, when none was.
    """
    if found is None and member is not None:
        raise unknown_to(member, id_or_name)
    if found is None:
        raise ProjectUnknownError(
            Code.PROJECT_UNKNOWN,
            f"there is no project {shown(id_or_name)}.",
            "call list_projects() for those there are.",
        )
    return found


def check_id(project_id: str) -> None:
    """Refuse what is no project's id: a canonical UUID, so that one project has one.

    Raises:
        StoreError: `PROJECT_ID_INVALID`.
    """
    if id_in(project_id) != project_id:
        raise StoreError(
            Code.PROJECT_ID_INVALID,
            f"{shown(project_id)} is not a UUID in its usual lower-case form.",
            "call list_projects() for the ids there are.",
        )
