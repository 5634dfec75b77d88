"""The members of a project; a project that has an admin always has one."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Executable, bindparam, delete, select

from workflow_mcp.storage.tables import members
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.members import Member, Role, allows, insufficient, last_admin, not_a_member, unknown_to


def require(tx: Transaction, needed: Role) -> None:
    """Refuse what the transaction's principal may not do; a transaction without one may do everything.

    Raises:
        ProjectError: `PROJECT_UNKNOWN`, when the principal is no member; `ROLE_INSUFFICIENT`.
    """
    if tx.principal is None:
        return
    role = role_of(tx, tx.principal)
    if role is None:
        raise unknown_to(tx.principal, tx.project_id)
    if not allows(role, needed):
        raise insufficient(tx.principal, role, needed)


def role_of(tx: Transaction, principal: str) -> Role | None:
    """What the principal may do in the project; None when it is no member."""
    row = tx.first(_of_principal(), principal_of=principal)
    return None if row is None else row.role


def members_of(tx: Transaction) -> tuple[Member, ...]:
    """All members of the project, by name."""
    return tuple(Member(row.principal, row.role) for row in tx.all(_all()))


def set_member(tx: Transaction, member: Member) -> Role | None:
    """Make a principal a member, or give a member another role; the role that it had before.

    Raises:
        ProjectError: `ADMIN_REQUIRED`, for the last admin; or see `require`.
    """
    require(tx, "admin")
    before = role_of(tx, member.principal)
    if member.role != "admin":
        _check_remaining(tx, member.principal)
    tx.change(_removal(), [{"principal_of": member.principal}])
    tx.add(members, [{"principal": member.principal, "role": member.role}])
    return before


def remove_member(tx: Transaction, principal: str) -> None:
    """Let a principal be no member any longer.

    Raises:
        ProjectError: `MEMBER_UNKNOWN`; `ADMIN_REQUIRED`, for the last admin; or see `require`.
    """
    require(tx, "admin")
    if role_of(tx, principal) is None:
        raise not_a_member(principal)
    _check_remaining(tx, principal)
    tx.change(_removal(), [{"principal_of": principal}])


def _check_remaining(tx: Transaction, principal: str) -> None:
    if [one.principal for one in members_of(tx) if one.role == "admin"] == [principal]:
        raise last_admin(principal)


@cache
def _all() -> Executable:
    return select(members).where(in_project(members)).order_by(members.c.principal)


@cache
def _of_principal() -> Executable:
    return select(members.c.role).where(in_project(members), members.c.principal == bindparam("principal_of"))


@cache
def _removal() -> Executable:
    return delete(members).where(in_project(members), members.c.principal == bindparam("principal_of"))
