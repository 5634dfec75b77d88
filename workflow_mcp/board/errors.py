"""Errors as the page gets them: a status, and what a person can do."""

from __future__ import annotations

import logging
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse

from workflow_mcp.board.cards import item_object
from workflow_mcp.errors import Code, StoreError, UsageError, WorkflowError
from workflow_mcp.work.errors import ItemError

logger = logging.getLogger(__name__)

STATUS: dict[str, int] = {
    Code.KEY_REQUIRED: 401,
    Code.KEY_INVALID: 401,
    Code.DRY_RUN: 403,
    Code.ROLE_INSUFFICIENT: 403,
    Code.ITEM_NOT_FOUND: 404,
    Code.ITEM_DELETED: 404,
    Code.PROJECT_UNKNOWN: 404,
    Code.PROJECT_DELETED: 404,
    Code.VERSION_CONFLICT: 409,
    Code.ITEM_CLAIMED: 409,
    Code.ITEM_NOT_READY: 409,
    Code.ITEM_UNFINISHED: 409,
    Code.EVIDENCE_REQUIRED: 409,
    Code.CHILDREN_NEED_CONFIRM: 409,
    Code.PARENT_DELETED: 409,
    Code.ITEM_CYCLE: 409,
    Code.BODY_TOO_LARGE: 413,
    Code.INTERNAL_ERROR: 500,
}
REPEAT = "look at it as it is now, then repeat your change."
NEXT_STEPS: dict[str, str] = {
    Code.CHILDREN_NEED_CONFIRM: "look at them; confirm if all of them are meant.",
    Code.EVIDENCE_REQUIRED: "do what is missing, and write down what shows it.",
    Code.ITEM_CLAIMED: "leave it to them, or choose to override their claim.",
    Code.ITEM_CYCLE: "leave that link or parent out, or remove the other link.",
    Code.ITEM_DELETED: "restore it to change it.",
    Code.ITEM_NOT_FOUND: "search for the item that is meant.",
    Code.ITEM_NOT_READY: "finish first what it waits for, or take another item.",
    Code.ITEM_UNFINISHED: "finish those first, or choose to complete it all the same.",
    Code.PARENT_DELETED: "restore that one: it brings back both.",
    Code.PROJECT_UNKNOWN: "choose another project.",
    Code.VERSION_CONFLICT: REPEAT,
}


def refusal(status: int, error: WorkflowError) -> JSONResponse:
    """The answer for an error; one about items has the first of them as it is now."""
    current = error.current if isinstance(error, ItemError) else None
    told = {
        "code": error.code,
        "message": error.message,
        "next_step": NEXT_STEPS.get(error.code, error.next_step),
        "current": None if current is None else item_object(current),
    }
    return JSONResponse({"error": told}, status)


async def workflow_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer a `WorkflowError`, which the page can correct."""
    known = cast("WorkflowError", error)
    return refusal(status_of(known), known)


async def unexpected(_request: Request, error: Exception) -> JSONResponse:
    """Answer a defect, without its details; they are logged by the server, which gets the exception too."""
    logger.error("the board failed: %s", type(error).__name__)
    return refusal(500, UsageError(Code.INTERNAL_ERROR, "the server failed.", "reload the page; its log says more."))


def status_of(error: WorkflowError) -> int:
    """The status of the answer for an error."""
    return STATUS.get(error.code, 503 if isinstance(error, StoreError) else 400)
