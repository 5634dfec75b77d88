"""By which criteria an item is accepted, and what shows that it is done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workflow_mcp.work import errors
from workflow_mcp.work.validation import MAX_EVIDENCE
from workflow_mcp.work.values import Criterion, Item, ItemUpdate

PREFIX = re.compile(r"(commit|test|url|file|other)(?:s|\b)(?:: ?| )(?=\S)", re.IGNORECASE)
KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("url", re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)),
    ("commit", re.compile(r"[0-9a-f]{7,40}")),
    ("file", re.compile(r"\S*[/.]\S*\w(:\d+)?")),
    ("test", re.compile(r".*(\btests?\b|pytest|\bpass(ed|es)?\b).*", re.IGNORECASE)),
)


def with_kind(text: str) -> str:
    """An entry of evidence with its kind before it, as in `commit: 1a2b3c4`: commit, test, url, file or other.

    A kind that is given, as in `commit 1a2b3c4` or `tests: 12 passed`, holds; else the text tells it.
    """
    text = text.strip()
    given = PREFIX.match(text)
    if given is not None:
        return f"{given[1].lower()}: {text[given.end() :]}"
    return f"{next((kind for kind, form in KINDS if form.fullmatch(text)), 'other')}: {text}"


def evidence_after(current: Sequence[str], given: ItemUpdate) -> tuple[str, ...]:
    """The evidence of an item after an update adds to it; what is there already is not added again.

    Raises:
        WorkItemError: `ITEM_INVALID`, when there would be more than 20 entries.
    """
    wanted = tuple(dict.fromkeys([*current, *map(with_kind, given.evidence)]))
    if len(wanted) > MAX_EVIDENCE:
        raise errors.invalid(
            f"#{given.id} would have {len(wanted)} entries of evidence; at most {MAX_EVIDENCE} are allowed.",
            "put what else there is to say into a note.",
        )
    return wanted


def criteria_after(current: Sequence[Criterion], given: ItemUpdate) -> tuple[Criterion, ...]:
    """The criteria of an item after an update.

    Raises:
        WorkItemError: `ITEM_INVALID`, when it names a criterion that there is not.
    """
    was_met = {one.text for one in current if one.met}
    texts = [one.text for one in current] if given.acceptance is None else given.acceptance
    _check_numbers(given, len(texts))
    met = ({number for number, text in enumerate(texts, start=1) if text in was_met} | {*given.met}) - {*given.unmet}
    return tuple(Criterion(text, number in met) for number, text in enumerate(texts, start=1))


def _check_numbers(given: ItemUpdate, count: int) -> None:
    unknown = [number for number in (*given.met, *given.unmet) if not 1 <= number <= count]
    if unknown:
        there = f"it has {count}, counted from 1" if count else "it has none"
        raise errors.invalid(
            f"#{given.id} has no criterion {unknown[0]}: {there}.",
            f"call get_work_item(id={given.id}) for its acceptance, or pass acceptance with the criteria.",
        )


def criteria_in(stored: Iterable[Mapping[str, Any]]) -> tuple[Criterion, ...]:
    """Criteria as they are stored, each as an object with `text` and `met`."""
    return tuple(Criterion(**one) for one in stored)


def missing_in(item: Item) -> list[str]:
    """What an item lacks to be complete where evidence is required, as parts of a sentence; empty when nothing."""
    missing = [] if item.evidence else ["it has no evidence"]
    unmet = [str(number) for number, one in enumerate(item.acceptance, start=1) if not one.met]
    if unmet:
        missing.append(f"of its criteria, {', '.join(unmet)} {'is' if len(unmet) == 1 else 'are'} not met")
    return missing


def numbers_of_met(criteria: Iterable[Criterion]) -> list[int]:
    """The places, counted from 1, of the criteria that are met."""
    return [number for number, one in enumerate(criteria, start=1) if one.met]
