"""What commands load that only read: they are run often, and importing is most of what they take."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.clients.shell import Shell

# Of these each took tens of milliseconds, and what only reads needs none.
PACKAGES = (
    "pydantic", "pydantic_core", "rich", "fastmcp", "mcp", "mcp_types", "anyio", "starlette", "alembic", "key_value",
)  # fmt: skip
OWN = (
    "workflow_mcp.app", "workflow_mcp.session_context", "workflow_mcp.sessions.bindings",
    "workflow_mcp.storage.migrate", "workflow_mcp.storage.items.board", "workflow_mcp.storage.items.creation",
    "workflow_mcp.storage.items.updates",
)  # fmt: skip
READING = (
    ["list"], ["ready"], ["list", "--json"], ["show", "1"], ["show", "1", "--json"], ["tree"], ["log"], ["use"],
    ["projects"], ["export"], ["export", "--format", "markdown"], ["members"], ["--version"],
)  # fmt: skip
# Runs the commands in one process, and tells on stderr what each of them loaded first.
RUN = """
import json, sys
from workflow_mcp.__main__ import main
known = set()
for command in json.loads(sys.argv[1]):
    sys.argv = ["workflow-mcp", *command]
    try:
        main()
    except SystemExit as left:
        assert not left.code, (command, left.code)
    print(json.dumps([" ".join(command), sorted(set(sys.modules) - known)]), file=sys.stderr)
    known |= set(sys.modules)
"""


def test_what_commands_that_read_do_not_load(shell: Shell) -> None:
    """Neither what checks, shows or serves, nor what of our own changes items."""
    shell.told("add", "one")
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(READING)], capture_output=True, text=True, timeout=150, check=True
    )
    loaded = [json.loads(line) for line in done.stderr.splitlines()]
    assert [command for command, _ in loaded] == [" ".join(command) for command in READING]
    assert "workflow_mcp.storage.items.listing" in loaded[0][1], "nothing was read: this test could not fail"
    for command, modules in loaded:
        assert not set(modules) & {*PACKAGES, *OWN}, command
