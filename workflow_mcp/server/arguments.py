"""The types of tools' arguments; their schemas are short because models read them before every task."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

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
    View | Literal["tree"] | None,
    WithJsonSchema(
        {"type": "string", "enum": [*get_args(View), "tree"], "description": "Default: ready; open with assignee"}
    ),
]
ID_OR_REF = {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "id or ref"}
Cursor = Annotated[str | None, WithJsonSchema({"type": "string", "description": "From the last page."})]


def _alone(value: Any) -> Any:
    """One text or number in place of a list of them."""
    return [value] if isinstance(value, str | int) else value


def _list_of(kind: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {"type": kind}})


Texts = Annotated[list[str], FailFast(), BeforeValidator(_alone), _list_of("string")]
OptionalTexts = Annotated[list[str] | None, FailFast(), BeforeValidator(_alone), _list_of("string")]
Numbers = Annotated[list[int], FailFast(), BeforeValidator(_alone), _list_of("integer")]


class NewWorkItem(BaseModel):
    """An item to create."""

    model_config = ConfigDict(extra="forbid")

    title: str
    item_type: ItemType = "task"
    description: str = ""
    priority: int = Field(default=2, description="0 (urgent) to 4")
    labels: Annotated[list[str], FailFast()] = []
    parent: Annotated[int | str | None, WithJsonSchema(ID_OR_REF)] = None
    acceptance: Annotated[Texts, Field(description="Criteria of done")] = []
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
    labels: OptionalTexts = None
    add_labels: OptionalTexts = None
    remove_labels: OptionalTexts = None
    parent: Annotated[
        int | None, BeforeValidator(_id), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "null"}]})
    ] = None
    assignee: Annotated[str | None, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})] = None
    note: OptionalText = None
    acceptance: Annotated[OptionalTexts, Field(description="Replaces the criteria")] = None
    met: Annotated[Numbers, Field(description="Numbers of criteria, from 1")] = []
    unmet: Numbers = []
    evidence: Annotated[Texts, Field(description="Added: commit, test run, URL, file")] = []
    expected_version: OptionalInteger = None
    force: Annotated[bool, Field(description="Complete despite what is unfinished before or below it")] = False


NewWorkItems = Annotated[list[NewWorkItem], FailFast(), _batch("items", dict)]
WorkItemUpdates = Annotated[list[WorkItemUpdate], FailFast(), _batch("updates", dict)]
ItemIds = Annotated[list[ItemId], FailFast(), _batch("ids", int, str)]


def new_item(given: NewWorkItem) -> NewItem:
    """The item to create that an argument describes."""
    return NewItem(**_values(given))


def item_update(given: WorkItemUpdate) -> ItemUpdate:
    """The update that an argument describes."""
    return ItemUpdate(**{"parent": UNSET, "assignee": UNSET} | _values(given))


def _values(given: BaseModel) -> dict[str, Any]:
    values = given.model_dump(exclude_unset=True)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
