"""Requests with an id, so that repeating one changes nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, select

from workflow_mcp.errors import shown
from workflow_mcp.storage.tables import requests
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work import errors


def digest_of(*arguments: Any) -> str:
    """What distinguishes a request from others; of JSON-able values."""
    return hashlib.sha256(json.dumps(arguments, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def earlier_items(tx: Transaction, request_id: str | None, digest: str) -> Sequence[int] | None:
    """The ids of the items that the same request created or claimed before; None when there was none.

    Raises:
        WorkItemError: `ITEM_INVALID`, when the id was used for another request.
    """
    row = None if request_id is None else tx.first(_request(), request_id=request_id)
    if row is None:
        return None
    if row.digest != digest:
        raise errors.invalid(
            f"request_id {shown(request_id)} was used for another request: {errors.numbers(row.item_ids)}.",
            "pass a new request_id for a new request.",
        )
    return list(row.item_ids)


def add_request(tx: Transaction, request_id: str | None, digest: str, ids: Sequence[int]) -> None:
    """Store which items a request created or claimed, if it has an id."""
    if request_id is not None:
        tx.add(requests, [{"request_id": request_id, "digest": digest, "item_ids": list(ids), "at": tx.written_at}])


@cache
def _request() -> Executable:
    return select(requests).where(in_project(requests), requests.c.request_id == bindparam("request_id"))
