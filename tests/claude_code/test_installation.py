"""What Claude Code has of us is read right from its files, and the doctor and `plugin install` go by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients import processes
from tests.clients.claude_code import NEEDS_CLAUDE_CODE, ClaudeCode
from tests.clients.stdio import environment
from workflow_mcp.claude_code.installation import ClaudeCodeFiles, Registration
from workflow_mcp.claude_code.plugin_folder import FOLDER

ID = "workflow@workflow-mcp"
OURS = {"command": "workflow-mcp"}


def write(path: Path, value: Any) -> None:
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def files(home: Path, directory: Path | None = None) -> ClaudeCodeFiles:
    """What Claude Code has in a home, as it counts in a directory."""
    return ClaudeCodeFiles(home / ".claude", home / ".claude.json", directory or home)


def install(home: Path, version: str, server: dict[str, Any] = OURS, *, enabled: bool = True) -> Path:
    """A copy of a plugin named `workflow` in Claude Code's cache; its folder."""
    folder = home / ".claude" / "plugins" / "cache" / version
    write(folder / ".claude-plugin" / "plugin.json", {"name": "workflow", "version": version})
    write(folder / ".mcp.json", {"mcpServers": {"workflow": server}})
    entry = {"scope": "user", "installPath": str(folder), "version": version}
    write(home / ".claude" / "plugins" / "installed_plugins.json", {"version": 2, "plugins": {ID: [entry]}})
    write(home / ".claude" / "settings.json", {"enabledPlugins": {ID: enabled}})
    return folder


def doctor(home: Path, directory: Path) -> dict[str, list[tuple[str, str]]]:
    """The doctor's steps by name, as a process prints them."""
    done = processes.run(["doctor", str(directory), "--json"], cwd=home, env=environment(home))
    steps: dict[str, list[tuple[str, str]]] = {}
    for step in json.loads(done.stdout)["steps"]:
        steps.setdefault(step["step"], []).append((step["verdict"], step["detail"]))
    return steps


def test_no_claude_code(tmp_path: Path) -> None:
    """Where it never ran there is nothing, and nothing is made."""
    assert (files(tmp_path).plugins(), files(tmp_path).registrations()) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_the_folder_that_is_really_used(tmp_path: Path) -> None:
    """A copy, but the marketplace's own folder where that is one on this machine."""
    copy = install(tmp_path, "0.0.1")
    [plugin] = files(tmp_path).plugins()
    assert (plugin.id, plugin.folder, plugin.version) == (ID, str(copy), "0.0.1")
    source = {"source": "directory", "path": FOLDER}
    write(tmp_path / ".claude" / "plugins" / "known_marketplaces.json", {"workflow-mcp": {"source": source}})
    [plugin] = files(tmp_path).plugins()
    assert plugin.folder == FOLDER
    assert plugin.version != "0.0.1"


def test_plugins_that_are_not_ours_or_not_on(tmp_path: Path) -> None:
    """Another's of the same name runs another server; one that is disabled runs none, here or everywhere."""
    install(tmp_path, "1.0.0", {"command": "other"})
    assert files(tmp_path).plugins() == []
    install(tmp_path, "1.0.0", enabled=False)
    assert files(tmp_path).plugins() == []
    install(tmp_path, "1.0.0")
    write(tmp_path / "repo" / ".claude" / "settings.local.json", {"enabledPlugins": {ID: False}})
    assert files(tmp_path, tmp_path / "repo" / "src").plugins() == []
    assert len(files(tmp_path).plugins()) == 1


def test_registrations_of_every_scope(tmp_path: Path) -> None:
    """The user's, those of this directory's repository and its own file; none of another directory or program."""
    repo = tmp_path / "repo"
    python = {"command": "/usr/bin/python3", "args": ["-m", "workflow_mcp"]}
    projects = {str(repo): {"mcpServers": {"mine": python}}, "/elsewhere": {"mcpServers": {"workflow": OURS}}}
    over_http = {"type": "http", "url": "http://127.0.0.1:8765/mcp"}
    write(
        tmp_path / ".claude.json", {"mcpServers": {"workflow": over_http, "x": {"command": "x"}}, "projects": projects}
    )
    write(repo / ".mcp.json", {"mcpServers": {"tool": {"command": "C:/bin/workflow-mcp.exe", "args": None}}})
    state = str(tmp_path / ".claude.json")
    assert sorted(files(tmp_path, repo / "src").registrations(), key=str) == [
        Registration("mine", "local", state),
        Registration("tool", "project", str(repo / ".mcp.json")),
        Registration("workflow", "user", state),
    ]


def test_the_doctor_says_what_does_not_fit(tmp_path: Path) -> None:
    """A plugin of another version, and a server beside the plugin's; alone that server is well."""
    write(tmp_path / ".claude.json", {"mcpServers": {"workflow": OURS}})
    steps = doctor(tmp_path, tmp_path)
    assert [verdict for verdict, _ in steps["Claude Code plugin"]] == ["none"]
    assert [verdict for verdict, _ in steps["Claude Code server"]] == ["ok"]
    folder = install(tmp_path, "0.0.1")
    steps = doctor(tmp_path, tmp_path)
    [(of_version, version)], [(of_server, server)] = steps["Claude Code plugin"], steps["Claude Code server"]
    assert (of_version, of_server) == ("problem", "problem")
    assert "0.0.1" in version
    assert str(folder) in version
    assert "every tool is there twice" in server
    (tmp_path / ".claude.json").write_text("{")
    assert [verdict for verdict, _ in doctor(tmp_path, tmp_path)["Claude Code"]] == ["ignored"]


def plugin_command(home: Path, path: str, *arguments: str) -> str:
    """What `workflow-mcp plugin …` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "workflow_mcp", "plugin", *arguments],
        env={**environment(home), "PATH": path}, capture_output=True, encoding="utf-8", timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    return done.stdout


def test_without_claude_the_commands_are_printed(tmp_path: Path) -> None:
    """`plugin path` names a folder with the plugin in it, and `plugin install` what to type."""
    folder = plugin_command(tmp_path, os.defpath, "path").strip()
    assert (Path(folder) / ".claude-plugin" / "plugin.json").is_file()
    assert plugin_command(tmp_path, str(tmp_path), "install").splitlines() == [
        f"claude plugin marketplace add {folder}",
        f"claude plugin install {ID}",
    ]


@NEEDS_CLAUDE_CODE[0]
@pytest.mark.timeout(400)
def test_installing_it_into_the_real_claude_code(claude: ClaudeCode, tmp_path: Path) -> None:
    """Once or twice, it is there afterwards, of our version; a server that is added beside it is found."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "claude").symlink_to(claude.binary)
    for _ in range(2):
        plugin_command(claude.home, f"{programs}:/usr/bin:/bin", "install")
    assert doctor(claude.home, tmp_path)["Claude Code plugin"][0][0] == "ok"
    assert "Claude Code server" not in doctor(claude.home, tmp_path)
    command = [str(programs / "claude"), "mcp", "add", "--scope", "user", "workflow", "--", "workflow-mcp"]
    env = {"HOME": str(claude.home), "PATH": os.defpath}
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=150)
    assert doctor(claude.home, tmp_path)["Claude Code server"][0][0] == "problem"
