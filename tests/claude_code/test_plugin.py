"""The plugin's folder: complete, of the package's version, in the wheel, and right in the eyes of Claude Code."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import workflow_mcp
from tests.clients.claude_code import NEEDS_CLAUDE_CODE, ClaudeCode
from workflow_mcp.server import catalog
from workflow_mcp.settings import Settings

TOP = Path(__file__).parent.parent.parent
PLUGIN = Path(str(workflow_mcp.__file__)).parent / "claude_code" / "plugin"

TOOLS = {function.__name__ for function, *_ in catalog.TOOLS}
MAX_SKILL_BYTES = 3_000


def read(name: str) -> dict[str, Any]:
    """A JSON file of the plugin."""
    value: dict[str, Any] = json.loads((PLUGIN / name).read_text(encoding="utf-8"))
    return value


def test_its_version_is_the_package_s() -> None:
    """The manifest is where the version stands; the build reads it there, and the portable manifest says the same."""
    build = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    assert build["tool"]["hatch"]["version"]["path"] == str((PLUGIN / ".claude-plugin/plugin.json").relative_to(TOP))
    manifest = read(".claude-plugin/plugin.json")
    assert manifest["version"] == version("workflow-mcp")
    shared = ("name", "version", "description", "author", "license", "keywords")
    assert {name: manifest[name] for name in shared} == {name: read("plugin.json")[name] for name in shared}


def test_the_folder_is_a_marketplace_that_offers_itself() -> None:
    """Adding the folder as a marketplace offers exactly the plugin that it is."""
    [offered] = read(".claude-plugin/marketplace.json")["plugins"]
    assert (offered["name"], offered["source"]) == (read(".claude-plugin/plugin.json")["name"], "./")


def test_both_kinds_of_client_start_the_same_server() -> None:
    """A bare `workflow-mcp`; the hooks' tools are asked for, and the options passed on, only where there are hooks."""
    claude_code, portable = (read(name)["mcpServers"]["workflow"] for name in (".mcp.json", "mcp.json"))
    options = read(".claude-plugin/plugin.json")["userConfig"]
    passed = {f"WORKFLOW_MCP_HOOK_{name.upper()}": f"${{user_config.{name}}}" for name in options}
    assert claude_code == {"command": "workflow-mcp", "env": {"WORKFLOW_MCP_HOOK_TOOL": "1", **passed}}
    assert portable == {"type": "stdio", "command": "workflow-mcp"}


def test_the_options_are_off_until_somebody_wants_them() -> None:
    """Each is one of the server's settings, and off by default there too."""
    for name, option in read(".claude-plugin/plugin.json")["userConfig"].items():
        assert (option["type"], option["default"]) == ("boolean", False)
        assert getattr(Settings(), f"hook_{name}") is False


def test_the_hooks_call_tools_that_there_are() -> None:
    """With arguments that they take; and none stands on an event where a hook would do harm."""
    hooks = read("hooks/hooks.json")["hooks"]
    assert not {"SubagentStop", "SessionEnd", "WorktreeCreate"} & set(hooks)
    tools = {function.__name__: inspect.signature(function).parameters for function in catalog.HOOK_TOOLS}
    for event, groups in hooks.items():
        for hook in [hook for group in groups for hook in group["hooks"]]:
            if hook["type"] == "command":
                assert (event, hook["command"]) == ("SessionStart", "workflow-mcp hook")
                continue
            assert hook["server"] == "plugin:workflow:workflow"
            assert set(hook["input"]) == set(tools[hook["tool"]]) - {"context"}
            assert hook["input"].get("event", event) == event


def test_it_is_an_agent_plugins_package() -> None:
    """What other clients read is closed: nothing stands there but what Agent Plugins 1.0.0 (5.2, 7.2) allows."""
    manifest, servers = read("plugin.json"), read("mcp.json")
    base = "https://agent-plugins.org/schemas/1.0.0"
    assert (manifest.pop("$schema"), servers.pop("$schema")) == (
        f"{base}/plugin.schema.json",
        f"{base}/mcp.schema.json",
    )
    assert set(manifest) <= {"name", "version", "description", "author", "license", "keywords"}
    assert set(manifest["author"]) <= {"name", "email", "url"}
    assert set(servers) == {"mcpServers"}
    assert all(set(server) <= {"type", "command", "args", "env", "cwd"} for server in servers["mcpServers"].values())


def test_the_skill_is_short_and_called_after_its_folder() -> None:
    """One skill, at most 3 kB; Agent Skills wants its name to be the folder's. It names tools that there are."""
    [skill] = (PLUGIN / "skills").iterdir()
    text = (skill / "SKILL.md").read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_SKILL_BYTES
    assert f"\nname: {skill.name}\n" in text
    assert set(re.findall(r"\b[a-z]+_(?:work_items?|project)\b", text)) <= TOOLS


def test_the_commands_may_call_what_they_name() -> None:
    """Three commands; each may call the tools that it names without asking, and names only tools that there are."""
    commands = {path.stem: path.read_text(encoding="utf-8") for path in (PLUGIN / "commands").iterdir()}
    assert set(commands) == {"next", "plan", "status"}
    for text in commands.values():
        allowed = set(re.findall(r"mcp__plugin_workflow_workflow__(\w+)", text))
        body = text.split("---\n")[2]
        assert set(re.findall(r"\b[a-z]+_(?:work_items?|project)\b", body)) <= allowed <= TOOLS


def test_the_license_is_the_package_s() -> None:
    """A copy, because a plugin is installed without what is around its folder."""
    assert (PLUGIN / "LICENSE").read_bytes() == (TOP / "LICENSE").read_bytes()


def test_the_wheel_has_every_file_of_it(tmp_path: Path) -> None:
    """What is installed is what is here, the board's page and the files in folders that begin with a dot too."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH")
    build = [uv, "build", "--wheel", "--quiet", "--python", sys.executable, "--out-dir", str(tmp_path), str(TOP)]
    for command in ([*build, "--offline"], build):
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode == 0:
            break
    else:
        assert "resolve requirements" in done.stderr, done
        pytest.skip(f"uv has no hatchling here and cannot get it: {done.stderr}")
    [wheel] = tmp_path.glob("*.whl")
    package = PLUGIN.parent.parent
    data = [*PLUGIN.rglob("*"), *(package / "board" / "static").iterdir()]
    files = {path.relative_to(package.parent).as_posix() for path in data if path.is_file()}
    assert len(files) > 20
    assert files <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("of", [".", ".claude-plugin/plugin.json"])
@NEEDS_CLAUDE_CODE[0]
def test_claude_code_finds_no_fault_with_it(claude: ClaudeCode, tmp_path: Path, of: str) -> None:
    """`claude plugin validate` passes, strictly and by the rules of the plugin directory, where it stands alone."""
    folder = shutil.copytree(PLUGIN, tmp_path / "workflow")
    command = [claude.binary, "plugin", "validate", "--strict", "--profile", "directory", "--json", str(folder / of)]
    env = {"HOME": str(claude.home), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout
