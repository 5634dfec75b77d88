"""The command claim."""

from __future__ import annotations

from datetime import timedelta
from shlex import quote
from typing import Annotated

from cyclopts import Parameter, validators

from workflow_mcp.cli.answers import print_rows
from workflow_mcp.cli.local import changing
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import ActorName, Directory, Json, OptionalItemId
from workflow_mcp.server.whole_items import item_object
from workflow_mcp.work.errors import at
from workflow_mcp.work.lines import counted
from workflow_mcp.work.results import Claim
from workflow_mcp.work.validation import MAX_LEASE
from workflow_mcp.work.values import ItemQuery, ItemType
from workflow_mcp.workspace.work_items import WorkItems

NOTHING_READY = 1
LEASE_MINUTES = validators.Number(gte=1, lte=MAX_LEASE // timedelta(minutes=1))


def claim(
    item_id: OptionalItemId = None,
    /,
    *,
    item_type: Annotated[ItemType | None, Parameter(name=["--type", "-t"], help="Only of this type.")] = None,
    label: Annotated[str | None, Parameter(name=["--label", "-l"], help="Only with this label.")] = None,
    lease: Annotated[
        int, Parameter(help="For how many minutes; any change of yours renews it.", validator=LEASE_MINUTES)
    ] = 60,
    wait: Annotated[
        int, Parameter(help="Wait so many seconds until it is ready.", validator=validators.Number(gte=0))
    ] = 0,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> int:
    """Take a work item, or without a number the first ready one, so that nobody else does.

    Exits with 1 when none is ready, or becomes so within the time to wait.
    """
    claimed: list[Claim] = []

    async def take(work: WorkItems) -> None:
        held_for = timedelta(minutes=lease)
        found = await work.claim(item_id, lease=held_for, item_type=item_type, label=label, wait_seconds=wait)
        if found is not None:
            claimed.append(found)
        await _print(work, found, "" if actor is None else f" --actor {quote(actor)}", as_json=as_json)

    changing(directory, actor, take)
    return 0 if claimed else NOTHING_READY


async def _print(work: WorkItems, claim: Claim | None, option: str, *, as_json: bool) -> None:
    project = work.data.project.name
    if as_json:
        item = None if claim is None else item_object(claim.item)
        print_json({"project": project, "actor": work.actor.name, "item": item})
    elif claim is None:
        counts = (await work.list(ItemQuery(limit=1))).counts
        print_text(f"{project}: nothing is ready for this: {counted(counts)}")
    else:
        print_text(f"{project}: {_held(claim, work.actor.name)}")
        print_rows([claim.item])
        show, done = f"`workflow-mcp show {claim.item.id}`", f"`workflow-mcp done {claim.item.id}{option}`"
        print_text(f"{show} shows all of it, {done} ends it.")
    if work.data.note is not None and not as_json:
        print_text(work.data.note)


def _held(claim: Claim, name: str) -> str:
    until = f" until {at(claim.item.claim_expires_at)}" if claim.item.claim_expires_at else ""
    again = "" if claim.held_since is None else f", as it was since {at(claim.held_since)}"
    return f"yours as {name}{until}{again}"
