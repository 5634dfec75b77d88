"""Members of projects: which principals may work in a project, and what each may do there.

A principal is who a token belongs to. Where no tokens are asked for there are no principals, and nothing is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import Final, Literal, get_args

from workflow_mcp.errors import Code, ProjectError, ProjectUnknownError, UsageError, shown
from workflow_mcp.work.text import HIDDEN, has_visible

Role = Literal["read", "write", "admin"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)  # each may do what those before it may
MAX_PRINCIPAL_LENGTH = 255
ADD = "workflow-mcp members add"


@dataclass(frozen=True, slots=True)
class Member:
    """A principal, and what it may do in the project whose member it is."""

    principal: str
    role: Role


def allows(role: Role, needed: Role) -> bool:
    """Whether who has one role may do what needs another."""
    return ROLES.index(role) >= ROLES.index(needed)


def is_principal(name: str) -> bool:
    """Whether a text can be a principal's name: 1 to 255 characters, on one line, none of them hidden."""
    return 0 < len(name) <= MAX_PRINCIPAL_LENGTH and has_visible(name) and not HIDDEN.search(name)


def check_principal(name: str) -> None:
    """Refuse what cannot be a principal's name.

    Raises:
        UsageError: `NAME_INVALID`.
    """
    if not is_principal(name):
        raise UsageError(
            Code.NAME_INVALID,
            f"{shown(name)} is not the name of a principal.",
            "pass the name that its token has in the tokens file, or the subject of its JWTs.",
        )


def unknown_to(principal: str, named: str) -> ProjectUnknownError:
    """`PROJECT_UNKNOWN`: the principal is a member of no such project; the same whether there is one or not."""
    return ProjectUnknownError(
        Code.PROJECT_UNKNOWN,
        f"there is no project {shown(named)} that {shown(principal)} is a member of.",
        f"call list_projects() for yours, or have the server's owner run `{ADD} {quote(principal)}` in this one.",
    )


def insufficient(principal: str, role: Role, needed: Role) -> ProjectError:
    """`ROLE_INSUFFICIENT`: a member may not do this."""
    return ProjectError(
        Code.ROLE_INSUFFICIENT,
        f"{shown(principal)} has the role {role} in this project, and this needs {needed}; nothing was changed.",
        f"leave it to others, or have the server's owner run `{ADD} {quote(principal)} --role {needed}` in it.",
    )


def last_admin(principal: str) -> ProjectError:
    """`ADMIN_REQUIRED`: without this member the project would have no admin."""
    return ProjectError(
        Code.ADMIN_REQUIRED,
        f"{shown(principal)} is the project's last admin; nothing was changed.",
        f"make somebody else one first: `{ADD} NAME --role admin`.",
    )


def not_a_member(principal: str) -> ProjectError:
    """`MEMBER_UNKNOWN`: who is to be removed is no member."""
    return ProjectError(
        Code.MEMBER_UNKNOWN,
        f"{shown(principal)} is not a member of the project; nothing was changed.",
        "run `workflow-mcp members list` for those there are.",
    )
