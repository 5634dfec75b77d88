"""Items as they are here, in the form in which it is remembered how they are elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, and_, bindparam, or_, select

from workflow_mcp.storage.items.rows import chunks, labels_of
from workflow_mcp.storage.origins.rows import names_of
from workflow_mcp.storage.tables import links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.importers.merging import Snapshot, digest

SAME = ("title", "item_type", "status", "priority", "assignee", "acceptance")


def snapshots_of(tx: Transaction, rows: Mapping[int, Row[Any]]) -> dict[int, Snapshot]:
    """A snapshot of each of these rows; a relative that does not come from elsewhere is named by its number."""
    linked = _links(tx, list(rows))
    near = {other for found in linked.values() for _, other in found}
    near |= {row.parent_id for row in rows.values() if row.parent_id is not None}
    names = {one: f"#{one}" for one in near} | names_of(tx, near)
    return {one: _snapshot(row, linked[one], names) for one, row in rows.items()}


def _snapshot(row: Row[Any], linked: Sequence[tuple[str, int]], names: Mapping[int, str]) -> Snapshot:
    return {
        **{name: getattr(row, name) for name in SAME},
        "description": digest(row.description),
        "parent": names.get(row.parent_id),
        "labels": labels_of(row),
        "links": [[relation, names[other]] for relation, other in linked],
    }


def _links(tx: Transaction, ids: Sequence[int]) -> defaultdict[int, list[tuple[str, int]]]:
    found: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    rows = {tuple(row) for some in chunks(ids) for row in tx.all(_links_of(), ids=some)}
    for source, target, kind in rows:
        if kind == "blocks":
            found[target].append(("blocked_by", source))
        else:
            found[source].append((kind, target))
            found[target] += [(kind, source)] if kind == "relates_to" else []
    return found


@cache
def _links_of() -> Executable:
    ids: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
    ends = or_(links.c.source_id.in_(ids), links.c.target_id.in_(ids))
    return select(links.c.source_id, links.c.target_id, links.c.kind).where(and_(in_project(links), ends))
