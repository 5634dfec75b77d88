"""What outlives a server over HTTP: every handle and its directory, and nothing that could be mistaken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.http import HttpClient
from tests.clients.protocol import ERAS
from tests.clients.served import Served, serving
from tests.transports.http.test_handles import minted, result


def end_in_order(served: Served) -> None:
    """As a service manager does."""
    served.end()


def kill(served: Served) -> None:
    """As the kernel does when memory runs out."""
    served.kill()


@pytest.mark.parametrize("end", [end_in_order, kill])
async def test_a_restart_keeps_every_handle(tmp_path: Path, end: object) -> None:
    """After a restart, and after kill -9, each handle of either era leads to the directory that was set last."""
    assert callable(end)
    handles: dict[str, Path] = {}
    for name in ("a", "b", "c", "moved"):
        (tmp_path / name).mkdir()
    with serving(tmp_path / "home") as served:
        for era in ERAS:
            async with HttpClient(served.url, era) as client:
                for name in ("a", "b", "c"):
                    handles[await minted(client, tmp_path / name)] = tmp_path / name
                moving, ended = await minted(client, tmp_path / "a"), await minted(client, tmp_path / "a")
                await result(client, moving, "set_working_directory", directory=str(tmp_path / "moved"))
                handles[moving] = tmp_path / "moved"
                await result(client, ended, "end_session")
        end(served)
    with serving(tmp_path / "home") as again:
        async with HttpClient(again.url) as client:
            for handle, directory in handles.items():
                found = (await result(client, handle))["structuredContent"]
                assert (found["directory"], found["directory_source"]) == (str(directory), "session")
            assert (await result(client, ended))["isError"] is True


async def test_a_legacy_connection_does_not_outlive_its_server(tmp_path: Path) -> None:
    """A legacy client's own session ends with the server: its id gets 404, so that it connects anew, as nobody."""
    with serving(tmp_path / "home") as served:
        client = HttpClient(served.url, "legacy")
        async with client.connection:
            await client.open()
            await client.call("set_working_directory", directory=str(tmp_path))
            old = client.session_id
        served.kill()
    with serving(tmp_path / "home") as again:
        late = HttpClient(again.url, "legacy", session_id=old)
        async with late.connection:
            gone = await late.exchange("tools/call", {"name": "get_working_directory", "arguments": {}})
            assert gone["status"] == 404
        async with HttpClient(again.url, "legacy") as anew:
            assert (await anew.call("get_working_directory")).data["directory"] is None


async def test_damaged_entries_are_refused(tmp_path: Path) -> None:
    """An entry that is cut short, empty or of another shape leads nowhere, and to no other directory."""
    with serving(tmp_path / "home") as served:
        async with HttpClient(served.url) as client:
            handles = [await minted(client, tmp_path) for _ in range(6)]
            entries = sorted((tmp_path / "home" / "data" / "sessions" / "sessions").glob("*.json"))
            assert len(entries) == len(handles)
        served.kill()
    whole = entries[0].read_bytes()
    spoilt = [whole[: len(whole) // 2], b"", b"[]", b'{"value": {"working_directory": "relative"}}', b"\xff" * 100]
    for entry, content in zip(entries, spoilt, strict=False):
        entry.write_bytes(content)
    with serving(tmp_path / "home") as again:
        async with HttpClient(again.url) as client:
            found = [await client.call("get_working_directory", session=handle) for handle in handles]
            assert sorted(answer.code for answer in found) == [""] + ["SESSION_UNREADABLE"] * 5
            assert not (await client.call("set_working_directory", directory=str(tmp_path))).is_error


async def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    """Without a store the call succeeds all the same, works, and says what will be forgotten."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "data").write_text("in the way")
    with serving(tmp_path / "home") as served:
        async with HttpClient(served.url) as client:
            done = await client.call("set_working_directory", directory=str(tmp_path), new_session=True)
            assert "Warning: this could not be saved" in done.data["message"]
            assert (await result(client, done.data["session"]))["structuredContent"]["directory"] == str(tmp_path)
