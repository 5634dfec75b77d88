"""Table 1 through a server: whose call is this."""

from __future__ import annotations

from pathlib import Path

from tests.clients.peers import Connect, Transport, in_memory, isolated_settings
from tests.clients.protocol import MODERN, Era
from workflow_mcp import build_server


async def test_set_keeps_across_calls(connect: Connect, base: Path) -> None:
    """What one call sets, every later call of the same client gets, without a handle."""
    async with connect() as peer:
        done = await peer.call("set_working_directory", directory=str(base))
        assert (done.data["session"], done.data["directory"]) == (None, str(base))
        for _ in range(3):
            got = await peer.call("get_working_directory")
            assert (got.data["directory"], got.data["directory_source"]) == (str(base), "session")


async def test_nothing_is_known_before_it_is_set(connect: Connect) -> None:
    """Without any source the directory is null, never a default, and the message says what to call."""
    async with connect() as peer:
        got = await peer.call("get_working_directory")
        assert not got.is_error
        assert (got.data["directory"], got.data["directory_source"]) == (None, None)
        assert "set_working_directory(" in got.data["message"]


async def test_tools_that_need_a_directory_refuse(connect: Connect) -> None:
    """Without a directory `init_project` refuses with NO_DIRECTORY, and the next step works as written."""
    async with connect() as peer:
        refused = await peer.call("init_project")
        assert refused.code == "NO_DIRECTORY"
        assert "Next: call set_working_directory(" in refused.text


async def test_handles_on_a_shared_connection(connect: Connect, base: Path) -> None:
    """Two handles and the connection's own session each keep their directory, whoever calls in between."""
    main, one, two = (base / name for name in ("main", "one", "two"))
    for folder in (main, one, two):
        folder.mkdir()
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(main))
        first = await peer.call("set_working_directory", directory=str(one), new_session=True)
        second = await peer.call("set_working_directory", directory=str(two), new_session=True)
        handles = [first.data["session"], second.data["session"]]
        assert len(set(handles)) == 2
        assert all(isinstance(handle, str) and len(handle) >= 22 for handle in handles)
        for session, folder in [(handles[0], one), (None, main), (handles[1], two), (handles[0], one), (None, main)]:
            got = await peer.call("get_working_directory", session=session)
            assert (got.data["session"], got.data["directory"]) == (session, str(folder))
        await peer.call("end_session", session=handles[0])
        assert (await peer.call("get_working_directory", session=handles[1])).data["directory"] == str(two)
        assert (await peer.call("get_working_directory")).data["directory"] == str(main)


async def test_a_handle_can_be_moved(connect: Connect, base: Path) -> None:
    """Setting a directory with a handle changes that handle's session and keeps the handle."""
    (base / "later").mkdir()
    async with connect() as peer:
        handle = (await peer.call("set_working_directory", directory=str(base), new_session=True)).data["session"]
        moved = await peer.call("set_working_directory", directory=str(base / "later"), session=handle)
        assert (moved.data["session"], moved.data["directory"]) == (handle, str(base / "later"))
        assert (await peer.call("get_working_directory", session=handle)).data["directory"] == str(base / "later")
        assert (await peer.call("get_working_directory")).data["directory"] is None


async def test_a_new_session_through_a_handle(connect: Connect, base: Path) -> None:
    """A subagent that has a handle can mint another one for its own subagent; the first stays as it was."""
    (base / "sub").mkdir()
    async with connect() as peer:
        first = (await peer.call("set_working_directory", directory=str(base), new_session=True)).data["session"]
        sub = str(base / "sub")
        other = (await peer.call("set_working_directory", directory=sub, session=first, new_session=True)).data[
            "session"
        ]
        assert other not in (None, first)
        assert (await peer.call("get_working_directory", session=first)).data["directory"] == str(base)


async def test_bad_handles_look_alike(connect: Connect, base: Path) -> None:
    """An unknown, a malformed, an empty and an ended handle give one and the same error, in every tool."""
    async with connect() as peer:
        good = (await peer.call("set_working_directory", directory=str(base), new_session=True)).data["session"]
        assert (await peer.call("end_session", session=good)).data["ended"] is True
        bad = [good, good[:-1] + "~", "A" * 27, "", "x", "process", "../../etc", "é\0\n", "B" * 100_000]
        answers = [await peer.call("get_working_directory", session=handle) for handle in bad]
        answers += [await peer.call("set_working_directory", directory=str(base), session=handle) for handle in bad]
        answers += [await peer.call(tool, session=good) for tool in ("init_project", "end_session")]
        assert {(answer.code, answer.text) for answer in answers} == {("SESSION_UNKNOWN", answers[0].text)}
        assert "\n" not in answers[0].text
        assert "Next: call set_working_directory(" in answers[0].text
        assert (await peer.call("get_working_directory")).data["directory"] is None


async def test_ending_the_session(connect: Connect, base: Path) -> None:
    """`end_session` forgets what was set for the connection; a second time there is nothing to forget."""
    async with connect() as peer:
        await peer.call("set_working_directory", directory=str(base))
        assert (await peer.call("end_session")).data["ended"] is True
        assert (await peer.call("get_working_directory")).data["directory"] is None
        assert (await peer.call("end_session")).data["ended"] is False


async def test_two_connections_in_memory(era: Era, tmp_path: Path) -> None:
    """Handshake-era clients of one server have a session each; 2026-07-28 in memory is one client, the process."""
    server = build_server(isolated_settings(tmp_path))
    async with in_memory(server, era) as one, in_memory(server, era) as two:
        await one.call("set_working_directory", directory=str(tmp_path))
        seen = (await two.call("get_working_directory")).data["directory"]
        assert seen == (str(tmp_path) if era == MODERN else None)


async def test_health_tells_era_and_transport(connect: Connect, kind: tuple[Era, Transport]) -> None:
    """`health_check` names the protocol and the transport of the very call."""
    async with connect() as peer:
        health = (await peer.call("health_check")).data
        assert (health["transport"], health["protocol"] == MODERN) == (kind[1], kind[0] == MODERN)
