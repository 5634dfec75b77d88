"""What a client sees when something is wrong: one line with code, value and next step, on every path."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastmcp import FastMCP

from tests.clients.peers import Connect, in_memory, isolated_settings
from tests.clients.protocol import MODERN, Era
from tests.clients.shared import SharedProcesses
from tests.clients.stdio import Wire, environment
from tests.server.failing_host import SECRET, add_failing_tools
from workflow_mcp import CurrentWorkspace, Workspace, build_server

HOST = Path(__file__).with_name("failing_host.py")

BAD: list[Any] = [
    pytest.param(lambda base: "relative/path", "DIRECTORY_NOT_ABSOLUTE", "'relative/path'", id="relative"),
    pytest.param(lambda base: "", "DIRECTORY_NOT_ABSOLUTE", "''", id="empty"),
    pytest.param(lambda base: ".", "DIRECTORY_NOT_ABSOLUTE", "'.'", id="dot"),
    pytest.param(lambda base: "~/project", "DIRECTORY_NOT_ABSOLUTE", "starts with ~", id="tilde"),
    pytest.param(lambda base: str(base / "gone"), "DIRECTORY_NOT_FOUND", "gone'", id="missing"),
    pytest.param(lambda base: str(base / "file"), "DIRECTORY_IS_FILE", "file'", id="file"),
    pytest.param(lambda base: str(base / "file" / "x"), "DIRECTORY_IS_FILE", "x'", id="through-file"),
    pytest.param(lambda base: "/" + "x" * 4096, "DIRECTORY_TOO_LONG", "4097 bytes", id="too-long"),
    pytest.param(lambda base: "/" + "ü" * 2048, "DIRECTORY_TOO_LONG", "4097 bytes", id="too-many-bytes"),
    pytest.param(lambda base: str(base) + "/\0", "DIRECTORY_HAS_NUL", "\\x00", id="nul"),
    pytest.param(lambda base: "/a\nb\x1b[31m", "DIRECTORY_NOT_FOUND", "\\n", id="newline"),
    pytest.param(lambda base: "${PWD}", "VARIABLE_NOT_SET", "PWD was not set", id="variable"),
    pytest.param(lambda base: "${PWD:-/x}/sub", "VARIABLE_NOT_SET", "'${PWD:-/x}/sub'", id="variable-with-default"),
]


@pytest.mark.parametrize(("given", "code", "told"), BAD)
async def test_bad_directories(
    connect: Connect, base: Path, given: Callable[[Path], str], code: str, told: str
) -> None:
    """Each bad directory has its own code and one line with the value, and leaves the session as it was."""
    (base / "file").touch(mode=0o755)
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base))
        answer = await peer.call("set_working_directory", directory=given(base))
        assert answer.code == code
        assert told in answer.text
        assert "Next: " in answer.text
        assert answer.text.isprintable()
        assert len(answer.text) < 700
        assert answer.data == {}
        refused = await peer.call("set_working_directory", directory=given(base), new_session=True)
        assert refused.text == answer.text
        assert (await peer.call("get_working_directory")).data["directory"] == str(base)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
async def test_an_unreadable_directory(connect: Connect, base: Path) -> None:
    """A directory that the server's user may not list is refused as such."""
    closed = base / "closed"
    closed.mkdir(mode=0)
    async with connect() as peer:
        answer = await peer.call("set_working_directory", directory=str(closed))
        assert answer.code == "DIRECTORY_UNREADABLE"
        assert str(closed) in answer.text


async def test_outside_of_the_allowed_roots(connect: Connect, base: Path) -> None:
    """Outside is refused in the same words whether it exists or not, through a symlink, by `..`, and beside."""
    (base / "out").symlink_to("/usr")
    async with connect(lambda: [base.as_uri()]) as peer:
        for given in ("/usr", str(base / "out"), f"{base}/../../../../../../usr", "/", str(base.parent) + "x"):
            answer = await peer.call("set_working_directory", directory=given)
            assert answer.code == "DIRECTORY_NOT_ALLOWED", given
            assert answer.text.isprintable()
        assert not (await peer.call("set_working_directory", directory=str(base))).is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("set_working_directory", {}, "directory"),
        ("set_working_directory", {"directory": 5}, "directory is '5'"),
        ("set_working_directory", {"directory": None}, "directory"),
        ("set_working_directory", {"directory": ["/tmp"]}, "directory"),
        ("set_working_directory", {"directory": "/", "new_session": "perhaps"}, "new_session is 'perhaps'"),
        ("set_working_directory", {"directory": "/", "new_sesion": True}, "new_sesion"),
        ("get_working_directory", {"session": {"a": 1}}, "session"),
        ("init_project", {"name": 7}, "name is '7'"),
        ("health_check", {"x": 1}, "x"),
    ],
)
async def test_bad_arguments(connect: Connect, tool: str, arguments: dict[str, Any], told: str) -> None:
    """Arguments that do not fit are named with their value, in one line that says what to do."""
    async with connect() as peer:
        answer = await peer.call(tool, **arguments)
        assert answer.code == "ARGUMENT_INVALID"
        assert told in answer.text
        assert f"Next: call {tool} with" in answer.text
        assert answer.text.isprintable()
        assert "pydantic" not in answer.text


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "x" * 256, "\x07"], ids=["empty", "blank", "newline", "long", "bell"]
)
async def test_bad_project_names(connect: Connect, base: Path, name: str) -> None:
    """A project name outside its bounds is refused, and nothing is written."""
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base))
        answer = await peer.call("init_project", name=name)
        assert answer.code == "NAME_INVALID"
        assert answer.text.isprintable()
        assert os.listdir(base) == []


