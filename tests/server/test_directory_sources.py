"""Table 2 through a server: which directory, and how that is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.clients.peers import Connect, in_memory, isolated_settings
from tests.clients.processes import SERVER
from tests.clients.protocol import MODERN, Era, Message, Roots
from tests.clients.shared import SharedProcesses
from tests.clients.stdio import Wire, environment
from tests.support import config_text, write_config
from workflow_mcp import CurrentWorkspace, Workspace, build_server

CLOCKED_HOST = Path(__file__).parent / "clocked_host.py"

Start = Callable[..., Wire]


@contextmanager
def started(
    home: Path, era: Era, cwd: Path, roots: Roots | None = None, arguments: Sequence[str] = (), **variables: str
) -> Iterator[Wire]:
    """A server process of its own."""
    with Wire(cwd, environment(home, **variables), era, roots, [*SERVER, *arguments]) as wire:
        wire.open()
        yield wire


def folders(base: Path, *names: str) -> list[Path]:
    """New folders."""
    made = [base / name for name in names]
    for folder in made:
        folder.mkdir()
    return made


def where(wire: Wire) -> tuple[str | None, str | None]:
    """The directory of a call, and its source."""
    data = wire.call("get_working_directory").data
    return data["directory_source"], data["directory"]


def test_option_before_environment_roots_and_process(era: Era, tmp_path: Path) -> None:
    """`--directory` wins over all but what the client sets, which wins over it; roots are not asked for."""
    home, option, other, set_later = folders(tmp_path, "home", "option", "other", "set")
    arguments = ["serve", "--directory", str(option)]
    with started(home, era, other, lambda: [other.as_uri()], arguments, CLAUDE_PROJECT_DIR=str(other)) as wire:
        assert where(wire) == ("option", str(option))
        wire.call("set_working_directory", directory=str(set_later))
        assert where(wire) == ("session", str(set_later))
        wire.call("end_session")
        assert where(wire) == ("option", str(option))
        assert wire.asked == 0


def test_roots_before_environment_before_process(era: Era, tmp_path: Path) -> None:
    """Roots win over `CLAUDE_PROJECT_DIR`, which applies when the client has none, and wins over the process's own."""
    home, root, project, cwd = folders(tmp_path, "home", "root", "project", "cwd")
    roots = [root.as_uri()]
    with started(home, era, cwd, lambda: roots, CLAUDE_PROJECT_DIR=str(project)) as wire:
        assert where(wire) == ("roots", str(root))
        roots[:] = ["https://example.org/"]
        assert where(wire) == ("environment", str(project))
        roots.clear()
        assert where(wire) == ("environment", str(project))


def test_roots_before_process(era: Era, tmp_path: Path) -> None:
    """Roots win over the process's directory, which is the last resort when the client has none."""
    home, root, cwd = folders(tmp_path, "home", "root", "cwd")
    roots = [root.as_uri()]
    with started(home, era, cwd, lambda: roots) as wire:
        assert where(wire) == ("roots", str(root))
        roots.clear()
        assert where(wire) == ("process", str(cwd))


def test_writes_go_to_the_worktree_the_client_enters(era: Era, tmp_path: Path) -> None:
    """In a worktree of a branch that names another project, work goes there, though the environment says otherwise."""
    home, main, worktree = folders(tmp_path, "home", "main", "worktree")
    for folder in (main, worktree):
        write_config(folder, config_text(folder.name, project_id=str(uuid4())))
    roots = [main.as_uri()]
    with started(home, era, main, lambda: roots, CLAUDE_PROJECT_DIR=str(main)) as wire:
        assert wire.call("create_work_items", items=[{"title": "On main"}]).text.startswith("project: main | ")
        roots[:] = [worktree.as_uri()]
        assert wire.call("create_work_items", items=[{"title": "There"}]).text.startswith("project: worktree | ")
        listed = wire.call("list_work_items").text
        assert ("There" in listed, "On main" in listed) == (True, False)
        roots[:] = [main.as_uri()]
        assert "On main" in wire.call("list_work_items").text


