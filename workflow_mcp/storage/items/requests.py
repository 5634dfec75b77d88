"""Requests with an id, so that repeating one changes nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, select

from workflow_mcp.errors import shown
from workflow_mcp.storage.tables import requests
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work import errors


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be repeated.

    Attributes:
        id: what its client calls it.
        digest: what distinguishes it from other requests.
    """

    id: str
    digest: str


def request_of(request_id: str, *arguments: Any) -> Request:
    """The request of this id with these JSON-able arguments."""
    text = json.dumps(arguments, sort_keys=True, ensure_ascii=True)
    return Request(request_id, hashlib.sha256(text.encode()).hexdigest())


def earlier_items(tx: Transaction, request: Request | None) -> Sequence[int] | None:
    """The ids of the items that the same request created or claimed before; None when there was none.

    Raises:
        WorkItemError: `ITEM_INVALID`, when the id was used for another request.
    """
    row = None if request is None else tx.first(_request(), request_id=request.id)
    if request is None or row is None:
        return None
    if row.digest != request.digest:
        raise errors.invalid(
            f"request_id {shown(request.id)} was used for another request: {errors.numbers(row.item_ids)}.",
            "pass a new request_id for a new request.",
        )
    return list(row.item_ids)


def add_request(tx: Transaction, request: Request | None, ids: Sequence[int]) -> None:
    """Store which items a request created or claimed, if it has an id."""
    if request is not None:
        row = {"request_id": request.id, "digest": request.digest, "item_ids": list(ids), "at": tx.written_at}
        tx.add(requests, [row])


@cache
def _request() -> Executable:
    return select(requests).where(in_project(requests), requests.c.request_id == bindparam("request_id"))
