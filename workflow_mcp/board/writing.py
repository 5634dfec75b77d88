"""What the page changes: each through the functions and rules of the tools, by an actor who is known as a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workflow_mcp.board import requests
from workflow_mcp.board.cards import INVERSE, card_object
from workflow_mcp.board.fields import (
    ClaimFields,
    DeleteFields,
    EditFields,
    ItemFields,
    LinkFields,
    MoveFields,
    NewItemFields,
    NoteFields,
    ReleaseFields,
)
from workflow_mcp.work import errors
from workflow_mcp.work.values import UNSET, Item, ItemUpdate, NewItem
from workflow_mcp.workspace.work_items import WorkItems

FieldsT = TypeVar("FieldsT", bound=ItemFields)
Writing = Callable[[WorkItems, Item, FieldsT], Awaitable[object]]
STATE_OF = {"done": "completed"}
STATUS_OF = {"ready": "pending", "done": "completed", "cancelled": "cancelled"}
# What a link is that is called so from its other end; one kind is called the same from both.
KIND_OF = {called: kind for kind, called in INVERSE.items() if called != kind}


async def create(request: Request) -> Response:
    """Create an item."""
    work = await requests.work_of(request, changing=True)
    given = await requests.fields_of(request, NewItemFields)
    result = await work.create([NewItem(**given.values())])
    return await _card(work, result.items[0].id)


async def edit(work: WorkItems, item: Item, given: EditFields) -> None:
    """Change fields of an item; those that are left out are kept."""
    await _update(work, item, {"parent": UNSET, **given.values("version", "force")})


async def move(work: WorkItems, item: Item, given: MoveFields) -> None:
    """Move an item to another column, as far as that is anybody's choice.

    Raises:
        WorkItemError: `ITEM_INVALID`, for Backlog, in which an item is for as long as it waits for others, and for
            Ready while it does; `ITEM_CLAIMED`, for what somebody else holds, without `force`; or what the change of
            the status raises.
    """
    check_move(item, given.to)
    if item.state == STATE_OF.get(given.to, given.to):
        return
    if given.to == "in_progress":
        await claim(work, item, ClaimFields(force=given.force))
        return
    _refuse_if_held(work, item, force=given.force)
    await _update(work, item, {"status": STATUS_OF[given.to], "force": given.force})


def check_move(item: Item, to: str) -> None:
    """Refuse a move that means nothing.

    Raises:
        WorkItemError: `ITEM_INVALID`.
    """
    if to == "backlog":
        raise errors.invalid(
            f"nobody moves #{item.id} to Backlog: what waits for something unfinished is there by itself.",
            "link it to what it waits for, or move it to Ready.",
        )
    if to == "ready" and item.blocked:
        waits = errors.numbers(item.waits_for) or "others"
        raise errors.invalid(
            f"#{item.id} is not ready as long as it waits for {waits}.", "finish those first, or remove the links."
        )


async def claim(work: WorkItems, item: Item, given: ClaimFields) -> None:
    """Take an item, also one whose claim has expired, or with `force` somebody else's; or renew one's own claim."""
    if given.force and is_held_by_another(work, item):
        await _update(work, item, {"status": "pending"})
    await work.claim(item.id, lease=timedelta(minutes=given.lease_minutes))


async def release(work: WorkItems, item: Item, given: ReleaseFields) -> None:
    """Give an item back: it is pending, and nobody's.

    Raises:
        WorkItemError: `ITEM_INVALID`, when nobody has it; `ITEM_CLAIMED`, when somebody else does, without `force`.
    """
    if item.status != "in_progress":
        raise errors.invalid(f"nobody works on #{item.id}, so it cannot be released.", "look at it as it is now.")
    _refuse_if_held(work, item, force=given.force)
    await _update(work, item, {"status": "pending"})


async def note(work: WorkItems, item: Item, given: NoteFields) -> None:
    """Write a note on an item, whoever holds it."""
    await _update(work, item, {"note": given.text})


async def link(work: WorkItems, item: Item, given: LinkFields) -> None:
    """Link an item to another one, or remove the link; seen from either end."""
    ends = (item.id, given.other) if given.kind not in KIND_OF else (given.other, item.id)
    if given.remove and given.kind == "relates_to":
        ends = await _as_linked(work, *ends)
    await work.link(*ends, KIND_OF.get(given.kind, given.kind), remove=given.remove)


async def _as_linked(work: WorkItems, item_id: int, other: int) -> tuple[int, int]:
    # It reads the same from both ends, and is stored from one of them.
    detail = await work.get(item_id)
    incoming = any(one.item.id == other and not one.outgoing for one in detail.links if one.kind == "relates_to")
    return (other, item_id) if incoming else (item_id, other)


async def delete(work: WorkItems, item: Item, given: DeleteFields) -> None:
    """Delete an item; with `confirm` also what is below it."""
    await work.delete([item.id], restore=False, confirm=given.confirm)


async def restore(request: Request) -> Response:
    """Bring a deleted item back, with what was deleted together with it."""
    work = await requests.work_of(request, changing=True)
    await requests.fields_of(request, ItemFields)
    await work.delete([requests.item_of(request)], restore=True, confirm=False)
    return await _card(work, requests.item_of(request))


async def _update(work: WorkItems, item: Item, changes: dict[str, Any]) -> None:
    await work.update([ItemUpdate(item.id, expected_version=item.version, **changes)])


def is_held_by_another(work: WorkItems, item: Item) -> bool:
    """Whether somebody else than who acts has an unexpired claim on an item."""
    return item.lease_left is not None and not work.actor.owns(item.assignee)


def _refuse_if_held(work: WorkItems, item: Item, *, force: bool) -> None:
    if is_held_by_another(work, item) and not force:
        raise errors.claimed(item)


async def _current(work: WorkItems, item_id: int, version: int | None) -> Item:
    """The item as it is now, if it still is what the person saw."""
    item = (await work.get(item_id)).item
    if version is not None and version != item.version:
        raise errors.version_conflict(item, version, claimed_by_another=False)
    return item


async def _answer(writing: Writing[FieldsT], fields: type[FieldsT], request: Request) -> Response:
    work = await requests.work_of(request, changing=True)
    given = await requests.fields_of(request, fields)
    item = await _current(work, requests.item_of(request), given.version)
    await writing(work, item, given)
    return await _card(work, item.id)


async def _card(work: WorkItems, item_id: int) -> Response:
    (card,) = await work.data.store.cards(work.data.project, [item_id])
    return JSONResponse({"item": card_object(card)})


def routes() -> list[Route]:
    """The routes of everything that changes something, below `/board/api`."""
    items = "/projects/{project}/items"
    writings: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "": partial(_answer, edit, EditFields),
        "/move": partial(_answer, move, MoveFields),
        "/claim": partial(_answer, claim, ClaimFields),
        "/release": partial(_answer, release, ReleaseFields),
        "/notes": partial(_answer, note, NoteFields),
        "/links": partial(_answer, link, LinkFields),
        "/delete": partial(_answer, delete, DeleteFields),
        "/restore": restore,
    }
    return [
        Route(items, create, methods=["POST"]),
        *(Route(f"{items}/{{item:int}}{path}", answer, methods=["POST"]) for path, answer in writings.items()),
    ]