class Refusing(Wire):
    """Answers with an error, at once, when it has no answer."""

    def roots_answer(self, request: Message) -> Message:
        """See `Wire`."""
        refusal = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32603, "message": "no"}}
        return super().roots_answer(request) or refusal


SILENT = "The client declares roots, which take precedence, but did not answer when it was asked for them"


def test_an_unanswering_client_goes_by_the_next_row(era: Era, tmp_path: Path) -> None:
    """It is waited for once, the answers say so, and it is asked again after five minutes."""
    home, project, root = folders(tmp_path, "home", "project", "root")
    roots: list[Sequence[str] | None] = [None]
    clock = tmp_path / "clock"
    clock.write_text("1000")
    command = ["-W", "error", str(CLOCKED_HOST), str(clock)]
    variables = environment(home, CLAUDE_PROJECT_DIR=str(project))
    with Refusing(project, variables, era, lambda: roots[0], command) as wire:
        wire.open()
        for now in ("1000", "1000", "1299.9"):
            clock.write_text(now)
            assert where(wire) == ("environment", str(project))
            assert SILENT in wire.call("get_working_directory").data["message"]
            assert SILENT in wire.call("health_check").data["workspace"]["message"]
            assert not wire.call("init_project").is_error
            assert wire.asked == 1
        roots[0] = [root.as_uri()]
        assert where(wire) == ("environment", str(project))
        clock.write_text("1300")
        assert where(wire) == ("roots", str(root))
        assert SILENT not in wire.call("get_working_directory").data["message"]
        assert wire.asked == 3


def test_an_unanswering_client_may_still_say_where(era: Era, tmp_path: Path) -> None:
    """What it sets for its session wins, and says nothing about roots."""
    home, project, other = folders(tmp_path, "home", "project", "other")
    variables = {"CLAUDE_PROJECT_DIR": str(project), "WORKFLOW_MCP_ROOTS_TIMEOUT": "0.3"}
    with started(home, era, project, lambda: None, **variables) as wire:
        assert where(wire) == ("environment", str(project))
        wire.call("set_working_directory", directory=str(other))
        assert where(wire) == ("session", str(other))
        assert SILENT not in wire.call("get_working_directory").data["message"]


@pytest.mark.parametrize(
    "answer",
    [
        {"result": {"roots": "nonsense"}},
        {"result": {"roots": [{"name": "no uri"}]}},
        {"error": {"code": -32603, "message": "no"}},
    ],
    ids=["no-list", "no-uri", "error"],
)
def test_a_handshake_client_that_answers_something_else(tmp_path: Path, answer: Message) -> None:
    """An error and an answer that is no list of roots are no answer: the next row applies."""
    home, cwd = folders(tmp_path, "home", "cwd")

    class Odd(Wire):
        """Answers for its roots with something else."""

        def roots_answer(self, request: Message) -> Message:
            self.asked += 1
            return {"jsonrpc": "2.0", "id": request["id"], **answer}

    with Odd(cwd, environment(home), "legacy", lambda: None) as wire:
        wire.open()
        assert where(wire) == ("process", str(cwd))
        assert SILENT in wire.call("get_working_directory").data["message"]
        assert wire.asked == 1


@pytest.mark.parametrize("malformed", [{"roots": "nonsense"}, {"roots": [{"name": "no uri"}]}, {"action": "decline"}])
def test_a_2026_client_that_answers_something_else(tmp_path: Path, malformed: Message) -> None:
    """A retry whose answer is no list of roots is no answer: the next row applies."""
    home, cwd = folders(tmp_path, "home", "cwd")

    class Odd(Wire):
        """Answers for its roots with something else."""

        def with_input(self, params: Message | None, result: Message) -> Message:
            self.asked += 1
            ((name, _),) = result["inputRequests"].items()
            return {**(params or {}), "inputResponses": {name: malformed}}

    with Odd(cwd, environment(home), MODERN, lambda: None) as wire:
        wire.open()
        assert where(wire) == ("process", str(cwd))
        assert SILENT in wire.call("get_working_directory").data["message"]
        assert wire.asked == 1


