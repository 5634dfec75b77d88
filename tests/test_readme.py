"""What the README shows is so: its commands are run here, its answers are compared, its tables are complete."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.clients import processes
from tests.clients.agents import agent_on, make_project
from tests.clients.claude_code import NEEDS_CLAUDE_CODE, ClaudeCode
from tests.clients.peers import in_memory
from tests.clients.protocol import ERAS
from tests.clients.served import serving
from tests.clients.shell import Shell
from tests.clients.stdio import Wire, environment
from tests.support import write_config
from workflow_mcp.cli.main import ITEM_COMMANDS, app
from workflow_mcp.errors import Code
from workflow_mcp.settings import PREFIX, Settings, variable_of
from workflow_mcp.work.importers.values import FORMATS
from workflow_mcp.workspace.config import parse_config

TOP = Path(__file__).parent.parent
PACKAGE = TOP / "workflow_mcp"
README = (TOP / "README.md").read_text(encoding="utf-8")
SHOWN_FOLDER = "/home/ana/shop"
SAMPLES = TOP / "tests" / "work" / "importers" / "samples"


def section(title: str) -> str:
    """The text below a heading."""
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def fences(text: str, language: str = "") -> list[str]:
    """The fenced blocks of a language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for named, block in blocks if named == language]


def rows(title: str) -> list[str]:
    """The first cells of the table in a section."""
    return re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)


def run(home: Path, cwd: Path, *arguments: str) -> str:
    """The stdout of `workflow-mcp` with these arguments, which succeeds."""
    done = processes.run(arguments, cwd=cwd, env=environment(home))
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_it_opens_with_the_two_commands_for_a_fresh_machine() -> None:
    """Main job first, then the tests, by commands that need only Python and pip."""
    commands = re.findall(r"^pip install uv && (.*)$", README, re.MULTILINE)
    assert commands == ["uv run examples/two_sessions.py", "uv run pytest"]
    assert (TOP / commands[0].split()[-1]).is_file()


def test_every_other_command_is_run_below() -> None:
    """A command that is added to a fenced block needs a test of its own."""
    commands = [
        line for block in fences(README) for line in block.splitlines() if not line.startswith("pip install uv")
    ]
    assert {" ".join(command.split()[:3]) for command in commands} == {
        "uv tool install",  # test_installing_it
        "claude mcp add",  # test_adding_it_to_claude_code
        "workflow-mcp plugin install",  # tests/claude_code/test_installation.py
        "workflow-mcp serve --http",  # test_serving
        "git clone REPOSITORY",  # how this got here
        "uv run pytest",  # this
        ".ci/run",  # what runs this
    }


