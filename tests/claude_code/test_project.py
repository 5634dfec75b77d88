"""The project of a directory is the one that the resolver finds, and a config is one where it takes it for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import config_text, write_config
from workflow_mcp.claude_code.environment import Environment
from workflow_mcp.claude_code.project import ConfiguredProject, configured_project, find_project
from workflow_mcp.errors import ConfigError, DirectoryError
from workflow_mcp.workspace.config import parse_config

ID = "eca49f13-f342-4958-95a0-d7b9ba2a42eb"
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["1.0", "1.1", None, 1.0]),
        "auto_switch": st.sampled_from([True, False, None, 1, "true"]),
        "strict_mode": st.booleans() | st.none() | st.integers(0, 1),
        "dry_run": st.booleans() | st.text(max_size=1),
        "description": st.none() | st.text(max_size=5) | st.integers(),
        "more": st.none(),
    },
)
NAMES = st.text(max_size=3) | st.sampled_from([None, 1, "a" * 255, "a" * 256, " ", "a\n", "\u202e", "名前"])
IDS = st.sampled_from([ID, ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", "", "x", "1_" * 16, None, 7])
PROJECTS = st.fixed_dictionaries({}, optional={"name": NAMES, "id": IDS, "more": st.integers()})


@given(FIELDS, PROJECTS | st.sampled_from([None, [], "demo"]))
def test_it_takes_the_configs_that_the_server_takes(fields: dict[str, Any], project: Any) -> None:
    """Of each the same project; and none that the server refuses."""
    members = {**fields, "project": project}
    try:
        config = parse_config("config.json", json.dumps(members).encode())
    except ConfigError:
        expected = None
    else:
        expected = ConfiguredProject(config.project.name, config.project.id, config.auto_switch)
    assert configured_project(members) == expected


def environment(home: Path, *roots: Path) -> Environment:
    """An environment with this home, in which only these directories may be worked in; all when there are none."""
    return Environment(home / "data", roots, str(home))


def test_the_nearest_config_counts(tmp_path: Path) -> None:
    """From the directory upwards; the home's own counts only there."""
    home = tmp_path / "home"
    (home / "work" / "sub").mkdir(parents=True)
    write_config(home, config_text("home", project_id=None))
    assert find_project(str(home / "work" / "sub"), environment(home)) is None
    at_home = find_project(str(home), environment(home))
    write_config(home / "work", config_text("work", project_id=ID))
    nearest = find_project(str(home / "work" / "sub"), environment(home))
    assert (at_home, nearest) == (ConfiguredProject("home", None, True), ConfiguredProject("work", ID, True))


def test_a_broken_config_is_an_error(tmp_path: Path) -> None:
    """It is not passed over in favour of one further up."""
    inner = tmp_path / "inner"
    inner.mkdir()
    write_config(tmp_path, config_text("outer", project_id=ID))
    for broken in ("{", '{"project": {"name": ""}}'):
        write_config(inner, broken)
        with pytest.raises(ConfigError, match="CONFIG_INVALID"):
            find_project(str(inner), environment(tmp_path / "home"))


def test_only_allowed_directories(tmp_path: Path) -> None:
    """What the server refuses to work in is no project for a hook."""
    folder = tmp_path / "folder"
    folder.mkdir()
    write_config(folder, config_text("folder", project_id=ID))
    assert find_project(str(folder), environment(tmp_path / "home", tmp_path)) is not None
    with pytest.raises(DirectoryError, match="DIRECTORY_NOT_ALLOWED"):
        find_project(str(folder), environment(tmp_path / "home", tmp_path / "other"))
