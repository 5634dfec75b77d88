"""The tools, resources and prompts of the server, in the order in which clients see them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import getdoc
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from fastmcp.tools.function_tool import FunctionTool
from fastmcp.utilities.json_schema import dereference_refs
from mcp_types import TextContent, ToolAnnotations
from pydantic import BaseModel
from pydantic_core import from_json

from workflow_mcp.server import prompts, resources
from workflow_mcp.server.bound_calls import HOOK_TAG
from workflow_mcp.server.compat import undocumented
from workflow_mcp.server.tools import hooks, projects, session, work_items

READ = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
WRITE = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
CREATE = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)

JSON, TEXT = "application/json", "text/plain"

# Function, annotations, and whether the result is structured as well as text. An item is text alone (JSON): a
# structured result is sent twice, and every client shows its model the text of one that is not structured.
TOOLS: tuple[tuple[Callable[..., Any], ToolAnnotations, bool], ...] = (
    (session.set_working_directory, CREATE, True),
    (session.get_working_directory, READ, True),
    (session.init_project, WRITE, True),
    (session.end_session, WRITE, True),
    (session.health_check, READ, True),
    (projects.list_projects, READ, False),
    (projects.switch_project, WRITE, True),
    (work_items.create_work_items, CREATE, False),
    (work_items.list_work_items, READ, False),
    (work_items.get_work_item, READ, False),
    (work_items.claim_work_item, CREATE, False),
    (work_items.update_work_items, CREATE, False),
    (work_items.link_work_items, WRITE, False),
    (work_items.delete_work_items, WRITE, False),
)

# For the Claude Code plugin's hooks, and in no list.
HOOK_TOOLS: tuple[Callable[..., Any], ...] = (hooks.bind_call, hooks.describe_work)

# Of the board within a conversation, which transports add for clients that show MCP Apps.
BOARD_TOOLS = ("show_board", "board_request")
BOARD_PAGE = "ui://workflow-mcp/board.html"

TOOL_NAMES = frozenset(function.__name__ for function in (*(tool for tool, *_ in TOOLS), *HOOK_TOOLS)) | {*BOARD_TOOLS}

# URI, name, function and media type.
RESOURCES: tuple[tuple[str, str, Callable[..., Any], str], ...] = (
    ("workflow://workspace", "workspace", resources.workspace_resource, JSON),
    ("workflow://config-schema", "config-schema", resources.config_schema_resource, JSON),
    ("workflow://work-items/{id}", "work-item", resources.work_item_resource, JSON),
    ("workflow://ready", "ready", resources.ready_resource, TEXT),
)

PROMPTS: tuple[Callable[..., Any], ...] = (prompts.plan_work,)


def without_null_defaults(schema: Any) -> Any:
    """A schema without `"default": null`, which says only that an argument can be left out, as `required` does."""
    if isinstance(schema, list):
        return [without_null_defaults(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: without_null_defaults(value) for name, value in schema.items() if (name, value) != ("default", None)}


def register(server: FastMCP, *, hook_tools: bool = False) -> None:
    """Add everything to a server; tools for hooks only where the plugin asks for them."""
    for function in HOOK_TOOLS if hook_tools else ():
        bare, description = undocumented(function), getdoc(function)
        server.tool(bare, description=description, tags={HOOK_TAG}, annotations=WRITE, output_schema=None)
    for tool in _tools():
        server.add_tool(tool.model_copy())
    for uri, name, function, media_type in RESOURCES:
        server.resource(uri, name=name, description=getdoc(function), mime_type=media_type)(undocumented(function))
    for function in PROMPTS:
        server.prompt(undocumented(function), description=getdoc(function))


class _OwnTool(FunctionTool):
    """A tool whose text, or model with structured content, becomes its result without detours."""

    def convert_result(self, raw_value: Any) -> ToolResult:
        """See `Tool`, which writes a model as JSON, reads that, and writes it again."""
        if self.output_schema is None and isinstance(raw_value, str):
            return ToolResult(content=[TextContent(type="text", text=raw_value)])
        if self.output_schema is not None and isinstance(raw_value, BaseModel):
            text = raw_value.model_dump_json()
            return ToolResult(content=[TextContent(type="text", text=text)], structured_content=from_json(text))
        return super().convert_result(raw_value)


@cache
def _tools() -> tuple[Tool, ...]:
    return tuple(described(*tool) for tool in TOOLS)


def described(function: Callable[..., Any], effects: ToolAnnotations, structured: bool, **shape: Any) -> Tool:
    """A function as a tool, which its docstring describes."""
    if not structured:
        shape["output_schema"] = None
    tool = _OwnTool.from_function(undocumented(function), description=getdoc(function), annotations=effects, **shape)
    # What FastMCP would do for every list of tools.
    tool.parameters = without_null_defaults(dereference_refs(tool.parameters))
    if tool.output_schema is not None:
        tool.output_schema = dereference_refs(tool.output_schema)
    return tool
