"""Checks of items, updates and queries; what fails one is `ITEM_INVALID` unless a function says otherwise."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import timedelta

from workflow_mcp.errors import shown
from workflow_mcp.work import errors
from workflow_mcp.work.text import has_visible, is_name
from workflow_mcp.work.values import (
    ITEM_TYPES,
    LINK_KINDS,
    STATUSES,
    UNSET,
    VIEWS,
    Actor,
    ItemQuery,
    ItemUpdate,
    NewItem,
    Part,
)

MAX_TITLE_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 20_000
MAX_NOTE_LENGTH = 20_000
MAX_LABELS = 20
MAX_CRITERIA = 20
MAX_EVIDENCE = 20
MAX_ENTRY_LENGTH = 300
MAX_LABEL_LENGTH = 50
MAX_NAME_LENGTH = 100
MAX_REQUEST_ID_LENGTH = 200
MAX_SEARCH_LENGTH = 500
MAX_BATCH = 100
MAX_PRIORITY = 4
MAX_LIMIT = 200
DEFAULT_LEASE = timedelta(minutes=60)
MAX_LEASE = timedelta(days=30)
MAX_WAIT_SECONDS = 50
CONTROL_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
MAX_ID = 2**31 - 1
ID = re.compile("#?([0-9]{1,19})")


def parse_id(text: str) -> int | None:
    """The id in `5` or `#5`; None for any other text."""
    found = ID.fullmatch(text)
    return None if found is None else int(found[1])


def check_batch(what: str, count: int) -> None:
    """Refuse an empty batch and one of more than 100."""
    if not count:
        raise errors.invalid(f"there are no {what} in this call.", f"pass 1 to {MAX_BATCH} of them.")
    if count > MAX_BATCH:
        raise errors.invalid(f"{count} {what} in one call; at most {MAX_BATCH} are allowed.", "split the call.")


def check_ids(ids: Iterable[int]) -> None:
    """Refuse numbers that cannot be ids, with the same error as for unknown ids."""
    wrong = [one for one in ids if not 0 < one <= MAX_ID]
    if wrong:
        raise errors.not_found(wrong)


def check_part(item_id: int, part: Part) -> None:
    """Refuse a number that no note or event can have."""
    if part.note is not None and not 0 < part.note <= MAX_ID:
        raise errors.no_note(item_id, part.note)
    for number in (part.before_note, part.before_event):
        if number is not None and not 0 < number <= MAX_ID:
            raise errors.invalid(f"{number} is no number of a note or an event.", "pass the one that the answer names.")


def check_actor(actor: Actor) -> None:
    """Refuse an actor without a usable name."""
    _check_name("actor", actor.name)


def check_new(where: str, item: NewItem) -> None:
    """Refuse an item that cannot be created."""
    check_text(f"{where}.title", item.title, MAX_TITLE_LENGTH, blank=False, lines=False)
    check_text(f"{where}.description", item.description, MAX_DESCRIPTION_LENGTH)
    _check_choice(f"{where}.item_type", item.item_type, ITEM_TYPES)
    _check_priority(f"{where}.priority", item.priority)
    check_labels(f"{where}.labels", item.labels)
    if item.assignee is not None:
        _check_name(f"{where}.assignee", item.assignee)
    _check_entries(f"{where}.acceptance", item.acceptance, MAX_CRITERIA)
    if item.ref is not None:
        check_text(f"{where}.ref", item.ref, MAX_NAME_LENGTH, blank=False, lines=False)


def check_update(item: ItemUpdate) -> None:
    """Refuse an update with a value that is not allowed."""
    where = f"#{item.id}"
    if item.title is not None:
        check_text(f"{where} title", item.title, MAX_TITLE_LENGTH, blank=False, lines=False)
    if item.description is not None:
        check_text(f"{where} description", item.description, MAX_DESCRIPTION_LENGTH)
    if item.item_type is not None:
        _check_choice(f"{where} item_type", item.item_type, ITEM_TYPES)
    if item.status is not None:
        _check_choice(f"{where} status", item.status, STATUSES)
    if item.priority is not None:
        _check_priority(f"{where} priority", item.priority)
    for name in ("labels", "add_labels", "remove_labels"):
        check_labels(f"{where} {name}", getattr(item, name) or ())
    if item.assignee is not UNSET and item.assignee is not None:
        _check_name(f"{where} assignee", item.assignee)
    _check_entries(f"{where} acceptance", item.acceptance or (), MAX_CRITERIA)
    _check_entries(f"{where} evidence", item.evidence, MAX_EVIDENCE)
    if both := {*item.met} & {*item.unmet}:
        raise errors.invalid(f"{where} criterion {min(both)} is in both met and unmet.")
    if item.note is not None:
        check_text(f"{where} note", item.note, MAX_NOTE_LENGTH, blank=False)


def check_kind(kind: str) -> None:
    """Refuse an unknown kind of link."""
    _check_choice("kind", kind, LINK_KINDS)


def check_lease(lease: timedelta) -> None:
    """Refuse a lease of less than a second or more than 30 days."""
    if not timedelta(seconds=1) <= lease <= MAX_LEASE:
        raise errors.invalid(f"a lease of {lease} is not between 1 second and {MAX_LEASE.days} days.")


def check_request_id(request_id: str) -> None:
    """Refuse a request id that is empty or too long."""
    check_text("request_id", request_id, MAX_REQUEST_ID_LENGTH, blank=False, lines=False)


def check_limit(limit: int) -> None:
    """Refuse a page of no rows or of too many.

    Raises:
        UsageError: `LIMIT_INVALID`.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise errors.limit_invalid(limit, MAX_LIMIT)


