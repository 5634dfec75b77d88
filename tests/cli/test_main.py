"""The command line, as a user runs it."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from cyclopts import App
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from tests.clients import processes
from tests.clients.agents import assert_one_line
from tests.clients.stdio import environment
from tests.support import PROJECT_ID, config_text, posix_only, write_config
from tests.workspace.test_worktrees import add_worktree
from workflow_mcp import __version__
from workflow_mcp.cli.main import app

COMMANDS = (
    "completion",
    "serve",
    "init",
    "doctor",
    "schema",
    "join",
    "backup",
    "board",
    "restore",
    "projects",
    "projects list",
    "projects rename",
    "projects archive",
    "projects delete",
    "projects restore",
    "members",
    "members list",
    "members add",
    "members remove",
    "list",
    "ready",
    "show",
    "tree",
    "log",
    "watch",
    "use",
    "add",
    "claim",
    "done",
    "note",
    "release",
    "update",
    "link",
    "delete",
    "export",
    "import",
    "hook",
    "statusline",
)


def run(home: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """One command, in a clean environment; nothing of it may be a traceback."""
    done = processes.run(arguments, cwd=cwd or home, env=environment(home, **variables))
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_version(tmp_path: Path) -> None:
    """`--version` prints the version and nothing else."""
    done = run(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_the_console_script(tmp_path: Path) -> None:
    """The installed `workflow-mcp` is the same program."""
    script = Path(sys.executable).with_name("workflow-mcp.exe" if os.name == "nt" else "workflow-mcp")
    done = subprocess.run([script, "--version"], env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert done.stdout == f"{__version__}\n"


def test_help(tmp_path: Path) -> None:
    """`--help` says what every command does, not only what it is called."""
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    listed = dict(re.findall(r"^│ ([a-z]+) +(.*?) *│$", done.stdout, re.MULTILINE))
    assert set(listed) == {*(command.split()[0] for command in COMMANDS), "database", "plugin"}
    assert [command for command, said in listed.items() if not said] == []


def commands_of(own: App) -> Iterator[tuple[str, App]]:
    """All commands, those of groups of commands too."""
    for name in own:
        if not name.startswith("-"):
            yield name, own[name]
            yield from commands_of(own[name])


@pytest.mark.parametrize("own", [pytest.param(own, id=name) for name, own in commands_of(app)])
def test_help_of_a_command(own: App) -> None:
    """Each command's help is its own documentation, and every argument and option of it has a help text."""
    assert own.help
    if own.default_command is None:
        return
    assert inspect.cleandoc(own.help) == inspect.getdoc(own.default_command)
    explained = [argument for argument in own.assemble_argument_collection() if argument.names != ("*",)]
    assert [argument.names for argument in explained if not argument.parameter.help] == []


@pytest.mark.parametrize("arguments", [["bogus"], ["--bogus"], ["serve", "--bogus"], ["init", "a", "b", "c"]])
def test_unknown_commands(tmp_path: Path, arguments: list[str]) -> None:
    """What is not a command fails, with one line on stderr and nothing on stdout."""
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr.strip())
    assert list(tmp_path.iterdir()) == []


@posix_only
def test_completion(tmp_path: Path) -> None:
    """Bash completes commands and options with what the command prints."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not there")
    script = json.loads(run(tmp_path, "completion", "bash", "--json").stdout)["script"]
    assert run(tmp_path, "completion", "bash").stdout == f"{script}\n"
    asked = 'COMP_WORDS=(workflow-mcp {}); COMP_CWORD={}; _workflow_mcp; echo "${{COMPREPLY[@]}}"\n'
    lines = script + asked.format("cla", 1) + asked.format("done --evi", 2)
    done = subprocess.run([bash], input=lines, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert done.stdout.split() == ["claim", "--evidence"]


def test_init_twice(tmp_path: Path) -> None:
    """`init` makes a project with a new id; a second time it changes nothing and says so."""
    folder = tmp_path / "my project"
    folder.mkdir()
    first = run(tmp_path, "init", "my project")
    path = folder / ".workflow-mcp" / "config.json"
    made = path.read_bytes()
    assert first.returncode == 0
    assert str(path) in first.stdout
    config = json.loads(made)
    assert config["project"]["name"] == "my project"
    UUID(config["project"]["id"])
    again = run(tmp_path, "init", cwd=folder)
    assert (again.returncode, path.read_bytes()) == (0, made)
    assert "nothing was changed" in again.stdout


def test_init_takes_a_name(tmp_path: Path) -> None:
    """`--name` names the project; one that does not fit is refused with code 2, and nothing is written."""
    folder = tmp_path / "p"
    folder.mkdir()
    refused = run(tmp_path, "init", "p", "--name", "a\nb")
    assert (refused.returncode, refused.stdout, list(folder.iterdir())) == (2, "", [])
    assert refused.stderr.startswith("NAME_INVALID: ")
    assert run(tmp_path, "init", "p", "--name", "Käse [bold]").returncode == 0
    config = json.loads((folder / ".workflow-mcp" / "config.json").read_text(encoding="utf-8"))
    assert config["project"]["name"] == "Käse [bold]"


def test_init_in_a_worktree(tmp_path: Path) -> None:
    """`init` in a git worktree joins the project of the main checkout, and says so."""
    (tmp_path / "main" / ".git").mkdir(parents=True)
    write_config(tmp_path / "main", config_text("shop"))
    tree = add_worktree(tmp_path / "main", tmp_path / "tree")
    done = run(tmp_path, "init", cwd=tree)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"It is the project of the main checkout {tmp_path / 'main'}" in done.stdout
    config = json.loads((tree / ".workflow-mcp" / "config.json").read_text())
    assert config["project"] == {"name": "shop", "id": PROJECT_ID}


def test_init_of_nothing(tmp_path: Path) -> None:
    """`init` of a directory that is not there is one line on stderr and code 2."""
    done = run(tmp_path, "init", "gone")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("DIRECTORY_NOT_FOUND: ")
    assert done.stderr.count("\n") == 1


def test_doctor_of_a_healthy_project(tmp_path: Path) -> None:
    """`doctor` exits with 0, shows the config and the project, and says the same as JSON."""
    folder = tmp_path / "p"
    folder.mkdir()
    run(tmp_path, "init", "p")
    done = run(tmp_path, "doctor", "p")
    assert done.returncode == 0
    assert str(folder / ".workflow-mcp" / "config.json") in done.stdout
    as_json = run(tmp_path, "doctor", "--json", cwd=folder)
    report = json.loads(as_json.stdout)
    assert (as_json.returncode, report["healthy"]) == (0, True)
    assert {step["verdict"] for step in report["steps"]} <= {"ok", "none", "ignored"}
    steps = {step["step"] for step in report["steps"]}
    assert steps >= {"version", "data directory", "directory", "config", "project"}


def test_doctor_of_a_broken_project(tmp_path: Path) -> None:
    """`doctor` exits with 1, and names the file, the line and what is wrong; it changes nothing."""
    path = tmp_path / "p" / ".workflow-mcp" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"project":\n {}')
    done = run(tmp_path, "doctor", "p")
    assert done.returncode == 1
    assert f"{path}: line 2" in done.stdout
    as_json = run(tmp_path, "doctor", "p", "--json")
    report = json.loads(as_json.stdout)
    assert (as_json.returncode, report["healthy"]) == (1, False)
    (problem,) = [step for step in report["steps"] if step["verdict"] == "problem"]
    assert (problem["step"], problem["detail"].partition(":")[0]) == ("config", "CONFIG_INVALID")
    assert path.read_text() == '{"project":\n {}'


def test_doctor_of_nothing(tmp_path: Path) -> None:
    """`doctor` of a directory that is not there has a problem, not a crash."""
    done = run(tmp_path, "doctor", "gone", "--json")
    assert done.returncode == 1
    assert "DIRECTORY_NOT_FOUND" in done.stdout


def test_schema(tmp_path: Path) -> None:
    """`schema` prints a valid JSON Schema that takes what `init` writes."""
    done = run(tmp_path, "schema")
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    (tmp_path / "p").mkdir()
    run(tmp_path, "init", "p")
    made = json.loads((tmp_path / "p" / ".workflow-mcp" / "config.json").read_text())
    Draft202012Validator(schema).validate(made)
    assert not Draft202012Validator(schema).is_valid({"project": {}})


BAD_SETTINGS = [("MAX_SESSIONS", "0"), ("LOG_LEVEL", "LOUD"), ("ALLOWED_ROOTS", "relative"), ("FILE_TIMEOUT", "nan")]


def assert_refused(done: subprocess.CompletedProcess[str], variable: str, value: str) -> None:
    """The setting is refused in one line on stderr that names it and its value, with exit code 2."""
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"SETTING_INVALID: WORKFLOW_MCP_{variable}=")
    assert value in done.stderr
    assert "Next: " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("variable", "value"), BAD_SETTINGS)
def test_bad_settings(tmp_path: Path, variable: str, value: str) -> None:
    """A setting that does not fit is one line on stderr that names it and its value, and exit code 2."""
    assert_refused(run(tmp_path, "doctor", cwd=None, **{f"WORKFLOW_MCP_{variable}": value}), variable, value)


@pytest.mark.parametrize("arguments", [[], ["serve"]], ids=["bare", "serve"])
def test_bad_settings_of_a_server(tmp_path: Path, arguments: list[str]) -> None:
    """A server refuses to start with them, before its first answer."""
    assert_refused(run(tmp_path, *arguments, WORKFLOW_MCP_MAX_SESSIONS="abc"), "MAX_SESSIONS", "abc")