async def test_unknown_tool(connect: Connect) -> None:
    """An unknown tool is an error in one line too."""
    async with connect() as peer:
        answer = await peer.call("no_such_tool", x=1)
        assert answer.code == "TOOL_UNKNOWN"
        assert "'no_such_tool'" in answer.text


def failing_server(home: Path) -> FastMCP:
    """A server some of whose tools fail, in their body or in what they depend on."""
    server = build_server(isolated_settings(home))

    add_failing_tools(server)

    @server.tool
    def needs_directory(workspace: Workspace = CurrentWorkspace()) -> str:
        return str(workspace.directory)

    return server


@pytest.mark.parametrize("mounted", [False, True], ids=["direct", "mounted"])
async def test_codes_survive(era: Era, tmp_path: Path, mounted: bool) -> None:
    """The code reaches the client from body and dependency, direct and mounted; of the unexpected, no details."""
    server = failing_server(tmp_path)
    host: FastMCP = FastMCP("host")
    host.mount(server)
    async with in_memory(host if mounted else server, era) as peer:
        for tool in ("refuse", "refuse_in_dependency"):
            assert (await peer.call(tool)).text == "MADE_UP: a made-up refusal. Next: nothing."
        for tool in ("explode", "explode_in_dependency"):
            answer = await peer.call(tool)
            assert answer.code == "INTERNAL_ERROR", tool
            assert SECRET not in answer.text
            assert "Next: " in answer.text
        assert (await peer.call("needs_directory")).code == "NO_DIRECTORY"
        assert (await peer.call("set_working_directory", directory="x")).code == "DIRECTORY_NOT_ABSOLUTE"
        assert (await peer.call("set_working_directory")).code == "ARGUMENT_INVALID"
        assert not (await peer.call("set_working_directory", directory=str(tmp_path))).is_error
        assert (await peer.call("get_working_directory")).data["directory"] == str(tmp_path)


async def test_a_host_without_our_lifespan_is_told_so(era: Era) -> None:
    """`CurrentWorkspace()` in a host that has nothing else of ours says what is missing."""
    host: FastMCP = FastMCP("host")

    @host.tool
    def where(workspace: Workspace = CurrentWorkspace()) -> str:
        return str(workspace.directory)

    async with in_memory(host, era) as peer:
        answer = await peer.call("where")
    assert answer.code == "SERVER_NOT_STARTED"
    assert "lifespan=workflow_lifespan" in answer.text


def test_codes_survive_in_a_host_process(era: Era, tmp_path: Path) -> None:
    """The same over stdio in a host that mounts us: roots included, the body once, the traceback on stderr only."""
    env = environment(tmp_path)
    roots = [tmp_path.as_uri()]
    with Wire(Path("/"), env, era, lambda: roots, ["-W", "error", str(HOST)]) as wire:
        wire.open()
        assert wire.call("refuse").text == "MADE_UP: a made-up refusal. Next: nothing."
        assert wire.call("refuse_in_dependency").code == "MADE_UP"
        for tool in ("explode", "explode_in_dependency"):
            answer = wire.call(tool)
            assert answer.code == "INTERNAL_ERROR", tool
            assert SECRET not in answer.text
        wire.wait_for_log("Traceback")
        wire.wait_for_log(SECRET)
        assert wire.call("note").data["result"] == f"1 {tmp_path}"
        assert wire.call("note").data["result"] == f"2 {tmp_path}"
        assert wire.asked == 2
        assert wire.call("set_working_directory", directory="${PWD}").code == "VARIABLE_NOT_SET"
    assert SECRET.encode() not in wire.out


def test_answers_that_are_no_roots(processes: SharedProcesses, base: Path) -> None:
    """On 2026-07-28 an answer under another name, of another kind or malformed is no answer; a right one counts."""
    wire = processes.wire(MODERN, lambda: [base.as_uri()])
    root = {"roots": [{"uri": base.as_uri()}]}
    call = {"name": "get_working_directory", "arguments": {}}
    others: list[object] = [{"action": "decline"}, {"roots": "nonsense"}, {"roots": [{"name": "no uri"}]}, "nonsense"]
    answers = [{}, {"somebody_else": root}, *({"workflow_mcp_roots": other} for other in others)]
    for responses in answers:
        response = wire.exchange("tools/call", {**call, "inputResponses": responses})
        assert response["result"]["content"][0]["text"].startswith("ROOTS_UNANSWERED: ")
    right = wire.exchange("tools/call", {**call, "inputResponses": {"workflow_mcp_roots": root}})
    assert right["result"]["structuredContent"]["directory"] == str(base)
    assert wire.call("get_working_directory").data["directory"] == str(base)