def check_query(query: ItemQuery) -> None:
    """Refuse a query that cannot be answered."""
    _check_choice("view", query.view, VIEWS)
    if query.item_type is not None:
        _check_choice("item_type", query.item_type, ITEM_TYPES)
    _check_page(query)
    if query.text is not None:
        check_text("text", query.text, MAX_SEARCH_LENGTH)
    if query.view == "mine" and not query.actor:
        raise errors.invalid("view 'mine' without an actor.", "pass the actor whose items are meant.")


def check_tree(query: ItemQuery) -> None:
    """Refuse a query that a tree cannot answer: it has no filter but `parent`."""
    _check_page(query)
    for name in ("item_type", "label", "text", "assignee"):
        if getattr(query, name) is not None:
            raise errors.invalid(f"view 'tree' with {name}.", f"leave {name} out, or pass view='open' with it.")


def _check_page(query: ItemQuery) -> None:
    check_limit(query.limit)
    check_ids(one for one in (query.parent, query.below) if one is not None)


def check_text(where: str, text: str, maximum: int, *, blank: bool = True, lines: bool = True) -> None:
    """Refuse what is longer, not text, or, unless they may be, blank or more than one line."""
    if len(text) > maximum:
        raise errors.invalid(f"{where} has {len(text)} characters; at most {maximum} are allowed.")
    if not (blank or has_visible(text)):
        raise errors.invalid(f"{where} is empty{', but for what cannot be seen' if text.strip() else ''}.")
    if not lines and any(unicodedata.category(character) in CONTROL_CATEGORIES for character in text):
        raise errors.invalid(f"{where} {shown(text)} must be one line without control characters.")
    if "\0" in text or not _is_unicode(text):
        raise errors.invalid(f"{where} has a NUL character or is not valid Unicode.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_name(where: str, name: str) -> None:
    check_text(where, name, MAX_NAME_LENGTH, blank=False, lines=False)
    if not is_name(name):
        raise errors.invalid(
            f"{where} {shown(name)} is no name.",
            "pass words of letters, digits and .-_/@()+:#' with single spaces between them, "
            "the first beginning with a letter or a digit.",
        )


def _check_choice(where: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise errors.invalid(f"{where} {shown(value)} is not one of {', '.join(allowed)}.")


def _check_priority(where: str, priority: int) -> None:
    if not 0 <= priority <= MAX_PRIORITY:
        raise errors.invalid(f"{where} {priority} is not 0 (most urgent) to {MAX_PRIORITY}.")


def _check_entries(where: str, given: tuple[str, ...], maximum: int) -> None:
    if len(given) > maximum:
        raise errors.invalid(f"{where}: {len(given)} entries; at most {maximum} are allowed.")
    for number, text in enumerate(given, start=1):
        check_text(f"{where}: entry {number}", text, MAX_ENTRY_LENGTH, blank=False, lines=False)
    if len({*given}) < len(given):
        raise errors.invalid(f"{where}: an entry comes twice.")


def check_labels(where: str, given: tuple[str, ...]) -> None:
    """Refuse too many labels, or an invalid one."""
    if len(set(given)) > MAX_LABELS:
        raise errors.invalid(f"{where}: {len(set(given))} labels; at most {MAX_LABELS} are allowed.")
    for label in given:
        check_text(f"{where}: label", label, MAX_LABEL_LENGTH, blank=False, lines=False)
