"""GitHub issues: the JSON of `gh issue list --state all --json number,title,body,state,…`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from workflow_mcp.errors import shown
from workflow_mcp.work.importers.documents import document
from workflow_mcp.work.importers.drafts import Draft
from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.fields import Fields
from workflow_mcp.work.importers.values import Place, SourceFile, SourceItems
from workflow_mcp.work.values import ITEM_TYPES

URL = re.compile(r"https?://(?P<host>[^/\s]+)/(?P<repository>[^/\s]+/[^/\s]+)/issues/(?P<number>\d+)")
PUBLIC_HOST = "github.com"
TYPES: Final = {**{name: name for name in ITEM_TYPES}, "enhancement": "feature"}
NOT_PLANNED: Final = ("NOT_PLANNED", "DUPLICATE")


def read_github(files: Sequence[SourceFile]) -> SourceItems:
    """The issues in the output of `gh issue list --json`, which must have asked for `number`, `title` and `url`.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    issues = [(fields, _draft(fields, file)) for file in files for fields in _issues(file)]
    drafts = {draft.external_ref: draft for _, draft in issues}
    for fields, draft in issues:
        for child in _nodes(fields, "subIssues", draft.external_ref):
            if child in drafts:
                drafts[child].below(draft.external_ref)
        for other in _nodes(fields, "blocking", draft.external_ref):
            if other in drafts:
                drafts[other].link("blocked_by", draft.external_ref)
    return SourceItems(tuple(draft.finished() for _, draft in issues))


def _issues(file: SourceFile) -> list[Fields]:
    place, value = Place(file.path, 1), document(file)
    if not isinstance(value, list):
        value = [value]
    return [Fields.of(one, place, "an issue") for one in value]


def _draft(fields: Fields, file: SourceFile) -> Draft:
    draft = Draft(_ref_of(fields), fields.place, file.modified_at)
    draft.section("", fields.text("body"))
    draft.title(fields.text("title"))
    _add_choices(draft, fields)
    _add_people_and_times(draft, fields)
    _add_relatives(draft, fields)
    return draft


def _ref_of(fields: Fields) -> str:
    url = fields.text("url")
    found = URL.match(url)
    if found is None:
        what = (
            f"url {shown(url)} is not that of an issue" if url else "it has no url; ask `gh` for the field url as well"
        )
        raise invalid(fields.place, what)
    host = "" if found["host"] == PUBLIC_HOST else f"{found['host']}/"
    return f"github:{host}{found['repository']}#{found['number']}"


def _add_choices(draft: Draft, fields: Fields) -> None:
    closed, reason = fields.text("state").upper() == "CLOSED", fields.text("stateReason").upper()
    draft.status = "pending" if not closed else "cancelled" if reason in NOT_PLANNED else "completed"
    labels = [one.text("name") for one in fields.nested_all("labels")]
    kind = fields.nested("issueType")
    given = [kind.text("name")] if kind else labels
    draft.item_type = next((TYPES[name.lower()] for name in given if name.lower() in TYPES), "task")
    if kind and kind.text("name").lower() not in TYPES:
        draft.became("type", kind.text("name"), "task", label=kind.text("name"))
    draft.labels(labels)
    milestone = fields.nested("milestone")
    draft.labels([f"milestone: {milestone.text('title')}"] if milestone else [])


def _add_people_and_times(draft: Draft, fields: Fields) -> None:
    for what, name in (("created", "createdAt"), ("updated", "updatedAt"), ("completed", "closedAt")):
        draft.time(what, fields.text(name))
    draft.assignees([one.text("login", "name") for one in fields.nested_all("assignees")])
    author = fields.nested("author")
    draft.created_by(author.text("login") if author else "")
    for comment in fields.nested_all("comments"):
        author = comment.nested("author")
        draft.note(author.text("login") if author else "", comment.text("createdAt"), comment.text("body"))


def _add_relatives(draft: Draft, fields: Fields) -> None:
    parent = fields.nested("parent")
    if parent is not None and parent.values:
        draft.below(_ref_beside(parent, draft.external_ref))
    for other in _nodes(fields, "blockedBy", draft.external_ref):
        draft.link("blocked_by", other)


def _nodes(fields: Fields, name: str, ref: str) -> list[str]:
    value = fields.values.get(name)
    inner = Fields.of(value, fields.place, name) if isinstance(value, dict) else None
    return [_ref_beside(one, ref) for one in (inner.nested_all("nodes") if inner else fields.nested_all(name))]


def _ref_beside(fields: Fields, ref: str) -> str:
    # A relative without an address is in the same repository.
    number = fields.whole("number")
    return f"{ref.rpartition('#')[0]}#{number}" if number is not None and not fields.text("url") else _ref_of(fields)
