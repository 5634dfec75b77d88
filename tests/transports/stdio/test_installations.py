"""Several versions of the server and one cache: none is served another's memo, and what is broken is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

import workflow_mcp
from tests.clients.memo import memo_for, put
from tests.clients.protocol import MODERN, Message
from tests.clients.stdio import Wire, environment
from tests.support import posix_only
from tests.transports.stdio.talks import LISTS
from tests.transports.stdio.test_opening import has_loaded, window, work_in

pytestmark = posix_only
METADATA = "Metadata-Version: 2.1\nName: workflow-mcp\nVersion: {}\n"


def install(folder: Path, version: str) -> dict[str, str]:
    """Copy the package there as this version; gives what a process that uses it has in its environment."""
    shutil.copytree(Path(str(workflow_mcp.__file__)).parent, folder / "workflow_mcp")
    told = folder / f"workflow_mcp-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(METADATA.format(version))
    return environment(folder.parent, WORKFLOW_MCP_LOG_LEVEL="INFO", PYTHONPATH=str(folder))


def start(env: Mapping[str, str]) -> Wire:
    """A window of the version in the environment."""
    return Wire(work_in(Path(env["HOME"])), env, MODERN, anew=True)


def version_in(discovered: Message) -> str:
    """The version that a server says it is."""
    told: str = discovered["_meta"]["io.modelcontextprotocol/serverInfo"]["version"]
    return told


def opened(env: Mapping[str, str]) -> tuple[str, bool]:
    """The version that a new window is told, and whether the server was loaded for it."""
    with start(env) as wire:
        told = version_in(wire.open())
        wire.end()
        return told, has_loaded(wire)


def test_two_versions_side_by_side(home: Path) -> None:
    """Each has a memo of its own in the one cache, also after the other has made or used one."""
    one, two = (install(home / version, version) for version in ("1.0", "2.0"))
    assert [opened(env) for env in (one, two)] == [("1.0", True), ("2.0", True)]
    assert [opened(env) for env in (one, two, one)] == [("1.0", False), ("2.0", False), ("1.0", False)]


def test_an_upgrade_under_a_running_window(home: Path, answers: dict[str, bytes]) -> None:
    """The window is served by the new version when it calls, and leaves its answers to neither."""
    env, installed = install(home / "installed", "1.0"), home / "installed"
    install(home / "new", "2.0")
    put(memo_for(work_in(home), env), answers, "fresh")
    with start(env) as wire:
        before = version_in(wire.open())
        installed.rename(home / "old")
        (home / "new").rename(installed)
        assert wire.call("health_check").data["version"] == "2.0" != before
        wire.wait_for_log("the memo had another answer to server/discover than this server; it is dropped")
        assert [wire.request(method)["cacheScope"] for method in LISTS] == ["private"] * len(LISTS)
        wire.end()
    assert "another version was installed since this window opened; it leaves no memo" in wire.log
    assert not list((home / ".cache").glob("*/*/*/*"))


@pytest.fixture
def library(home: Path) -> Path:
    """One module of another package, which the server imports, in a place of its own."""
    spec = find_spec("uncalled_for")
    assert spec is not None
    assert spec.origin is not None
    copied = shutil.copytree(Path(spec.origin).parent, home / "libraries" / "uncalled_for")
    return Path(copied, "__init__.py")


def test_an_installation_that_broke_after_its_memo_was_made(
    home: Path, answers: dict[str, bytes], library: Path
) -> None:
    """The first call ends the process, no window is told anything any more, and `workflow-mcp doctor` says why."""
    path = str(library.parent.parent)
    with window(home, answers, MODERN, PYTHONPATH=path) as wire:
        library.write_text("raise ImportError('half of it is gone')\n")
        wire.open()
        wire.send(wire.message("tools/call", {"name": "get_working_directory", "arguments": {}}))
        assert wire.ended() == 1
        assert "ImportError: half of it is gone" in wire.log
        assert wire.out.count(b"\n") == 1
    assert not memo_for(wire.cwd, wire.env).count()
    with Wire(wire.cwd, wire.env, anew=True) as again:
        again.send(again.message("server/discover"))
        assert again.ended() == 1
        assert again.out == b""
        assert "ImportError: half of it is gone" in again.log
    doctor = [sys.executable, "-m", "workflow_mcp", "doctor", "--json"]
    done = subprocess.run(doctor, cwd=wire.cwd, env=dict(wire.env), capture_output=True, check=False)
    assert done.returncode == 1
    assert "it does not load: ImportError: half of it is gone" in json.dumps(json.loads(done.stdout))
