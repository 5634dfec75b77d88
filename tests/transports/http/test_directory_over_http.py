"""Table 2 over HTTP: session, then header, then roots, then nothing."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.http import Header, HttpClient
from tests.clients.protocol import ERAS, MODERN, Answer, Era
from tests.clients.served import serving
from tests.support import config_text, write_config

NAME = "X-Workflow-Directory"


def folder(base: Path, name: str) -> Path:
    """A new folder that is a project of its own name."""
    made = base / name
    made.mkdir()
    write_config(made, config_text(name, project_id=None))
    return made


async def where(client: HttpClient, **arguments: str) -> tuple[str | None, str | None]:
    """The source of a call's directory, and the directory."""
    data = (await client.call("get_working_directory", **arguments)).data
    return data["directory_source"], data["directory"]


async def asked_with(url: str, era: Era, *headers: Header) -> Answer:
    """What `get_working_directory` answers to a request with these headers."""
    async with HttpClient(url, era, headers) as client:
        return await client.call("get_working_directory")


async def test_session_then_header_then_roots_then_nothing(url: str, era: Era, tmp_path: Path) -> None:
    """Each source wins over those below it, which are then not looked at; without any there is no directory."""
    set_here, header, root = (folder(tmp_path, name) for name in ("set", "header", "root"))
    async with HttpClient(url, era, ((NAME, str(header)),), lambda: [root.as_uri()]) as client:
        assert await where(client) == ("header", str(header))
        done = await client.call("set_working_directory", directory=str(set_here))
        handle = {} if done.data["session"] is None else {"session": done.data["session"]}
        assert bool(handle) == (era == MODERN)
        assert await where(client, **handle) == ("session", str(set_here))
        assert client.asked == 0
        client.headers = ()
        assert await where(client, **handle) == ("session", str(set_here))
        assert client.asked == 0
        assert (await client.call("end_session", **handle)).data["ended"] is True
        assert await where(client) == ("roots", str(root))
        assert client.asked == 1
        client.headers = ((NAME, str(header)),)
        assert await where(client) == ("header", str(header))
    async with HttpClient(url, era) as client:
        assert await where(client) == (None, None)


async def test_a_call_with_a_handle_does_not_look_at_the_header(url: str, era: Era, tmp_path: Path) -> None:
    """A handle's directory wins also over a header that could not be used."""
    one = folder(tmp_path, "one")
    async with HttpClient(url, era, ((NAME, "not absolute"),)) as client:
        done = await client.call("set_working_directory", directory=str(one), new_session=True)
        assert await where(client, session=done.data["session"]) == ("session", str(one))


@pytest.mark.parametrize("name", ["plain", "with space", "100%", "ünïcødé", "テスト", "a+b&c=d", "%41", "x%2Fy"])
async def test_a_header_is_percent_decoded_once(url: str, era: Era, tmp_path: Path, name: str) -> None:
    """A percent-encoded header names the directory that was encoded, whatever its characters."""
    made = folder(tmp_path, name)
    answer = await asked_with(url, era, (NAME, quote(str(made))))
    assert (answer.data["directory"], answer.data["project"]["name"]) == (str(made), name)


@pytest.mark.parametrize("name", ["ünïcødé", "テスト", "with space", "a+b"])
async def test_a_header_in_utf8(url: str, era: Era, tmp_path: Path, name: str) -> None:
    """A header that carries no `%` is taken as the bytes it is."""
    made = folder(tmp_path, name)
    answer = await asked_with(url, era, (NAME, str(made).encode()))
    assert (answer.data["directory"], answer.data["directory_source"]) == (str(made), "header")


async def test_white_space_around_a_header_is_not_part_of_it(url: str, era: Era, tmp_path: Path) -> None:
    """HTTP's own white space around a value does not count."""
    answer = await asked_with(url, era, (NAME, f"  {tmp_path} \t"))
    assert answer.data["directory"] == str(tmp_path)


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ("${PWD}", "VARIABLE_NOT_SET", "the variable PWD was not set"),
        ("${CLAUDE_PROJECT_DIR:-}", "VARIABLE_NOT_SET", "the variable CLAUDE_PROJECT_DIR was not set"),
        ("%24%7BPWD%7D", "VARIABLE_NOT_SET", "the variable PWD was not set"),
        ("some/where", "DIRECTORY_NOT_ABSOLUTE", "'some/where' is not an absolute path"),
        ("~/work", "DIRECTORY_NOT_ABSOLUTE", "~, which is not expanded"),
        ("/no/such/place", "DIRECTORY_NOT_FOUND", "'/no/such/place' does not exist"),
        ("/etc/passwd", "DIRECTORY_IS_FILE", "'/etc/passwd'"),
        ("/tmp/a%00b", "DIRECTORY_HAS_NUL", "NUL"),
        ("/" + "a" * 5000, "DIRECTORY_TOO_LONG", "5001 bytes"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="the paths are POSIX's")