def test_the_conversation(tmp_path: Path) -> None:
    """The calls of the sample conversation, made by a client like Claude Code, are answered as it shows."""
    folder = tmp_path / "shop"
    (folder / ".git").mkdir(parents=True)
    [conversation] = fences(section("What it is like"), "text")
    calls = re.findall(r"^● (\w+) (\{.*?\})\n  ⎿ (.*?)\n(?=●|\n|\Z)", conversation, re.MULTILINE | re.DOTALL)
    assert len(calls) == conversation.count("●")
    with Wire(folder, environment(tmp_path), roots=lambda: [folder.as_uri()], anew=True) as wire:
        wire.open()
        for tool, arguments, shown in calls:
            answer = wire.call(tool, **json.loads(arguments))
            given = answer.data.get("message", answer.text).replace(str(folder), SHOWN_FOLDER)
            assert given.split() == shown.split(), f"{tool} answers:\n{given}"


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has every command of `--help`, and each is run as it is shown, with all that stands in brackets."""
    shown = [cell.strip("`").replace("[", "").replace("]", "").split()[1:] for cell in rows("Command line")]
    assert {words[0] for words in shown if words} == {name for name in app if not name.startswith("-")} | {"serve"}
    folder, empty, exported = make_project(tmp_path, "shop"), tmp_path / "empty", tmp_path / "exported.jsonl"
    empty.mkdir()
    shell = Shell(tmp_path, folder, monkeypatch, capsys)
    shell.told("add", "Build the API")
    exported.write_text(shell.told("export"), encoding="utf-8")
    meant = {"DIR": str(empty), "N": "other", "VIEW": "all", "ID": "1", "FILE": str(exported)}
    meant |= {"FORMAT": "beads", "PATH": str(SAMPLES / "beads-1.0.5")}
    meant |= {"TITLE": "Build the form", "TEXT": "half done", "OTHER": "2", "FORM": "markdown"}
    meant |= {"FOLDER": str(empty), "NEW": str(tmp_path / "new.db"), "BACKUP": str(tmp_path / "new.db")}
    meant |= {"PROJECT": "shop", "NAME": "shop", "SECONDS": "1"}
    for words in shown:
        # They end when they are stopped, or need a database, see tests/cli/test_database.py.
        if words and words[0] not in ("serve", "watch", "board", "database"):
            arguments = [meant.get(word, word) for word in words]
            said = shell.told(*arguments) if words[0] in ITEM_COMMANDS else run(tmp_path, folder, *arguments)
            assert said, words


def test_bringing_work_in(tmp_path: Path) -> None:
    """The import that is shown, made of the sample that it shows; the formats are all there are."""
    folder = make_project(tmp_path, "shop")
    shutil.copytree(SAMPLES / "beads-1.0.5" / ".beads", folder / ".beads")
    [shown] = fences(section("Bring your work in"), "text")
    command, _, answer = shown.partition("\n")
    assert run(tmp_path, folder, *command.removeprefix("$ workflow-mcp ").split()) == answer
    assert [cell.strip("`") for cell in rows("Bring your work in") if "--from" not in cell] == list(FORMATS)


@pytest.mark.parametrize("named", ["Command line", "Members"])
def test_the_session_in_a_shell(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command of a session prints what is shown below it."""
    shell = Shell(tmp_path, make_project(tmp_path, "shop"), monkeypatch, capsys)
    [session] = fences(section(named), "text")
    for step in session.removeprefix("$ ").split("\n$ "):
        command, _, shown = step.partition("\n")
        assert shell.told(*shlex.split(command)[1:]).strip() == shown.strip(), command


async def test_the_options_of_the_item_commands(tmp_path: Path) -> None:
    """Each command takes the options that the README says it takes."""
    folder = make_project(tmp_path, "shop")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("Build the API", labels=["web"])
    where = ["--directory", str(folder)]
    for command in ("list", "ready"):
        narrowed = ["--label", "web", "--text", "API", "--limit", "5", "--json"]
        [item] = json.loads(run(tmp_path, tmp_path, command, *narrowed, *where))
        assert item["title"] == "Build the API"
    assert json.loads(run(tmp_path, tmp_path, "show", "1", "--json", *where))["item"]["title"] == "Build the API"
    exported = tmp_path / "exported.jsonl"
    exported.write_text(run(tmp_path, tmp_path, "export", *where), encoding="utf-8")
    assert "1 items imported" in run(tmp_path, tmp_path, "import", str(exported), *where)
    assert "--limit" in run(tmp_path, tmp_path, "ready", "--help")


def test_serving(tmp_path: Path) -> None:
    """`workflow-mcp` and `serve --http` serve with the options that the table gives them."""
    with Wire(tmp_path, environment(tmp_path), command=["-m", "workflow_mcp", "--directory", str(tmp_path)]) as wire:
        wire.open()
        assert wire.call("get_working_directory").data["directory"] == str(tmp_path)
    with serving(tmp_path, "--host", "127.0.0.1", "--port", "0", "--path", "/here") as served:
        assert served.url.endswith("/here")


