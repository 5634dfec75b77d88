"""The command board: the project's work in the browser."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter

from workflow_mcp.board.access import Viewer
from workflow_mcp.cli.output import flush, print_text
from workflow_mcp.cli.parameters import Directory
from workflow_mcp.errors import Code, ProjectError, UsageError, WorkflowError, shown
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.work.text import visible
from workflow_mcp.workspace.local import open_local
from workflow_mcp.workspace.user import find_user

ANSWER_SECONDS = 5.0
TOKEN_S = ("principal", "until")  # what the server knows by the token


def board(
    *,
    directory: Directory = ".",
    url: Annotated[
        str | None, Parameter(help="The server to ask; default: the one on this machine, else one of its own.")
    ] = None,
    no_open: Annotated[bool, Parameter(negative="", help="Print the address instead of opening a browser.")] = False,
    only: Annotated[bool, Parameter(negative="", help="Show no other project.")] = False,
) -> None:
    """Open the project's board in the browser.

    Without a server that runs over HTTP the command serves it itself, on this machine alone, until Ctrl+C.
    """
    settings = load_settings()
    viewer = asyncio.run(_viewer(settings, settings.absolute(directory), only=only))
    if url is not None:
        _show(url, _key(url, settings, viewer, is_local=False), no_open=no_open)
        return
    running = f"http://{settings.host}:{settings.port}"
    key = _key_if_served(running, settings, viewer)
    if key is None:
        _serve(settings, viewer, no_open=no_open)
    else:
        _show(running, key, no_open=no_open)


def _serve(settings: Settings, viewer: Viewer, *, no_open: bool) -> None:
    from workflow_mcp.transports.http.board import serve_board

    def show(address: str, key: str) -> None:
        print(f"the board of {visible(viewer.project_name or '')} is served until Ctrl+C", file=sys.stderr, flush=True)
        _show(address, key, no_open=no_open)

    serve_board(settings, viewer, show)


def _show(url: str, key: str, *, no_open: bool) -> None:
    """Open the board in a browser; where there is none, or none is wanted, print its address."""
    base = _base(url)
    if no_open or not webbrowser.open(f"{base}#key={key}"):
        print_text(f"{base}#key={key}")
    else:
        print_text(f"opened {base}")
    flush()


async def _viewer(settings: Settings, directory: str, *, only: bool) -> Viewer:
    """Who looks at the board of a directory's project.

    Raises:
        ProjectError: `NO_PROJECT`.
    """
    async with open_local(settings) as local:
        location = await local.locator.locate(directory, "option")
    project, path = location.project, location.directory.path
    if project is None or project.id is None:
        what = f"{path} is in no project that has an id."
        raise ProjectError(Code.NO_PROJECT, what, "run `workflow-mcp init` to make it one.")
    name = (await find_user(path)).name
    return Viewer(name, project=project.id, project_name=project.name, directory=path, only=only)


def _key_if_served(url: str, settings: Settings, viewer: Viewer) -> str | None:
    """A key from the server on this machine; None where none runs that has this project and takes our token."""
    try:
        return _key(url, settings, viewer, is_local=True)
    except WorkflowError:
        return None


def _key(url: str, settings: Settings, viewer: Viewer, *, is_local: bool) -> str:
    """A key from a running server.

    Raises:
        WorkflowError: `SERVER_UNREACHABLE`, or what the server answers.
    """
    fields: dict[str, Any] = {name: value for name, value in asdict(viewer).items() if name not in TOKEN_S}
    if is_local:
        fields["data_dir"] = str(settings.data_dir)
    else:
        del fields["directory"]  # a path of this machine says nothing on another one
    answer = _posted(url, fields, settings, is_local=is_local)
    if "error" in answer:
        error = answer["error"]
        raise WorkflowError(error["code"], error["message"], error["next_step"])
    return str(answer["key"])


def _posted(url: str, fields: dict[str, Any], settings: Settings, *, is_local: bool) -> dict[str, Any]:
    import httpx2

    token = settings.token
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with httpx2.Client(timeout=ANSWER_SECONDS, trust_env=not is_local) as client:
            answer = client.post(f"{_base(url)}api/key", json=fields, headers=headers).json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise _unreachable(url, str(error)) from error
    if not isinstance(answer, dict) or not answer.keys() & {"key", "error"}:
        raise _unreachable(url, "its answer is none of a board")
    return answer


def _unreachable(url: str, why: str) -> UsageError:
    return UsageError(
        Code.SERVER_UNREACHABLE,
        f"{shown(url)} gives no board: {why}.",
        "pass --url the address that `workflow-mcp serve --http` printed.",
    )


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/board/"
