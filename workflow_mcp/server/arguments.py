"""The shapes of arguments: what a model may write, kept short because it reads them before every task."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, WithJsonSchema

from workflow_mcp.errors import UsageError
from workflow_mcp.server.limits import parse_json

ItemType = Literal["epic", "feature", "task", "bug", "research", "chore"]
Status = Literal["pending", "in_progress", "completed", "cancelled"]
View = Literal["ready", "open", "mine", "blocked", "done", "all"]
LinkKind = Literal["blocks", "relates_to", "duplicates", "discovered_from"]


def _from_json(value: Any) -> Any:
    """Claude Code sometimes sends a list or an object as a JSON string."""
    try:
        return parse_json(value) if isinstance(value, str) else value
    except UsageError as error:
        raise ValueError(error.message) from error


def optional(kind: str) -> WithJsonSchema:
    """A schema without the `null` that may be left out just as well."""
    return WithJsonSchema({"type": kind})


Text = Annotated[str | None, optional("string")]
Number = Annotated[int | None, optional("integer")]
SessionArgument = Annotated[
    str | None, WithJsonSchema({"type": "string", "description": "Your handle, if you were given one."})
]
ActorArgument = Annotated[
    str | None, WithJsonSchema({"type": "string", "description": "Who you are; default: your session."})
]
OneType = Annotated[ItemType | None, WithJsonSchema({"type": "string", "enum": list(get_args(ItemType))})]
OneStatus = Annotated[Status | None, WithJsonSchema({"type": "string", "enum": list(get_args(Status))})]
ID_OR_REF = {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "id or ref"}
Cursor = Annotated[str | None, WithJsonSchema({"type": "string", "description": "From the last page."})]


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
    ref: Annotated[Text, Field(description="Name for use in this call")] = None


class WorkItemUpdate(BaseModel):
    """Changes to one item; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    id: int
    title: Text = None
    description: Text = None
    item_type: OneType = None
    status: OneStatus = None
    priority: Number = None
    labels: Annotated[list[str] | None, FailFast(), WithJsonSchema({"type": "array", "items": {"type": "string"}})] = (
        None
    )
    parent: Annotated[int | None, WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "null"}]})] = None
    assignee: Annotated[str | None, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})] = None
    note: Text = None
    expected_version: Number = None


NewWorkItems = Annotated[list[NewWorkItem], FailFast(), BeforeValidator(_from_json)]
WorkItemUpdates = Annotated[list[WorkItemUpdate], FailFast(), BeforeValidator(_from_json)]
Ids = Annotated[list[int], FailFast(), BeforeValidator(_from_json)]