def test_installing_it(tmp_path: Path) -> None:
    """`uv tool install .` gives a `workflow-mcp` that runs outside of this clone."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH")
    env = {**environment(tmp_path), "PATH": os.environ["PATH"], "UV_TOOL_DIR": str(tmp_path / "tools")}
    env |= {"UV_TOOL_BIN_DIR": str(tmp_path / "bin"), "UV_PYTHON": sys.executable, "UV_CACHE_DIR": cache_of(uv)}
    env |= {name: os.environ[name] for name in os.environ if name.startswith(("SSL_CERT_", "UV_INDEX", "UV_DEFAULT"))}
    for offline in ("--offline", "--quiet"):
        command = [uv, "tool", "install", offline, "."]
        done = subprocess.run(command, cwd=TOP, env=env, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode == 0:
            break
    else:
        pytest.skip(f"uv has no packages here and cannot get any: {done.stderr}")
    script = shutil.which("workflow-mcp", path=tmp_path / "bin")
    assert script is not None
    assert subprocess.run([script, "schema"], cwd=tmp_path, env=environment(tmp_path), check=False).returncode == 0


def cache_of(uv: str) -> str:
    """Where uv keeps what it has downloaded."""
    return subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("line", [line for line in README.splitlines() if line.startswith("claude mcp add")])
@NEEDS_CLAUDE_CODE[0]
def test_adding_it_to_claude_code(claude: ClaudeCode, line: str) -> None:
    """Claude Code takes the commands that make the server known to it."""
    env = {"HOME": str(claude.home), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = line.replace("claude", f"'{claude.binary}'", 1)
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, "workflow" in done.stdout) == (0, True), done
    assert "workflow" in json.loads((claude.home / ".claude.json").read_text())["mcpServers"]


async def test_the_server_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host in the README runs as it stands there, in both eras, with its own tool and ours."""
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))
    [source] = fences(section("In your own server"), "python")
    made: dict[str, Any] = {"__name__": "mine"}
    exec(compile(source, "README.md", "exec"), made)
    for era in ERAS:
        async with in_memory(made["host"], era) as peer:
            await peer.call("set_working_directory", directory=str(tmp_path))
            assert (await peer.call("where")).text == f"{tmp_path} (session)"
            assert {"where", "list_work_items"} <= {tool["name"] for tool in await peer.tools()}


def test_the_config_is_a_config(tmp_path: Path) -> None:
    """The JSON that is shown is what a project's config may be."""
    [text] = fences(README, "json")
    assert parse_config("README.md", text.encode()).project.name == "codebase-mcp"
    write_config(tmp_path, text)
    assert "codebase-mcp" in run(tmp_path / "home", tmp_path, "doctor")


def test_every_error_code_has_its_cure() -> None:
    """No code can reach a client that the README does not explain, and it explains none that is gone."""
    assert set(re.findall(r"`([A-Z_]+)`", "".join(rows("Errors")))) == set(Code)


def test_every_error_code_is_raised_somewhere() -> None:
    """The enumeration has no code that is gone."""
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert [code for code in Code if f"Code.{code.name}" not in source] == []


def test_every_setting_is_there() -> None:
    """The settings table is complete, and names none that is gone."""
    own = {variable for one in fields(Settings) if (variable := variable_of(one) or "").startswith(PREFIX)}
    assert {f"{PREFIX}{name}" for name in re.findall(r"`([A-Z_]+)`", "".join(rows("Settings")))} == own


async def test_every_tool_is_there(tmp_path: Path) -> None:
    """The table of tools is complete, in the order in which they are listed."""
    async with agent_on(tmp_path, make_project(tmp_path, "shop")) as agent:
        assert re.findall(r"`(\w+)`", "".join(rows("Tools"))) == [tool["name"] for tool in await agent.peer.tools()]


def test_the_words_are_ten() -> None:
    """A glossary that can be read at once."""
    assert len(re.findall(r"^\| [a-z ]+ \| ", section("Words"), re.MULTILINE)) - 1 == 10
