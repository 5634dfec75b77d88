"""The examples run and check themselves, and the clients' configurations in them are right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflow_mcp.settings import Settings, variable_of

TOP = Path(__file__).parent.parent
TEAM = TOP / "examples" / "team"
SCRIPTS = sorted(path.relative_to(TOP) for path in TOP.glob("examples/**/*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_an_example_runs_and_finds_nothing_wrong(script: Path) -> None:
    """Every example ends with 0, which it does only when its own check holds."""
    done = subprocess.run([sys.executable, script], cwd=TOP, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


@pytest.mark.parametrize("path", sorted(TOP.glob("examples/**/*.json")) + sorted(TOP.glob("examples/**/.mcp.json")))
def test_a_client_config_names_our_server(path: Path) -> None:
    """Each JSON config has one server: our command, or our URL with a header the client expands if it needs one."""
    loaded: dict[str, Any] = json.loads(path.read_text())
    (servers,) = loaded.values()
    assert list(servers) == ["workflow"]
    check_entry(servers["workflow"], by_roots=path.name.startswith("claude_code"))


def test_the_codex_config_names_our_server() -> None:
    """Codex reads TOML and takes the header from an environment variable."""
    loaded = tomllib.loads((TOP / "examples/shared_http/clients/codex.config.toml").read_text())
    entry = loaded["mcp_servers"]["workflow"]
    assert entry["env_http_headers"] == {"X-Workflow-Directory": "PWD"}
    check_entry({"url": entry["url"], "headers": {"X-Workflow-Directory": "${PWD}"}})


def check_entry(entry: dict[str, Any], *, by_roots: bool = False) -> None:
    """A server entry starts our console script, or reaches it at its default address."""
    scripts = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    if "command" in entry:
        assert entry["command"] in scripts
    else:
        assert entry["url"] == "http://127.0.0.1:8765/mcp"
        assert ("headers" in entry) != by_roots
    if "headers" in entry:
        assert re.fullmatch(r"\$\{\w+\}", entry["headers"]["X-Workflow-Directory"])


def test_the_team_s_services_fit_together() -> None:
    """The compose file names only services, files, settings and secrets that there are; the replicas are alike."""
    composed: dict[str, Any] = yaml.safe_load((TEAM / "compose.yaml").read_text())
    services = composed["services"]
    assert services["server-1"] == services["server-2"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services) - {name}
        assert set(service.get("secrets", ())) <= set(composed["secrets"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in composed["volumes"] or (TEAM / source).is_file(), volume
        ours = {one for one in service.get("environment", ()) if one.startswith("WORKFLOW_MCP_")}
        assert set(ours) <= {variable_of(one) for one in fields(Settings)}
    build = services["server-1"]["build"]
    assert (TEAM / build["context"]).resolve() == TOP
    assert (TOP / build["dockerfile"]).is_file()


def test_the_team_s_nginx_asks_every_replica() -> None:
    """The round robin has the replicas of the compose file, at the server's default port."""
    asked = re.findall(r"server (\S+):(\d+);", (TEAM / "nginx.conf").read_text())
    services = yaml.safe_load((TEAM / "compose.yaml").read_text())["services"]
    replicas = [name for name, service in services.items() if "serve" in service.get("command", ())]
    assert asked == [(name, str(Settings().port)) for name in replicas]
