"""The types of tools' arguments; their schemas are short because models read them before every task."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, WithJsonSchema

from workflow_mcp.errors import UsageError
from workflow_mcp.server.limits import parse_json
from workflow_mcp.work.validation import check_batch, parse_id
from workflow_mcp.work.values import UNSET, ItemType, ItemUpdate, NewItem, Status, View


def _from_json(value: Any) -> Any:
    """Claude Code sometimes sends a list or an object as a JSON string."""
    try:
        return parse_json(value) if isinstance(value, str) else value
    except UsageError as error:
        raise ValueError(error.message) from error


def _batch(what: str, *single: type) -> BeforeValidator:
    """Takes a list, the JSON text of one, or one thing alone; of too many things none is validated."""

    def listed(value: Any) -> Any:
        given = _from_json(value)
        if isinstance(given, list):
            check_batch(what, len(given))
        return [given] if isinstance(given, single) else given

    return BeforeValidator(listed)


def _id(value: Any) -> Any:
    number = parse_id(value) if isinstance(value, str) else None
    return value if number is None else number


def optional(kind: str) -> WithJsonSchema:
    """A schema for an optional argument, without `null`: it can be left out instead."""
    return WithJsonSchema({"type": kind})


OptionalText = Annotated[str | None, optional("string")]
OptionalInteger = Annotated[int | None, optional("integer")]
ItemId = Annotated[int, BeforeValidator(_id)]
OptionalItemId = Annotated[int | None, BeforeValidator(_id), optional("integer")]
SessionArgument = Annotated[str | None, WithJsonSchema({"type": "string", "description": "Your handle, if any."})]
ActorArgument = Annotated[str | None, WithJsonSchema({"type": "string", "description": "Default: your session"})]
OptionalItemType = Annotated[ItemType | None, WithJsonSchema({"type": "string", "enum": list(get_args(ItemType))})]
OptionalStatus = Annotated[Status | None, WithJsonSchema({"type": "string", "enum": list(get_args(Status))})]
OptionalView = Annotated[
    View | None,
    WithJsonSchema(
        {"type": "string", "enum": list(get_args(View)), "description": "Default: ready; open with assignee"}
    ),
]
ID_OR_REF = {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "id or ref"}
Cursor = Annotated[str | None, WithJsonSchema({"type": "string", "description": "From the last page."})]


OptionalLabels = Annotated[list[str] | None, FailFast(), WithJsonSchema({"type": "array", "items": {"type": "string"}})]


class NewWorkItem(BaseModel):
    """An item to create."""

    model_config = ConfigDict(extra="forbid")

    title: str
    item_type: ItemType = "task"
    description: str = ""
    priority: int = Field(default=2, description="0 (urgent) to 4")
    labels: Annotated[list[str], FailFast()] = []
    parent: Annotated[int | str | None, WithJsonSchema(ID_OR_REF)] = None
    depends_on: Annotated[list[int | str], FailFast(), WithJsonSchema({"type": "array", "items": ID_OR_REF})] = []
    ref: Annotated[OptionalText, Field(description="Name for use in this call")] = None


class WorkItemUpdate(BaseModel):
    """Changes to one item; fields that are left out are kept."""

    model_config = ConfigDict(extra="forbid")

    id: ItemId
    title: OptionalText = None
    description: OptionalText = None
    item_type: OptionalItemType = None
    status: OptionalStatus = None
    priority: OptionalInteger = None
    labels: OptionalLabels = None
    add_labels: OptionalLabels = None
    remove_labels: OptionalLabels = None
    parent: Annotated[
        int | None, BeforeValidator(_id), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "null"}]})
    ] = None
    assignee: Annotated[str | None, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})] = None
    note: OptionalText = None
    expected_version: OptionalInteger = None


NewWorkItems = Annotated[list[NewWorkItem], FailFast(), _batch("items", dict)]
WorkItemUpdates = Annotated[list[WorkItemUpdate], FailFast(), _batch("updates", dict)]
ItemIds = Annotated[list[ItemId], FailFast(), _batch("ids", int, str)]


def new_item(given: NewWorkItem) -> NewItem:
    """The item to create that an argument describes."""
    values = given.model_dump(exclude_unset=True)
    return NewItem(**values | {name: tuple(values[name]) for name in ("labels", "depends_on") if name in values})


def item_update(given: WorkItemUpdate) -> ItemUpdate:
    """The update that an argument describes."""
    values = given.model_dump(exclude_unset=True)
    for name in ("labels", "add_labels", "remove_labels"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    return ItemUpdate(**{"parent": UNSET, "assignee": UNSET} | values)
