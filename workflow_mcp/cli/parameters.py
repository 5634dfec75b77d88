"""Options and arguments that several commands take."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter, Token

from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.work.validation import MAX_DESCRIPTION_LENGTH, parse_id
from workflow_mcp.work.values import ItemType

STDIN = "-"
MAX_STDIN_BYTES = 4 * MAX_DESCRIPTION_LENGTH + 4  # in UTF-8, and so much more that what is too long is seen to be


def ids_in(text: str) -> list[int]:
    """The ids in `4`, `#4` or `4,#5`.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    found = [parse_id(part) for part in text.split(",")]
    ids = [one for one in found if one is not None]
    if len(ids) < len(found):
        raise UsageError(
            Code.ARGUMENT_INVALID,
            f"{shown(text)} is not the number of a work item.",
            "run `workflow-mcp list --view all` for those there are.",
        )
    return ids


def converted_id(_type: type[int], tokens: Sequence[Token]) -> int:
    """The id that one token is."""
    (token,) = tokens
    (item_id, *more) = ids_in(token.value)
    if more:
        raise UsageError(Code.ARGUMENT_INVALID, f"{shown(token.value)} is more than one number.", "name one work item.")
    return item_id


def _ids(_type: type[tuple[int, ...]], tokens: Sequence[Token]) -> tuple[int, ...]:
    return tuple(item_id for token in tokens for item_id in ids_in(token.value))


def _numbers(_type: type[tuple[int, ...]], tokens: Sequence[Token]) -> tuple[int, ...]:
    parts = [part for token in tokens for part in token.value.split(",")]
    wrong = next((part for part in parts if not re.fullmatch("[0-9]{1,9}", part)), None)
    if wrong is not None:
        raise UsageError(Code.ARGUMENT_INVALID, f"{shown(wrong)} is no number.", "name criteria as in `--met 1,2`.")
    return tuple(int(part) for part in parts)


def text_of(given: str) -> str:
    """A text as it was given, or for `-` all of stdin without the end of its last line.

    Raises:
        UsageError: `ARGUMENT_INVALID`, when that is not UTF-8.
    """
    if given != STDIN:
        return given
    try:
        text = sys.stdin.buffer.read(MAX_STDIN_BYTES).decode()
    except UnicodeDecodeError as error:
        raise UsageError(Code.ARGUMENT_INVALID, "what stdin has is not UTF-8.", "convert it, then repeat.") from error
    return text.removesuffix("\n").removesuffix("\r")


Directory = Annotated[str, Parameter(help="A directory of the project; default: where you are.", show_default=False)]
Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON.")]
ActorName = Annotated[
    str | None, Parameter(name="--actor", help="Who you are; default: git's user.name, else your login.")
]
ItemId = Annotated[int, Parameter(help="Its number, with or without #.", converter=converted_id)]
ItemIds = Annotated[tuple[int, ...], Parameter(help="Their numbers, with or without #.", converter=_ids)]
OptionalItemId = Annotated[
    int | None, Parameter(help="Its number; default: the first that is ready.", converter=converted_id)
]
Parent = Annotated[int | None, Parameter(help="The item that it belongs below.", converter=converted_id)]
After = Annotated[
    tuple[int, ...],
    Parameter(name="--after", negative="", help="What it waits for, as in 4,5.", converter=_ids),
]
Numbers = Annotated[tuple[int, ...], Parameter(converter=_numbers, negative="")]
Met = Annotated[Numbers, Parameter(help="Numbers of criteria that are met, as in 1,2.")]
Title = Annotated[str | None, Parameter(help="A new title.", allow_leading_hyphen=True)]
Type = Annotated[ItemType | None, Parameter(name=["--type", "-t"], help="epic, feature, task, bug, research or chore.")]
Priority = Annotated[int | None, Parameter(name=["--priority", "-p"], help="0 (most urgent) to 4; 2 when it is new.")]
Description = Annotated[
    str | None,
    Parameter(name=["--description", "-d"], allow_leading_hyphen=True, help="What is to be done; - reads stdin."),
]
Note = Annotated[
    str | None, Parameter(name=["--note", "-m"], allow_leading_hyphen=True, help="A note on it; - reads stdin.")
]
Labels = Annotated[tuple[str, ...], Parameter(name=["--label", "-l"], negative="", help="A label; repeatable.")]
Force = Annotated[
    bool, Parameter(negative="", help="Complete it despite what is unfinished; cancel what others claimed below it.")
]
Evidence = Annotated[
    tuple[str, ...],
    Parameter(name=["--evidence", "-e"], negative="", help="What shows it: commit, test run, URL, file; repeatable."),
]
Acceptance = Annotated[
    tuple[str, ...], Parameter(name="--accept", negative="", help="A criterion of being done; repeatable.")
]
