"""The command line in the hands of a user, without a process for each command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workflow_mcp.cli.errors import exit_code
from workflow_mcp.cli.main import app, run
from workflow_mcp.errors import WorkflowError


class Shell:
    """A user called Ana López, who is in a folder and runs commands in this process."""

    def __init__(self, base: Path, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        (base / "gitconfig").write_text("[user]\n\tname = Ana: López\n", encoding="utf-8")
        patch.setenv("HOME", str(base))
        patch.setenv("GIT_CONFIG_GLOBAL", str(base / "gitconfig"))
        patch.setenv("WORKFLOW_MCP_DATA_DIR", str(base / "data"))
        patch.setenv("WORKFLOW_MCP_STATE_DIR", str(base / "state"))
        patch.chdir(folder)

    def run(self, *arguments: str) -> int:
        """The exit code of a command, which is not refused."""
        with pytest.raises(SystemExit) as left:
            app(list(arguments))
        return int(left.value.code or 0)

    def told(self, *arguments: str) -> str:
        """What a command prints that goes well."""
        assert self.run(*arguments) == 0
        return self.printed()

    def printed(self) -> str:
        """What was printed since this was last asked."""
        return self._capsys.readouterr().out

    def data(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.told(*arguments, "--json"))

    def item(self, item_id: int) -> dict[str, Any]:
        """An item, whole."""
        item: dict[str, Any] = self.data("show", str(item_id))["item"]
        return item

    def line(self, *arguments: str) -> str:
        """The line on stderr of a command that is refused."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["workflow-mcp", *arguments])
            with pytest.raises(SystemExit):
                run()
        return self._capsys.readouterr().err.strip()

    def refused(self, *arguments: str) -> str:
        """The line of a command that is refused."""
        with pytest.raises(WorkflowError) as caught:
            app(list(arguments))
        assert self.printed() == ""
        return f"{exit_code(caught.value)} {caught.value.code}"
