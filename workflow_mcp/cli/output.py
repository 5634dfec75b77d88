"""What the commands print: to people, with nothing in it that a terminal would obey; and to programs, whole or not."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.text import HIDDEN, visible


class OutputError(UsageError):
    """What a command printed did not reach its reader whole."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(
            Code.OUTPUT_INCOMPLETE,
            f"standard output took only a part of what was to be written: {cause.strerror or cause}.",
            "write it to where there is room for all of it; do not use what was written.",
        )


def print_text(text: str) -> None:
    """Print lines for people; control characters and what is hidden in them are written out.

    Raises:
        OutputError: they could not be written; not where the reader has seen enough and left.
    """
    _write(visible(text, lines=True) + "\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as JSON with other scripts as they are, and what a terminal would obey as JSON's own escapes."""
    return HIDDEN.sub(_as_json, json.dumps(value, ensure_ascii=False, indent=indent))


def _as_json(found: Any) -> str:
    return found[0] if found[0] == "\n" else json.dumps(found[0])[1:-1]


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print JSON; as `print_text` does.

    Raises:
        OutputError: see `print_text`.
    """
    _write(json_text(value, indent) + "\n")


def flush() -> None:
    """Write what is still held back.

    Raises:
        OutputError: see `print_text`.
    """
    _write("", flush=True)


def _write(text: str, *, flush: bool = False) -> None:
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard()
        raise OutputError(error) from error


def discard() -> None:
    """Let what is still held back go nowhere: it must not fail once more at the interpreter's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
