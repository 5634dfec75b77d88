"""Every tool and resource through a server: with a config present, absent and broken; and how they are announced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from tests.clients.peers import Connect, Peer, in_memory, isolated_settings
from tests.clients.protocol import ERAS, MODERN, Answer, Era
from tests.clients.shared import SharedProcesses
from workflow_mcp import __version__, build_server
from workflow_mcp.workspace.config_model import Config

PROJECT = {"id": "eca49f13-f342-4958-95a0-d7b9ba2a42eb", "name": "codebase-mcp"}
TOOLS = ["set_working_directory", "get_working_directory", "init_project", "end_session", "health_check"]
READ_ONLY = {"get_working_directory", "health_check"}

Checked = Callable[..., Any]


def write_config(folder: Path, text: str) -> Path:
    """A config of that text in a folder."""
    path = folder / ".workflow-mcp" / "config.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


async def checked(peer: Peer, tool: str, **arguments: Any) -> Answer:
    """A call whose result is held against the tool's own output schema, and its text against the result."""
    schema = next(listed["outputSchema"] for listed in await peer.tools() if listed["name"] == tool)
    answer = await peer.call(tool, **arguments)
    assert not answer.is_error, answer.text
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer.data)
    assert json.loads(answer.text) == answer.data
    assert set(schema["required"]) == set(answer.data)
    return answer


async def test_with_a_config(connect: Connect, base: Path) -> None:
    """With a config above the directory, every tool answers and names its project."""
    path = write_config(base, json.dumps({"version": "1.0", "project": PROJECT}))
    before = path.read_bytes()
    (base / "sub").mkdir()
    (base / ".git").mkdir()
    async with connect() as peer:
        expected = {"config_path": str(path), "project": PROJECT, "directory": str(base / "sub")}
        for tool, arguments in [
            ("set_working_directory", {"directory": str(base / "sub")}),
            ("get_working_directory", {}),
            ("init_project", {"name": "another name"}),
        ]:
            answer = await checked(peer, tool, **arguments)
            assert {name: answer.data[name] for name in expected} == expected, tool
        health = (await checked(peer, "health_check")).data
        assert health["workspace"] == (await peer.call("get_working_directory")).data
        assert json.loads(await peer.read("workflow://workspace")) == health["workspace"]
        assert (await checked(peer, "end_session")).data["ended"] is True
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["config.json"]


async def test_without_a_config(connect: Connect, base: Path) -> None:
    """Without a config there is no project, until `init_project` has made one; then every call names it."""
    folder = base / "my project"
    folder.mkdir()
    async with connect() as peer:
        for tool, arguments in [("set_working_directory", {"directory": str(folder)}), ("get_working_directory", {})]:
            data = (await checked(peer, tool, **arguments)).data
            assert (data["project"], data["config_path"]) == (None, None)
            assert "init_project" in data["message"]
        assert (await checked(peer, "health_check")).data["workspace"]["project"] is None
        made = (await checked(peer, "init_project")).data
        assert made["config_path"] == str(folder / ".workflow-mcp" / "config.json")
        assert made["project"]["name"] == "my project"
        again = (await checked(peer, "init_project")).data
        got = (await checked(peer, "get_working_directory")).data
        assert made["project"] == again["project"] == got["project"]
        assert (await checked(peer, "end_session")).data["ended"] is True


async def test_init_names_the_project(connect: Connect, base: Path) -> None:
    """`init_project(name=…)` takes that name, in the repository's top level when inside of one."""
    (base / ".git").mkdir()
    (base / "deep").mkdir()
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base / "deep"))
        made = (await checked(peer, "init_project", name="Käse & Co")).data
        assert made["project"]["name"] == "Käse & Co"
        assert made["config_path"] == str(base / ".workflow-mcp" / "config.json")
        assert made["directory"] == str(base / "deep")


