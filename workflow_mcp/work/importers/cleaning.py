"""Values of other programs as ones that items can have; each function also says what had to be given up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from workflow_mcp.errors import shown
from workflow_mcp.work.records import EPOCH_YEAR, MAX_YEAR
from workflow_mcp.work.text import has_visible, name_from
from workflow_mcp.work.validation import (
    CONTROL_CATEGORIES,
    MAX_DESCRIPTION_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_LABELS,
    MAX_NAME_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_TITLE_LENGTH,
)

Losses = list[str]

NOT_TEXT = re.compile("[\0\ud800-\udfff]")
REPLACEMENT = "\ufffd"
GOES_ON = "\n\n(goes on in a note)"


def text_of(text: str, losses: Losses) -> str:
    """The text without NUL characters and halves of characters, and with one kind of line end."""
    plain = NOT_TEXT.sub(REPLACEMENT, text)
    if plain != text:
        losses.append("characters that are no text were replaced")
    return plain.replace("\r\n", "\n").strip()


def line_of(text: str) -> str:
    """The text on one line, without control characters."""
    kept = (" " if unicodedata.category(one) in CONTROL_CATEGORIES else one for one in NOT_TEXT.sub(REPLACEMENT, text))
    return " ".join("".join(kept).split())


def title_of(text: str, otherwise: str, losses: Losses) -> str:
    """The title; `otherwise` where there is none that can be seen."""
    title = line_of(text)
    if not has_visible(title):
        losses.append("it has no title")
        return otherwise
    return cut(title, MAX_TITLE_LENGTH, "title", losses)


def cut(text: str, maximum: int, what: str, losses: Losses) -> str:
    """At most so many characters of a text, the last one an ellipsis where it was longer."""
    if len(text) <= maximum:
        return text
    losses.append(f"{what} cut from {len(text)} to {maximum} characters")
    return f"{text[: maximum - 1].rstrip()}…"


def labels_of(given: Iterable[str], losses: Losses) -> tuple[str, ...]:
    """The labels, sorted; the first 20 where there are more."""
    lines = (line_of(label) for label in given)
    found = list(dict.fromkeys(cut(one, MAX_LABEL_LENGTH, "label", losses) for one in lines if has_visible(one)))
    if len(found) > MAX_LABELS:
        losses.append(f"labels left out: {', '.join(shown(one) for one in found[MAX_LABELS:])}")
    return tuple(sorted(found[:MAX_LABELS]))


def name_of(given: str, losses: Losses) -> str | None:
    """The name of a person as one that an actor can have; None where nothing of it can be."""
    found = name_from(line_of(given), MAX_NAME_LENGTH)
    if found != given.strip().removeprefix("@"):
        losses.append(f"the name {shown(given)} became {found}" if found else f"the name {shown(given)} was left out")
    return found


def time_of(given: str, what: str, losses: Losses) -> datetime | None:
    """The time in a text, which is in UTC unless it says otherwise; None for an empty one or none that is a time."""
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None or not EPOCH_YEAR <= at.year <= MAX_YEAR:
        losses.append(f"{what} {shown(given)} is not a time")
        return None
    return at


def parts_of(text: str) -> list[str]:
    """A text as a description and, where it is too long for one, the rest as texts of notes."""
    if len(text) <= MAX_DESCRIPTION_LENGTH:
        return [text]
    first = MAX_DESCRIPTION_LENGTH - len(GOES_ON)
    return [f"{text[:first]}{GOES_ON}", *note_parts(text[first:])]


def note_parts(text: str) -> list[str]:
    """A text as texts of notes, none of them blank."""
    parts = (text[start : start + MAX_NOTE_LENGTH] for start in range(0, len(text), MAX_NOTE_LENGTH))
    return [part for part in parts if has_visible(part)]