def test_the_home_directory_is_no_working_directory(tmp_path: Path) -> None:
    """A server that is started in the home directory does not take it for the client's."""
    with started(tmp_path, MODERN, tmp_path) as wire:
        assert where(wire) == (None, None)


@pytest.mark.parametrize("name", ["--directory", "WORKFLOW_MCP_DIRECTORY"])
def test_the_answer_names_the_option(tmp_path: Path, name: str) -> None:
    """Who gave the directory by the variable is not sent to look for a flag, and the other way round."""
    home, option = folders(tmp_path, "home", "option")
    given = {name: str(option)}
    arguments, variables = (["serve", name, str(option)], {}) if name.startswith("-") else (["serve"], given)
    with started(home, "legacy", tmp_path, None, arguments, **variables) as wire:
        data = wire.call("get_working_directory").data
        assert (data["directory_source"], data["directory"]) == ("option", str(option))
        assert data["message"].startswith(f"The directory is from {name}.")


def test_a_relative_option_is_relative_to_the_start(tmp_path: Path) -> None:
    """`serve --directory sub` means the folder below the one the process was started in."""
    home, _sub = folders(tmp_path, "home", "sub")
    with started(home, "legacy", tmp_path, arguments=["serve", "--directory", "sub"]) as wire:
        assert where(wire) == ("option", str(tmp_path / "sub"))


def test_a_launcher_that_names_a_missing_directory(tmp_path: Path) -> None:
    """A directory that cannot be used is an error in every call; no later row of the table is tried for it."""
    home, cwd = folders(tmp_path, "home", "cwd")
    with started(home, "legacy", cwd, CLAUDE_PROJECT_DIR=str(tmp_path / "gone")) as wire:
        assert wire.call("get_working_directory").code == "DIRECTORY_NOT_FOUND"
        health = wire.call("health_check").data
        assert health["workspace"] is None
        assert health["workspace_error"].startswith("DIRECTORY_NOT_FOUND: ")
        wire.call("set_working_directory", directory=str(cwd))
        assert where(wire) == ("session", str(cwd))


async def test_a_client_without_roots_is_never_asked(processes: SharedProcesses, era: Era) -> None:
    """A client that declares no roots sees no `roots/list` on the wire, whatever it calls."""
    wire = processes.wire(era)
    for tool in ("get_working_directory", "init_project", "health_check", "end_session"):
        wire.call(tool)
    wire.request("resources/read", {"uri": "workflow://workspace"})
    assert b"roots/list" not in wire.out
    assert b"input_required" not in wire.out


async def test_roots_are_asked_anew_each_call(connect: Connect, base: Path) -> None:
    """Each call asks once and follows the client's first root wherever it goes."""
    first, second = folders(base, "first", "second")
    roots = [first.as_uri(), second.as_uri()]
    async with connect(lambda: roots) as peer:
        for turn in range(1, 5):
            got = await peer.call("get_working_directory")
            expected = first if turn % 2 else second
            assert (got.data["directory_source"], got.data["directory"]) == ("roots", str(expected))
            assert peer.asked == turn
            roots.reverse()
        await peer.call("set_working_directory", directory=str(base))
        assert (await peer.call("get_working_directory")).data["directory"] == str(base)
        assert peer.asked == 4, "what the session has set needs no roots"


@pytest.mark.parametrize("name", ["with space", "per%cent", "a#b?c", "ünïcødé", "100%25", "+plus&=", "テスト"])
async def test_percent_encoded_roots(connect: Connect, base: Path, name: str) -> None:
    """A root is decoded once: the directory is the one the client meant."""
    (folder,) = folders(base, name)
    async with connect(lambda: [f"file://{quote(str(folder))}"]) as peer:
        assert (await peer.call("get_working_directory")).data["directory"] == str(folder)


