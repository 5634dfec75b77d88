"""The results of claims: what an agent needs to begin with the item, or why there is none."""

from __future__ import annotations

from workflow_mcp.server.fitting import MAX_TEXT_BYTES, first_lines, last_lines, size_of
from workflow_mcp.server.item_results import LINES_SHARE, add_entries, cut_description, note_line, without_long_texts
from workflow_mcp.server.whole_items import ClaimResult, WorkItem, as_object
from workflow_mcp.work.errors import at
from workflow_mcp.work.lines import counted, row
from workflow_mcp.work.results import Claim
from workflow_mcp.work.values import ItemQuery
from workflow_mcp.workspace.work_items import WorkItems

MAX_CLAIMED_DESCRIPTION_BYTES = 10_000
MAX_NOTE_BYTES = 1_500
MAX_LEFT = 20


async def claim_result(
    work: WorkItems, claim: Claim | None, *, item_id: int | None = None, waited: int = 0
) -> ClaimResult:
    """The result of a claim; when there was nothing to claim, it says why.

    Args:
        work: the work items.
        claim: the claim.
        item_id: the item that was to be claimed; None for any.
        waited: seconds that the call was ready to wait.
    """
    project = work.data.project.name
    left = await _left_by_earlier(work)
    if claim is None:
        message = await _nothing_ready(work, item_id) + _how_long(waited) + left
        return ClaimResult(project=project, item=None, message=_with_note(work, message))
    message = _with_note(work, _claimed(work, claim) + (left and f".{left}"))
    item = without_long_texts(claim.item)
    result = ClaimResult(project=project, item=item, message=message)
    _add_texts(result, item, claim)
    return result


def _add_texts(result: ClaimResult, item: WorkItem, claim: Claim) -> None:
    """Add all that may be long to a result and the item in it, as much as fits."""
    briefing = claim.briefing
    result.parent = None if briefing.parent is None else row(briefing.parent)
    room = MAX_TEXT_BYTES - size_of(as_object(result))
    share = room * LINES_SHARE
    room -= add_entries(item, claim.item, share)
    notes = [note_line(claim.item.id, note, MAX_NOTE_BYTES) for note in briefing.notes]
    result.notes = last_lines(notes, 2 * share)
    finished = [f"{row(one)}: {note_line(one.id, note, MAX_NOTE_BYTES)}" for one, note in briefing.blockers]
    result.finished_blockers = first_lines(finished, 2 * share)
    room -= size_of(result.notes) + size_of(result.finished_blockers)
    item.description = cut_description(claim.item, min(room, MAX_CLAIMED_DESCRIPTION_BYTES))


async def _nothing_ready(work: WorkItems, item_id: int | None) -> str:
    if item_id is not None:
        reasons = (await work.get(item_id)).not_ready
        return f"#{item_id} is not ready: {'; '.join(reasons)}." if reasons else f"#{item_id} is ready now."
    counts = (await work.list(ItemQuery(limit=1))).counts
    why = " What is ready has another type or label, or is assigned to somebody else." if counts.ready else ""
    return f"Nothing is ready for this: {counted(counts)}.{why}"


def _how_long(waited: int) -> str:
    return f" Waited {waited} s; the same call waits on." if waited else ""


async def _left_by_earlier(work: WorkItems) -> str:
    """What conversations hold that this one goes on with, as a sentence with a space before it."""
    if not work.actor.earlier:
        return ""
    page = await work.list(ItemQuery(view="mine", limit=MAX_LEFT))
    left = [item.id for item in page.items if item.assignee != work.actor.name]
    if not left:
        return ""
    ids = ", ".join(f"#{one}" for one in left)
    return f" Still held by the conversation before this one: {ids}. claim_work_item(id={left[0]}) goes on with it."


def _with_note(work: WorkItems, message: str) -> str:
    return message if work.data.note is None else f"{message} {work.data.note}"


def _claimed(work: WorkItems, claim: Claim) -> str:
    message = f"Yours as {work.actor.name}: {row(claim.item)}"
    if claim.held_since is None:
        return message
    return f"{message}. You already held it since {at(claim.held_since)}; if that was another agent, pass actor."
