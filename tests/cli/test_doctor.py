"""What `workflow-mcp doctor` tells, and that it tells the same as the resolver."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support import PROJECT_ID, config_text, make_settings, posix_only, unprivileged, write_config
from workflow_mcp.cli import start_steps
from workflow_mcp.cli.doctor import examine, is_healthy, report
from workflow_mcp.cli.steps import Step
from workflow_mcp.transports.stdio.memo import memo_of


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """The server is loaded here, so that no process is started to see whether it can be."""
    import_module(start_steps.SERVER)


def diagnosis(place: Path | str, base: Path, **settings: Any) -> list[Step]:
    """The steps for a directory."""
    return examine(str(place), make_settings(base, **settings))


def details(steps: list[Step], step: str) -> list[tuple[str, str]]:
    """Verdict and detail of every step of that name."""
    return [(found.verdict, found.detail) for found in steps if found.step == step]


def test_a_healthy_project(tmp_path: Path) -> None:
    """Every step is there, names its file, and none is a problem."""
    path = write_config(tmp_path)
    steps = diagnosis(tmp_path, tmp_path)
    assert is_healthy(steps)
    assert details(steps, "directory") == [("ok", str(tmp_path))]
    assert details(steps, "look for config") == [("ok", f"{path} is there")]
    assert details(steps, "project") == [("ok", f"codebase-mcp ({PROJECT_ID})")]
    assert [verdict for verdict, _ in details(steps, "version")] == ["ok"]


def test_how_the_server_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said whether there is byte code and a memo, how many answers that holds, and whether the server loads."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    memo = memo_of(os.environ)
    assert memo is not None
    steps = diagnosis(tmp_path, tmp_path)
    assert details(steps, "server") == [("ok", "it loads")]
    assert details(steps, "memo of openings") == [("none", f"{memo.folder} (made by the first window)")]
    memo.put({"a": b"", "b": b""})
    assert details(diagnosis(tmp_path, tmp_path), "memo of openings") == [("ok", f"{memo.folder}: 2 answers")]
    monkeypatch.setenv("WORKFLOW_MCP_MEMO", "off")
    monkeypatch.setattr(start_steps, "cache_from_source", lambda _origin: str(tmp_path / "gone"))
    monkeypatch.setitem(sys.modules, "workflow_mcp.server.build", None)
    steps = diagnosis(tmp_path, tmp_path)
    assert [verdict for verdict, _ in details(steps, "memo of openings")] == ["ignored"]
    [(verdict, missing)] = details(steps, "byte code")
    assert verdict == "none"
    assert missing.startswith("missing for workflow_mcp, fastmcp, mcp, mcp_types, pydantic: ")
    [(verdict, detail)] = details(steps, "server")
    assert verdict == "problem"
    assert detail.startswith("it does not load: ModuleNotFoundError: ")


def test_each_folder_that_was_looked_into_is_named(tmp_path: Path) -> None:
    """The walk is shown from the directory up to the config it found."""
    path = write_config(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    walk = details(diagnosis(tmp_path / "a" / "b", tmp_path), "look for config")
    assert [verdict for verdict, _ in walk] == ["none", "none", "ok"]
    assert walk[-1][1].startswith(path)


def test_no_config_is_no_problem(tmp_path: Path) -> None:
    """Without a config all is well, and how to make one is said."""
    (tmp_path / "home").mkdir()
    steps = diagnosis(tmp_path, tmp_path)
    assert is_healthy(steps)
    [(verdict, detail)] = details(steps, "config")
    assert verdict == "none"
    assert "init" in detail


@pytest.mark.parametrize("content", ["{", config_text(auto_switch="yes"), "x" * 70_000])
def test_a_broken_config_is_the_problem(tmp_path: Path, content: str) -> None:
    """The step that fails carries the one line that a client would get."""
    path = write_config(tmp_path, content)
    steps = diagnosis(tmp_path, tmp_path)
    assert not is_healthy(steps)
    [(verdict, detail)] = details(steps, "config")
    assert verdict == "problem"
    assert path in detail
    assert "Next: " in detail
    assert details(steps, "look for config") == [("ok", f"{path} is there")]


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_directory_that_cannot_be_used_is_the_problem(tmp_path: Path, name: str) -> None:
    """Nothing is looked for where there is no directory."""
    (tmp_path / "file").write_text("")
    steps = diagnosis(tmp_path / name, tmp_path)
    assert not is_healthy(steps)
    [(verdict, detail)] = details(steps, "directory")
    assert verdict == "problem"
    assert name in detail
    assert details(steps, "look for config") == []


def test_what_was_refused_is_shown_with_its_reason(tmp_path: Path) -> None:
    """The home's own config is shown as ignored, and outside the allowed roots nothing is read."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    path = write_config(home)
    walk = details(diagnosis(home / "work", tmp_path), "look for config")
    assert any(verdict == "ignored" and path in detail for verdict, detail in walk)
    steps = diagnosis(home / "work", tmp_path, allowed_roots=(tmp_path / "elsewhere",))
    assert not is_healthy(steps)
    [(verdict, detail)] = details(steps, "directory")
    assert (verdict, "WORKFLOW_MCP_ALLOWED_ROOTS" in detail) == ("problem", True)


