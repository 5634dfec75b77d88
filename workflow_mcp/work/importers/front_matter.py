"""A Markdown file with YAML front matter: its fields, its marked sections, and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.fields import Fields
from workflow_mcp.work.importers.values import Place, SourceFile

MAX_FRONT_MATTER = 32 * 1024
MAX_NESTING = 10

_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"^<!-- *(?:SECTION:)?([A-Z_]+):(BEGIN|END) *-->[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)


def split(file: SourceFile) -> tuple[Fields, str]:
    """The fields of the front matter, each text or a list of texts, and the text below it.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    text = file.text.replace("\r\n", "\n")
    found = _FRONT.match(text)
    if found is None:
        raise invalid(Place(file.path, 1), "it does not begin with front matter between two lines of ---")
    if len(found[1]) > MAX_FRONT_MATTER:
        raise invalid(Place(file.path, 1), f"its front matter has more than {MAX_FRONT_MATTER} characters")
    return Fields.of(mapping(Place(file.path, 2), found[1]), Place(file.path, 1), "its front matter"), text[
        found.end() :
    ]


def mapping(place: Place, text: str) -> Any:
    """What a YAML text that begins at a place says, each of its scalars as text.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    try:
        _check_events(place, text)
        return yaml.BaseLoader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = place.line + (error.problem_mark.line if error.problem_mark else 0)
        raise invalid(Place(place.path, line), f"it is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise invalid(place, "it has characters that YAML does not have") from error


def _check_events(place: Place, text: str) -> None:
    # A few aliases can stand for any amount of text, and the time for nested brackets grows with the square of them.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        here = Place(place.path, place.line + event.start_mark.line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise invalid(here, "aliases in YAML are not read")
        if depth > MAX_NESTING:
            raise invalid(here, "it is nested too deeply")


def sections(body: str) -> Iterator[tuple[str, str]]:
    """The sections of a text: the name in their marks, or the heading of those without, and what is in them.

    A heading that stands right above a mark belongs to the marked section; names are in upper case.
    """
    position = 0
    name, begun = "", 0
    for mark in _MARK.finditer(body):
        if mark[2] == "BEGIN" and not name:
            yield from _unmarked(body[position : mark.start()])
            name, begun = mark[1], mark.end()
        elif mark[2] == "END" and mark[1] == name:
            yield name, body[begun : mark.start()].strip()
            name, position = "", mark.end()
    if name:
        yield name, body[begun:].strip()
    else:
        yield from _unmarked(body[position:])


def _unmarked(text: str) -> Iterator[tuple[str, str]]:
    parts = _HEADING.split(text)
    if parts[0].strip():
        yield "", parts[0].strip()
    for heading, below in zip(parts[1::2], parts[2::2], strict=True):
        if below.strip():
            yield heading.upper(), below.strip()
