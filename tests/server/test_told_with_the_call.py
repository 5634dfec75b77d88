"""What comes with a call over stdio: Claude Code's hook, Codex's workspaces; and where plugins start servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.hooked import TOOL_USE, new_call
from tests.clients.protocol import ERAS, Answer, Era, answer_of
from tests.clients.stdio import Wire, environment
from workflow_mcp.settings import PLUGIN_FOLDERS

TURN = "x-codex-turn-metadata"


def called(wire: Wire, meta: dict[str, Any], tool: str = "get_working_directory", **arguments: Any) -> Answer:
    """A call with something beside its arguments."""
    return answer_of(wire.request("tools/call", {"name": tool, "arguments": arguments, "_meta": meta}))


def place(answer: Answer) -> tuple[str | None, str | None]:
    """The directory of an answer, and where it is known from."""
    return answer.data["directory"], answer.data["directory_source"]


@pytest.fixture(params=ERAS)
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    """A server that Claude Code launched with the plugin, in a conversation of its own."""
    era: Era = request.param
    (tmp_path / "elsewhere").mkdir()
    launched = {"CLAUDE_CODE_SESSION_ID": "s1", "WORKFLOW_MCP_HOOK_TOOL": "1"}
    with Wire(tmp_path, environment(tmp_path / "home", **launched), era) as process:
        process.open()
        yield process


def test_the_main_agent_has_one_session(wire: Wire, tmp_path: Path) -> None:
    """Bound or not, its calls are of the conversation for which the process was launched; others have their own."""
    elsewhere = str(tmp_path / "elsewhere")

    def bound(session: str, tool: str = "get_working_directory", agent: str = "", **arguments: str) -> Answer:
        call = new_call()
        wire.call("bind_call", session=session, agent=agent, agent_type="", cwd=str(tmp_path), call=call)
        return called(wire, {TOOL_USE: call}, tool, **arguments)

    wire.call("set_working_directory", directory=elsewhere)
    assert place(bound("s1")) == (elsewhere, "session")
    assert place(bound("s1", agent="a1")) == (str(tmp_path), "call")
    assert place(bound("s2")) == (str(tmp_path), "call"), "after /clear"
    bound("s1", "set_working_directory", directory=str(tmp_path))
    assert place(wire.call("get_working_directory")) == (str(tmp_path), "process")
    bound("s1", "set_working_directory", directory=elsewhere)
    assert place(wire.call("get_working_directory")) == (elsewhere, "session")
    assert place(bound("s2")) == (str(tmp_path), "call")


def test_one_workspace_of_codex(wire: Wire, tmp_path: Path) -> None:
    """A turn in exactly one workspace is where the call is made; anything else is as if nothing had been said."""
    elsewhere, own = str(tmp_path / "elsewhere"), (str(tmp_path), "process")
    assert place(called(wire, {TURN: {"workspaces": {elsewhere: {"has_changes": False}}}})) == (elsewhere, "call")
    nothing: list[Any] = [
        {}, {elsewhere: {}, str(tmp_path): {}}, [elsewhere], elsewhere, None, 5, [], [[elsewhere]],
    ]  # fmt: skip
    for workspaces in nothing:
        assert place(called(wire, {TURN: {"workspaces": workspaces}})) == own, workspaces
    turns: list[Any] = [None, [], "x", {"workspace": {elsewhere: {}}}]
    for turn in turns:
        assert place(called(wire, {TURN: turn})) == own, turn
    for wrong, code in (
        ("relative", "DIRECTORY_NOT_ABSOLUTE"),
        ("/no/such", "DIRECTORY_NOT_FOUND"),
        ("", "DIRECTORY_"),
    ):
        assert called(wire, {TURN: {"workspaces": {wrong: {}}}}).code.startswith(code)
    names: list[Any] = [None, 5, ["x"], {}]
    for name in names:
        assert place(called(wire, {TOOL_USE: name})) == own, name


@pytest.mark.parametrize("variable", PLUGIN_FOLDERS)
@pytest.mark.parametrize("below", ["", "server/bin"])
def test_a_plugin_s_folder_is_no_project(tmp_path: Path, variable: str, below: str) -> None:
    """A server that was started at or inside it knows no directory, by whatever path; one beside it does."""
    plugin, link = tmp_path / "plugin", tmp_path / "link"
    (plugin / "server" / "bin").mkdir(parents=True)
    link.symlink_to(plugin)
    with Wire(plugin / below, environment(tmp_path / "home", **{variable: str(link)})) as wire:
        wire.open()
        assert place(wire.call("get_working_directory")) == (None, None)
        refused = wire.call("init_project")
        assert refused.code == "NO_DIRECTORY"
    assert not list(plugin.rglob(".workflow-mcp"))


def test_beside_a_plugin_s_folder(tmp_path: Path) -> None:
    """A name that begins like the plugin's is another place."""
    for name in ("plugin", "plugin-user"):
        (tmp_path / name).mkdir()
    folders = {"PLUGIN_ROOT": str(tmp_path / "plugin"), "PLUGIN_DATA": str(tmp_path / "plugin" / "data")}
    with Wire(tmp_path / "plugin-user", environment(tmp_path / "home", **folders)) as wire:
        wire.open()
        assert place(wire.call("get_working_directory")) == (str(tmp_path / "plugin-user"), "process")
