"""Whose turn it is to import into a project: one import at a time, whose items are not there before it ends.

The items of an unfinished import have ids of a range that the project's row names; whatever is in that range is hidden
(`in_project`), and what an import leaves behind that was killed is removed by the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import BindParameter, Executable, Row, bindparam, delete, or_, select, update

from workflow_mcp.errors import Code, WorkItemError
from workflow_mcp.storage.tables import events, item_texts, items, labels, links, notes, origins, projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction, stored_in_project
from workflow_mcp.work.validation import MAX_ID

# An import whose process was killed may be taken over after this time without a portion.
TAKEOVER_AFTER = timedelta(minutes=2)
PORTION = 250


class Turn:
    """One import's turn, from `begin` to `end` or `give_up`; each method may be run again in another transaction."""

    def __init__(self) -> None:
        self._token = uuid4().hex

    def begin(self, tx: Transaction) -> None:
        """Make this the only import into the project.

        Raises:
            WorkItemError: `IMPORT_RUNNING`.
        """
        project = project_row(tx)
        if project.import_token not in (None, self._token) and project.import_until > tx.now:
            raise _running(project.import_until)
        _set(tx, import_token=self._token, import_until=tx.now + TAKEOVER_AFTER)

    def renew(self, tx: Transaction) -> None:
        """Say that this import goes on.

        Raises:
            WorkItemError: `IMPORT_RUNNING`, when another one took its place.
        """
        if project_row(tx).import_token != self._token:
            raise WorkItemError(
                Code.IMPORT_RUNNING,
                "another import took the place of this one, which had stood still for two minutes.",
                "import again when the other one has ended; nothing of this one was imported.",
            )
        _set(tx, import_until=tx.now + TAKEOVER_AFTER)

    def remove_portion(self, tx: Transaction) -> bool:
        """Remove some of what an import left behind that did not end; False when there is nothing left."""
        self.renew(tx)
        ids = [row.id for row in tx.all(_left_behind())]
        if ids:
            for statement in _removals():
                tx.change(statement, [{"ids": ids}])
        else:
            _set(tx, import_first=0, import_last=0)
        return bool(ids)

    def reserve(self, tx: Transaction, first: int, last: int) -> None:
        """Take the ids from `first` to `last`, which no item has, for the items that come.

        Raises:
            WorkItemError: `IMPORT_INVALID`, when there are no such ids.
        """
        next_id = project_row(tx).next_item_id
        if last >= MAX_ID:
            raise WorkItemError(
                Code.IMPORT_INVALID, f"there are no ids left beyond {next_id}.", "import it into an empty project."
            )
        _set(tx, import_first=first, import_last=last, next_item_id=max(next_id, last + 1))

    def end(self, tx: Transaction) -> None:
        """Let all its items be there, at once, also for what follows in this transaction."""
        self.renew(tx)
        _set(tx, import_first=0, import_last=0, import_token=None, import_until=None)

    def give_up(self, tx: Transaction) -> None:
        """Let another import begin, once all that this one left behind was removed."""
        self.renew(tx)
        _set(tx, import_token=None, import_until=None)


def project_row(tx: Transaction) -> Row[Any]:
    """The project's own row."""
    return tx.all(_own_project())[0]


def _running(until: datetime) -> WorkItemError:
    return WorkItemError(
        Code.IMPORT_RUNNING,
        "another import into this project is running, or was killed less than two minutes ago.",
        f"import again when it has ended, or after {until:%H:%M:%S} UTC.",
    )


def _set(tx: Transaction, **values: Any) -> None:
    tx.change(_set_project(tuple(values)), [{f"new_{name}": value for name, value in values.items()}])


@cache
def _own_project() -> Executable:
    return select(projects).where(projects.c.id == bindparam(PROJECT_PARAMETER))


@cache
def _set_project(names: tuple[str, ...]) -> Executable:
    statement = update(projects).where(projects.c.id == bindparam(PROJECT_PARAMETER))
    return statement.values({name: bindparam(f"new_{name}", type_=projects.c[name].type) for name in names})


@cache
def _left_behind() -> Executable:
    own = select(projects.c.import_first, projects.c.import_last).where(projects.c.id == bindparam(PROJECT_PARAMETER))
    first, last = own.subquery().c
    statement = select(items.c.id).where(stored_in_project(items), items.c.id.between(first, last))
    return statement.order_by(items.c.id).limit(PORTION)


@cache
def _removals() -> Sequence[Executable]:
    ids: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
    ends = or_(links.c.source_id.in_(ids), links.c.target_id.in_(ids))
    tables = (events, notes, labels, item_texts, origins)
    of_items = [delete(one).where(stored_in_project(one), one.c.item_id.in_(ids)) for one in tables]
    return [
        *of_items,
        delete(links).where(stored_in_project(links), ends),
        update(items).where(stored_in_project(items), items.c.parent_id.in_(ids)).values(parent_id=None),
        delete(items).where(stored_in_project(items), items.c.id.in_(ids)),
    ]