def test_a_link_is_shown_with_its_target(tmp_path: Path) -> None:
    """The directory as given and what it really is."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    [(verdict, detail)] = details(diagnosis(tmp_path / "link", tmp_path), "directory")
    assert verdict == "ok"
    assert str(tmp_path / "link") in detail
    assert os.path.realpath(tmp_path / "real") in detail


def test_each_source_says_what_it_says(tmp_path: Path) -> None:
    """Option, environment and process are shown with their values or why they have none."""
    steps = diagnosis(tmp_path, tmp_path, directory="/given", claude_project_dir="/claude")
    assert details(steps, "source: option") == [("ok", "/given")]
    assert details(steps, "source: environment") == [("ok", "/claude")]
    assert details(steps, "source: process") == [("ok", str(tmp_path))]
    bare = diagnosis("/", tmp_path)
    assert [verdict for verdict, _ in details(bare, "source: process")] == ["ignored"]
    assert [verdict for verdict, _ in details(bare, "source: option")] == ["none"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [({"auto_switch": False}, "auto_switch is false"), ({"project_id": None}, "without an id")],
)
def test_what_a_project_lacks_is_said(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    """A config that chooses no project, or has no id yet, is healthy and says so."""
    write_config(tmp_path, config_text(**keys))
    steps = diagnosis(tmp_path, tmp_path)
    assert is_healthy(steps)
    [(_, detail)] = details(steps, "project")
    assert said in detail


@posix_only
def test_a_data_directory_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    """Where sessions could not survive, that is said before it happens."""
    tmp_path.chmod(0o555)
    steps = unprivileged(lambda: diagnosis(tmp_path, tmp_path))
    assert not is_healthy(steps)
    [(verdict, detail)] = details(steps, "data directory")
    assert verdict == "problem"
    assert "WORKFLOW_MCP_DATA_DIR" in detail


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """A doctor only looks: no folder, no lock, no id is written."""
    path = write_config(tmp_path, config_text(project_id=None))
    before = Path(path).read_bytes()
    diagnosis(tmp_path, tmp_path)
    assert Path(path).read_bytes() == before
    assert os.listdir(tmp_path) == [".workflow-mcp"]
    assert os.listdir(tmp_path / ".workflow-mcp") == ["config.json"]


def test_the_report_is_json(tmp_path: Path) -> None:
    """The same steps as one object that says whether all is well."""
    write_config(tmp_path, "{")
    steps = diagnosis(tmp_path, tmp_path)
    said = json.loads(json.dumps(report(str(tmp_path), steps)))
    assert (said["directory"], said["healthy"], len(said["steps"])) == (str(tmp_path), False, len(steps))
    assert set(said["steps"][0]) == {"step", "verdict", "detail"}


@posix_only
@pytest.mark.parametrize("kind", ["fifo", "directory", "dangling"])
def test_anything_in_the_config_s_place_ends_in_an_answer(tmp_path: Path, kind: str) -> None:
    """Whatever stands where the config should be is a problem, told at once."""
    place = tmp_path / ".workflow-mcp" / "config.json"
    place.parent.mkdir()
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "directory":
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "nothing")
    steps = diagnosis(tmp_path, tmp_path)
    assert [verdict for verdict, _ in details(steps, "config")] == ["problem"]
