"""What all tools together say about themselves, which a model reads before every task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from tests.clients.agents import make_project
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.protocol import ERAS, MODERN, Era, Message
from workflow_mcp import build_server
from workflow_mcp.server.build import INSTRUCTIONS

MAX_ANSWER_BYTES = 9_500
ORDER = [
    "set_working_directory",
    "get_working_directory",
    "init_project",
    "end_session",
    "health_check",
    "list_projects",
    "switch_project",
    "create_work_items",
    "list_work_items",
    "get_work_item",
    "claim_work_item",
    "update_work_items",
    "link_work_items",
    "delete_work_items",
]
READ_ONLY = {"get_working_directory", "health_check", "list_projects", "list_work_items", "get_work_item"}
STRUCTURED = {*ORDER[:5], "switch_project"}


@pytest.fixture
async def tools(tmp_path: Path) -> list[Message]:
    """The tools as a client lists them."""
    return await listed(tmp_path, MODERN)


async def listed(base: Path, era: Era, directory: Path | None = None) -> list[Message]:
    """The tools as a client lists them, who has set a directory if one is given."""
    async with in_memory(build_server(isolated_settings(base)), era) as peer:
        if directory is not None:
            await peer.call("set_working_directory", directory=str(directory))
            await peer.call("list_work_items")
        return await peer.tools()


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within a schema."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from schemas_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from schemas_in(member)


async def test_they_fit(tools: list[Message]) -> None:
    """Names, descriptions and input schemas as compact JSON take at most 9 500 bytes."""
    sizes = {
        tool["name"]: len(
            json.dumps(
                {key: tool[key] for key in ("name", "description", "inputSchema")},
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
        )
        for tool in tools
    }
    told = ", ".join(f"{name} {size}" for name, size in sorted(sizes.items(), key=lambda one: -one[1]))
    print(f"\n{sum(sizes.values())} bytes in {len(sizes)} tools: {told}")  # noqa: T201 - the figure is wanted
    assert sum(sizes.values()) <= MAX_ANSWER_BYTES


async def test_each_is_described_and_annotated(tools: list[Message]) -> None:
    """A description of under 300 characters and all four hints; what only reads says so, and nothing destroys."""
    for tool in tools:
        assert 0 < len(tool["description"]) < 300, tool["name"]
        hints = tool["annotations"]
        assert hints["readOnlyHint"] is (tool["name"] in READ_ONLY), tool["name"]
        assert hints["destructiveHint"] is False
        assert hints["openWorldHint"] is False
        assert isinstance(hints["idempotentHint"], bool)
        assert hints["idempotentHint"] or not hints["readOnlyHint"]


async def test_schemas_are_whole(tools: list[Message]) -> None:
    """Schemas are valid, closed to misspelt arguments, refer to nothing, and every array says what is in it."""
    for tool in tools:
        schema = tool["inputSchema"]
        Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, tool["name"]
        assert "$ref" not in json.dumps(schema)
        for part in schemas_in(schema):
            if part.get("type") == "array":
                assert "items" in part, (tool["name"], part)
        assert ("outputSchema" in tool) is (tool["name"] in STRUCTURED), tool["name"]


async def test_every_call_can_name_its_session(tools: list[Message]) -> None:
    """Every tool takes the handle, and none requires it."""
    for tool in tools:
        schema = tool["inputSchema"]
        assert "session" in schema["properties"], tool["name"]
        assert "session" not in schema.get("required", [])


async def test_the_list_is_fixed(tmp_path: Path) -> None:
    """The same tools in the same order in both eras, with and without a project."""
    project = make_project(tmp_path, "codebase-mcp")
    lists = [await listed(tmp_path, era, directory) for era in ERAS for directory in (None, project)]
    assert [tool["name"] for tool in lists[0]] == ORDER
    assert all(one == lists[0] for one in lists)


def test_instructions_fit() -> None:
    """The server's instructions are under 1 kB and name only tools that there are."""
    assert len(INSTRUCTIONS.encode()) < 1024
    named = {word.strip("`(),.") for word in INSTRUCTIONS.replace("(", " ").split() if "_" in word and word.islower()}
    tools = {name for name in named if not name.startswith(("new_session", "status"))}
    assert {"create_work_items", "claim_work_item", "update_work_items", "list_work_items"} <= tools <= set(ORDER)