async def test_with_a_broken_config(connect: Connect, base: Path) -> None:
    """A broken config is an error that names the file and the line, changes nothing, and is never skipped."""
    write_config(base, json.dumps({"project": PROJECT}))
    (base / "inner").mkdir()
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base / "inner"))
        path = write_config(base / "inner", '{"project":\n  {"name": }}')
        before = path.read_bytes()
        for tool, arguments in [
            ("set_working_directory", {"directory": str(base / "inner")}),
            ("get_working_directory", {}),
            ("init_project", {}),
        ]:
            answer = await peer.call(tool, **arguments)
            assert answer.code == "CONFIG_INVALID", tool
            assert f"{path}: line 2" in answer.text
            assert "Next: " in answer.text
            assert "\n" not in answer.text
        health = (await checked(peer, "health_check")).data
        assert health["workspace"] is None
        assert health["workspace_error"].startswith("CONFIG_INVALID: ")
        assert path.read_bytes() == before
        path.write_text(json.dumps({"project": {**PROJECT, "name": "inner"}}))
        assert (await peer.call("get_working_directory")).data["project"]["name"] == "inner"
        path.unlink()
        assert (await peer.call("get_working_directory")).data["project"] == PROJECT


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        ({"project": {"name": ""}}, "project.name", '""'),
        ({"project": {"name": "x", "id": "no-uuid"}}, "project.id", "no-uuid"),
        ({"project": {"name": "x"}, "strict_mode": "yes"}, "strict_mode", "yes"),
        ({"project": {"name": "x"}, "version": "2.0"}, "version", "2.0"),
        ({}, "project", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_field(
    processes: SharedProcesses, base: Path, members: dict[str, Any], field: str, value: str
) -> None:
    """What is wrong with a field is told with the file, the field and the value."""
    wire = processes.wire(MODERN)
    path = write_config(base, json.dumps(members))
    answer = wire.call("set_working_directory", directory=str(base))
    assert answer.code == "CONFIG_INVALID"
    assert f"{path}: {field}" in answer.text
    assert value in answer.text
    assert f"Next: correct {field} in that file" in answer.text
    assert wire.call("get_working_directory").data["directory"] is None


async def test_dry_run_changes_nothing(connect: Connect, base: Path) -> None:
    """With `dry_run`, `init_project` says what it would write and writes nothing."""
    path = write_config(base, json.dumps({"project": {"name": "x"}, "dry_run": True}))
    before = path.read_bytes()
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base))
        done = (await checked(peer, "init_project")).data
        assert "dry_run" in done["message"]
        assert (done["project"], path.read_bytes()) == ({"id": None, "name": "x"}, before)


async def test_auto_switch_off(connect: Connect, base: Path) -> None:
    """With `auto_switch` false the config is found, and chooses no project."""
    path = write_config(base, json.dumps({"project": PROJECT, "auto_switch": False}))
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base))
        got = (await checked(peer, "get_working_directory")).data
        assert (got["project"], got["config_path"]) == (None, str(path))
        assert "auto_switch" in got["message"]


async def test_nothing_is_said_twice(connect: Connect, base: Path) -> None:
    """The message says what the fields do not: how the directory is known, in one short sentence."""
    path = write_config(base, json.dumps({"project": PROJECT}))
    async with connect() as peer:
        done = (await checked(peer, "set_working_directory", directory=str(base))).data
        got = (await checked(peer, "get_working_directory")).data
        assert done["message"] == got["message"] == "The directory is set by set_working_directory."
        path.unlink()
        without = (await checked(peer, "get_working_directory")).data["message"]
        assert str(base) not in without
        assert "init_project makes one" in without


async def test_health_is_ok_only_where_other_calls_are(connect: Connect, base: Path) -> None:
    """`status` is degraded as long as calls fail, without a directory or with a broken config, and says what to do."""
    async with connect() as peer:
        await peer.call("end_session")
        lost = (await checked(peer, "health_check")).data
        assert (lost["status"], lost["workspace"], lost["data_error"]) == ("degraded", None, None)
        assert lost["workspace_error"] == (await peer.call("list_work_items")).text
        await peer.call("set_working_directory", directory=str(base))
        assert (await checked(peer, "health_check")).data["status"] == "ok"
        write_config(base, "{")
        broken = (await checked(peer, "health_check")).data
        assert (broken["status"], broken["workspace_error"][:14]) == ("degraded", "CONFIG_INVALID")


async def test_health_of_a_named_session(connect: Connect, base: Path) -> None:
    """`health_check` takes the `session` of every other call, and reports that one's workspace."""
    async with connect() as peer:
        minted = await peer.call("set_working_directory", directory=str(base), new_session=True)
        handle = minted.data["session"]
        health = (await checked(peer, "health_check", session=handle)).data
        assert (health["workspace"]["session"], health["workspace"]["directory"]) == (handle, str(base))
        unknown = (await checked(peer, "health_check", session="nobody's")).data
        assert (unknown["status"], unknown["workspace_error"][:15]) == ("degraded", "SESSION_UNKNOWN")