async def test_a_header_that_cannot_be_used(url: str, era: Era, value: str, code: str, said: str) -> None:
    """A bad header is an error with its own sentence; roots are not asked for in its place."""
    async with HttpClient(url, era, ((NAME, value),), lambda: ["file:///"]) as client:
        answer = await client.call("get_working_directory")
        assert answer.code == code
        assert said in answer.text
        assert "Next: " in answer.text
        assert "\n" not in answer.text
        assert client.asked == 0


async def test_two_headers(url: str, era: Era, tmp_path: Path) -> None:
    """Two headers are an error even when they agree: nobody can tell which one the client meant."""
    answer = await asked_with(url, era, (NAME, str(tmp_path)), (NAME.lower(), str(tmp_path)))
    assert answer.code == "HEADER_TWICE"
    assert "came 2 times" in answer.text


async def test_an_empty_header_is_none(url: str, era: Era, tmp_path: Path) -> None:
    """A header without a value says nothing, and the next source applies."""
    async with HttpClient(url, era, ((NAME, ""),), lambda: [tmp_path.as_uri()]) as client:
        assert await where(client) == ("roots", str(tmp_path))


async def test_roots_are_asked_anew_each_call(url: str, era: Era, tmp_path: Path) -> None:
    """Each call follows the client's first root wherever it goes, and asks once."""
    roots = [folder(tmp_path, "first").as_uri(), folder(tmp_path, "second").as_uri()]
    async with HttpClient(url, era, roots=lambda: roots) as client:
        for turn in range(1, 5):
            expected = tmp_path / ("first" if turn % 2 else "second")
            assert await where(client) == ("roots", str(expected))
            assert client.asked == turn
            roots.reverse()


async def test_roots_that_name_no_directory(url: str, era: Era) -> None:
    """An empty list and roots of other kinds leave the directory unknown."""
    for uris in ([], ["https://example.org/"]):
        async with HttpClient(url, era, roots=lambda: uris) as client:  # noqa: B023 - used within the turn
            assert await where(client) == (None, None)


async def test_no_session_says_the_exact_next_call(url: str, era: Era, tmp_path: Path) -> None:
    """A tool that needs a directory refuses with NO_SESSION, and doing what it says makes it work."""
    made = tmp_path / "made"
    made.mkdir()
    async with HttpClient(url, era) as client:
        refused = await client.call("init_project")
        assert refused.code == "NO_SESSION"
        assert 'Next: call set_working_directory(directory="/absolute/path/of/the/project")' in refused.text
        assert ("pass the session it returns" in refused.text) == (era == MODERN)
        assert f"send the {NAME} header" in refused.text
        done = await client.call("set_working_directory", directory=str(made))
        handle = {} if done.data["session"] is None else {"session": done.data["session"]}
        assert (await client.call("init_project", **handle)).data["project"]["name"] == "made"
    async with HttpClient(url, era, ((NAME, str(made)),)) as client:
        assert (await client.call("init_project")).data["directory"] == str(made)


async def test_the_servers_own_directory_is_never_a_clients(tmp_path: Path) -> None:
    """Over HTTP neither the server's launcher, nor its environment, nor its own directory says anything."""
    project = folder(tmp_path, "launcher")
    variables = {"CLAUDE_PROJECT_DIR": str(project), "CLAUDE_CODE_SESSION_ID": "0b1e"}
    with serving(project, **variables) as served:
        for era in ERAS:
            async with HttpClient(served.url, era) as client:
                assert await where(client) == (None, None)
                assert (await client.call("init_project")).code == "NO_SESSION"
                health = (await client.call("health_check")).data
                assert (health["status"], health["workspace"]) == ("degraded", None)
                assert health["workspace_error"].startswith("NO_SESSION: ")


async def test_resources_follow_the_header(url: str, era: Era, tmp_path: Path) -> None:
    """The workspace resource resolves like a tool."""
    made = folder(tmp_path, "resource")
    async with HttpClient(url, era, ((NAME, str(made)),)) as client:
        read = await client.request("resources/read", {"uri": "workflow://workspace"})
        assert f'"directory": "{made}"' in read["contents"][0]["text"]