def test_roots_of_other_kinds_are_passed_over(processes: SharedProcesses, era: Era, base: Path) -> None:
    """The first `file://` root counts, behind however many of other schemes and other machines."""
    others = ["https://example.org/x", "vscode-remote://host/x", "http://[", "nonsense", "file://elsewhere/share"]
    uris = [*others, base.as_uri(), "file:///usr"]
    assert where(processes.wire(era, lambda: uris)) == ("roots", str(base))


@pytest.mark.parametrize("uris", [[], ["https://example.org/"]], ids=["none", "https"])
def test_no_file_root(processes: SharedProcesses, era: Era, uris: list[str]) -> None:
    """An empty list and one without a `file://` root leave the directory unknown."""
    wire = processes.wire(era, lambda: uris)
    assert where(wire) == (None, None)
    assert wire.call("init_project").code == "NO_DIRECTORY"


async def test_a_root_outside_the_allowed_roots(connect: Connect) -> None:
    """A root is checked like any other directory that a client gives."""
    async with connect(lambda: ["file:///usr"]) as peer:
        refused = await peer.call("get_working_directory")
        assert refused.code == "DIRECTORY_NOT_ALLOWED"
        assert "'/usr'" in refused.text


def test_a_client_that_does_not_answer(era: Era, tmp_path: Path) -> None:
    """Where no later row applies it gets ROOTS_UNANSWERED, and waits once; what needs no roots still works."""
    home, other = folders(tmp_path, "home", "other")
    with started(home, era, Path("/"), lambda: None, WORKFLOW_MCP_ROOTS_TIMEOUT="0.3") as wire:
        for _ in range(2):
            refused = wire.call("get_working_directory")
            assert refused.code == "ROOTS_UNANSWERED"
            assert "Next: call set_working_directory(" in refused.text
            assert wire.asked == 1
        assert not wire.call("set_working_directory", directory=str(other)).is_error
        assert where(wire) == ("session", str(other))


async def test_a_legacy_client_that_refuses_to_say(tmp_path: Path) -> None:
    """A client that answers `roots/list` with an error is one that did not answer."""
    async with in_memory(build_server(isolated_settings(tmp_path)), "legacy", lambda: None) as peer:
        assert (await peer.call("get_working_directory")).code == "ROOTS_UNANSWERED"


async def test_the_body_runs_once(era: Era, tmp_path: Path) -> None:
    """Asking for roots happens before the body: it runs once a call, in both eras, direct and mounted."""
    ran: list[str] = []
    server = build_server(isolated_settings(tmp_path))

    @server.tool
    def note(workspace: Workspace = CurrentWorkspace()) -> str:
        ran.append(str(workspace.directory))
        return "noted"

    async with in_memory(server, era, lambda: [tmp_path.as_uri()]) as peer:
        assert not (await peer.call("note")).is_error
        assert not (await peer.call("note")).is_error
        assert (ran, peer.asked) == ([str(tmp_path)] * 2, 2)


async def test_one_call_is_counted_once(connect: Connect, base: Path) -> None:
    """A call that first asks for roots counts as one call in `health_check`."""
    async with connect(lambda: [base.as_uri()]) as peer:
        before = (await peer.call("health_check")).data["calls"]
        await peer.call("get_working_directory")
        after = (await peer.call("health_check")).data["calls"]
        assert after - before == 2


@pytest.mark.skipif(os.name != "posix", reason="symlinks need rights on Windows")
async def test_a_root_through_a_symlink(connect: Connect, base: Path) -> None:
    """A root that is a symlink stays what the client called it."""
    (real,) = folders(base, "real")
    (base / "link").symlink_to(real)
    async with connect(lambda: [(base / "link").as_uri()]) as peer:
        assert (await peer.call("get_working_directory")).data["directory"] == str(base / "link")