async def test_health_counts(connect: Connect) -> None:
    """`health_check` counts calls and errors, and tells the version, the process and the age of the server."""
    async with connect() as peer:
        before = (await checked(peer, "health_check")).data
        await peer.call("get_working_directory", session="nobody's")
        after = (await checked(peer, "health_check")).data
        assert (after["calls"] - before["calls"], after["errors"] - before["errors"]) == (2, 1)
        assert (after["status"], after["version"], after["pid"]) == ("degraded", __version__, before["pid"])
        assert after["uptime_s"] >= before["uptime_s"] >= 0
        assert after["started_at"] == before["started_at"]


async def test_the_schema_resource(connect: Connect) -> None:
    """`workflow://config-schema` is a JSON Schema that takes what the server takes and refuses what it refuses."""
    async with connect() as peer:
        schema = json.loads(await peer.read("workflow://config-schema"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    good: list[dict[str, Any]] = [{"project": PROJECT}, {"version": "1.0", "project": {"name": "x"}, "extra": 1}]
    bad: list[dict[str, Any]] = [{}, {"project": {"name": ""}}, {"project": PROJECT, "dry_run": 1}, {"project": []}]
    bad.append({"project": {"name": "x", "id": "no-uuid"}})
    for members in good:
        validator.validate(members)
        Config.model_validate(members)
    for members in bad:
        assert not validator.is_valid(members), members
        with pytest.raises(ValueError, match="validation error"):
            Config.model_validate(members)


async def test_the_list_of_tools(connect: Connect) -> None:
    """Tools come in a fixed order, described in under 300 characters, annotated, with their schemas."""
    async with connect() as peer:
        tools = await peer.tools()
        assert await peer.tools() == tools
    assert [tool["name"] for tool in tools][: len(TOOLS)] == TOOLS
    for tool in tools:
        assert 0 < len(tool["description"]) < 300, tool["name"]
        Draft202012Validator.check_schema(tool["inputSchema"])
        for hint in ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"):
            assert isinstance(tool["annotations"][hint], bool), (tool["name"], hint)
    for tool in tools[: len(TOOLS)]:
        Draft202012Validator.check_schema(tool["outputSchema"])
        assert tool["annotations"]["destructiveHint"] is False
        assert tool["annotations"]["readOnlyHint"] is (tool["name"] in READ_ONLY)


def test_every_client_sees_the_same_list(processes: SharedProcesses) -> None:
    """`tools/list` does not depend on the era, on roots or on what a session has set."""
    lists = []
    for era in ERAS:
        for roots in (None, tuple):
            wire = processes.wire(era, roots)
            wire.call("set_working_directory", directory=str(processes.base))
            lists.append(wire.request("tools/list")["tools"])
    assert all(tools == lists[0] for tools in lists)


async def test_introduction_in_memory(era: Era, tmp_path: Path) -> None:
    """The same server says the same about itself in memory."""
    async with in_memory(build_server(isolated_settings(tmp_path)), era) as peer:
        assert [tool["name"] for tool in await peer.tools()][: len(TOOLS)] == TOOLS


def test_introduction(processes: SharedProcesses, era: Era) -> None:
    """The first answer carries our own name and version, and instructions under 1 kB that name the tools to call."""
    wire = processes.wire(era)
    first = json.loads(bytes(wire.out).splitlines()[0])["result"]
    info = first["_meta"]["io.modelcontextprotocol/serverInfo"] if era == MODERN else first["serverInfo"]
    assert (info["name"], info["version"]) == ("workflow-mcp", __version__)
    assert len(first["instructions"].encode()) < 1024
    for word in ("set_working_directory", "get_working_directory", "init_project", "session", "NO_DIRECTORY"):
        assert word in first["instructions"]


def test_the_list_of_resources(processes: SharedProcesses, era: Era) -> None:
    """Both resources are listed, as JSON; an unknown one is an error of the protocol."""
    wire = processes.wire(era)
    resources = {resource["uri"]: resource for resource in wire.request("resources/list")["resources"]}
    for uri in ("workflow://workspace", "workflow://config-schema"):
        assert resources[uri]["mimeType"] == "application/json"
    assert "error" in wire.exchange("resources/read", {"uri": "workflow://nothing"})


async def test_the_workspace_resource_asks_for_roots(connect: Connect, base: Path) -> None:
    """Reading `workflow://workspace` resolves like a call does, roots included."""
    async with connect(lambda: [base.as_uri()]) as peer:
        workspace = json.loads(await peer.read("workflow://workspace"))
        assert (workspace["directory"], workspace["directory_source"]) == (str(base), "roots")
