"""What the page reads: projects, columns, items, the tree, graphs and the history."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workflow_mcp.board import requests
from workflow_mcp.board.cards import (
    INVERSE,
    board_object,
    card_object,
    column_object,
    entry_object,
    forest,
    seconds,
)
from workflow_mcp.board.markdown import html_of
from workflow_mcp.board.watching import news_since
from workflow_mcp.work.board import Card
from workflow_mcp.work.details import ItemDetail, Note
from workflow_mcp.work.history import HistoryQuery
from workflow_mcp.work.text import visible
from workflow_mcp.workspace.work_items import WorkItems

MAX_ACTIVITY = 100
MAX_HISTORY = 50
Reading = Callable[[WorkItems, Request], Awaitable[dict[str, Any]]]


async def me(request: Request) -> Response:
    """Who looks, and which project they see first."""
    return JSONResponse((await requests.viewer_of(request)).introduced())


async def projects(request: Request) -> Response:
    """The projects that one may see."""
    viewer = await requests.viewer_of(request)
    found = await requests.site_of(request).projects(viewer)
    told = [
        {"id": one.project.id, "name": visible(one.project.name), "archived": one.archived, "may_write": one.may_write}
        for one in found
    ]
    return JSONResponse({"projects": told})


async def _board(request: Request) -> Response:
    """All columns, computed once for all who look at the same at the same event."""
    work, query, site = await requests.work_of(request), requests.query_of(request), requests.site_of(request)
    project, viewer = work.data.project, await requests.viewer_of(request)

    async def settled() -> int:
        return (await work.history(HistoryQuery(limit=1))).settled

    async def computed() -> bytes:
        # Nobody's own store: what it raises would tell all others who asked first.
        board = await (await site.store()).board(project, query)
        told = {"project": {"id": project.id, "name": visible(project.name)}, **board_object(board)}
        return await asyncio.to_thread(lambda: bytes(JSONResponse(told).body))

    # What it raises is for all of the same principal.
    event = await site.looks.get((project.known_id, viewer.principal), settled)
    body = await site.recent.get((project, query, event), computed)
    return Response(body, media_type="application/json")


async def _column(work: WorkItems, request: Request) -> dict[str, Any]:
    name, after = request.path_params["name"], request.query_params.get("after")
    return column_object(
        await work.data.store.column(work.data.project, name, requests.query_of(request), after or None)
    )


async def _tree(work: WorkItems, request: Request) -> dict[str, Any]:
    everything = request.query_params.get("all") == "1"
    cards = await work.data.store.tree(work.data.project, requests.query_of(request), finished_too=everything)
    return {"roots": await asyncio.to_thread(forest, cards)}


async def _graph(work: WorkItems, request: Request) -> dict[str, Any]:
    graph = await work.data.store.graph(work.data.project, requests.number_of(request, "epic") or 0)
    return {"nodes": [card_object(card) for card in graph.cards], "edges": [list(edge) for edge in graph.edges]}


async def _activity(work: WorkItems, request: Request) -> dict[str, Any]:
    before = requests.number_of(request, "before")
    history = await work.history(HistoryQuery(before=before, limit=MAX_ACTIVITY))
    entries = [entry_object(entry) for entry in reversed(history.entries)]
    return {"entries": entries, "next": entries[-1]["event"] if len(entries) == MAX_ACTIVITY else None}


async def _changes(work: WorkItems, request: Request) -> dict[str, Any]:
    """What the stream of events tells, for pages that ask from time to time."""
    after = requests.number_of(request, "after")
    if after is None:
        return {"event": (await work.history(HistoryQuery(limit=1))).settled, "items": []}
    news = await news_since(work.data.store, work.data.project, after)
    return {"event": after, "items": []} if news is None else {"event": news.event, "items": list(news.items)}


async def _item(work: WorkItems, request: Request) -> dict[str, Any]:
    detail = await work.get(requests.item_of(request))
    history = await work.history(HistoryQuery(detail.item.id, limit=MAX_HISTORY))
    others = [*detail.children, *(link.item for link in detail.links), *detail.ancestors[-1:]]
    found = await work.data.store.cards(work.data.project, [detail.item.id, *(one.id for one in others)])
    cards = {card.item.id: card for card in found}
    parent = cards.get(detail.item.parent or 0)
    return {
        "item": await asyncio.to_thread(_whole, detail, cards[detail.item.id]),
        "parent": None if parent is None else card_object(parent),
        "children": [card_object(cards[one.id]) for one in detail.children if one.id in cards],
        "links": [
            {"kind": _kind(link.kind, outgoing=link.outgoing), "item": card_object(cards[link.item.id])}
            for link in detail.links
            if link.item.id in cards
        ],
        "notes": await asyncio.to_thread(lambda: [_note(note) for note in detail.notes]),
        "history": [entry_object(entry) for entry in history.entries],
    }


def _whole(detail: ItemDetail, card: Card) -> dict[str, Any]:
    item = detail.item
    return {
        **card_object(card),
        "description": item.description,
        "description_html": html_of(item.description),
        "acceptance": [{"text": one.text, "met": one.met} for one in item.acceptance],
        "evidence": list(item.evidence),
        "not_ready": list(detail.not_ready),
        "created_at": seconds(item.created_at),
        "created_by": visible(item.created_by),
        "updated_at": seconds(item.updated_at),
        "completed_at": seconds(item.completed_at),
        "external_ref": item.external_ref,
        "deleted": item.deleted,
    }


def _note(note: Note) -> dict[str, Any]:
    return {"number": note.number, "at": seconds(note.at), "by": visible(note.author), "html": html_of(note.text)}


def _kind(kind: str, *, outgoing: bool) -> str:
    return kind if outgoing else INVERSE[kind]


async def _answer(reading: Reading, request: Request) -> Response:
    work = await requests.work_of(request)
    return JSONResponse(await reading(work, request))


def routes() -> list[Route]:
    """The routes of everything that is only read, below `/board/api`."""
    readings: dict[str, Reading] = {
        "column/{name}": _column,
        "items/{item:int}": _item,
        "tree": _tree,
        "graph": _graph,
        "activity": _activity,
        "changes": _changes,
    }
    within = "/projects/{project}"
    return [
        Route("/me", me),
        Route("/projects", projects),
        Route(f"{within}/board", _board),
        *(Route(f"{within}/{path}", partial(_answer, reading)) for path, reading in readings.items()),
    ]
