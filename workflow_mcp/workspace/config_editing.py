"""A config's bytes: of a new one, and of one that gets an id and otherwise stays as its author wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from workflow_mcp.workspace.strict_json import parse_object

NULL_ID = re.compile(r'"id"\s*:\s*null')
PROJECT = re.compile(r'"project"\s*:\s*(?=\{\s*")')
MAX_CANDIDATES = 8
DECODER = json.JSONDecoder()


def config_bytes(members: dict[str, Any]) -> bytes:
    """A config with these members."""
    try:
        return (json.dumps(members, ensure_ascii=False, indent=2) + "\n").encode()
    except UnicodeEncodeError:  # JSON can name half a character, UTF-8 cannot hold it
        return (json.dumps(members, indent=2) + "\n").encode()


def with_project_id(path: str, current: bytes, project_id: str) -> bytes:
    """A config's content with an id for its project, which has none; its formatting and order stay where they can.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file, when the content is no JSON object.
    """
    members = parse_object(path, current)
    edits = _with_null_replaced if "id" in members["project"] else _with_id_inserted
    members["project"]["id"] = project_id
    # A key of that name may also be elsewhere: the place is right where the result is.
    for edited in islice(edits(current.decode(), json.dumps(project_id)), MAX_CANDIDATES):
        if json.loads(edited.encode()) == members:
            return edited.encode()
    return config_bytes(members)


def _with_null_replaced(text: str, value: str) -> Iterator[str]:
    for found in NULL_ID.finditer(text):
        yield text[: found.end() - len("null")] + value + text[found.end() :]


def _with_id_inserted(text: str, value: str) -> Iterator[str]:
    for found in PROJECT.finditer(text):
        _, end = DECODER.raw_decode(text, found.end())
        inside = text[found.end() + 1 : end - 1]
        before_first = inside[: len(inside) - len(inside.lstrip())]
        separator = before_first if "\n" in before_first else " "
        at = found.end() + 1 + len(inside.rstrip())
        yield f'{text[:at]},{separator}"id": {value}{text[at:]}'
