"""What stands in the log at its most talkative, and what must not."""

from __future__ import annotations

from pathlib import Path

from tests.clients.protocol import Era
from tests.clients.stdio import Wire, environment


def test_handles_never_occur_in_logs(era: Era, tmp_path: Path) -> None:
    """With every log at DEBUG, ours and FastMCP's, no handle is on stderr whole, however its lines are wrapped."""
    env = environment(tmp_path, WORKFLOW_MCP_LOG_LEVEL="DEBUG", FASTMCP_LOG_LEVEL="DEBUG", ANOTHER_SECRET="hunter2")
    with Wire(Path("/"), env, era, lambda: None) as wire:
        wire.open()
        handle = wire.call("set_working_directory", directory=str(tmp_path), new_session=True).data["session"]
        for tool in ("get_working_directory", "init_project", "end_session", "get_working_directory", "nonsense"):
            wire.call(tool, session=handle)
        wire.call("set_working_directory", directory="relative", session=[handle])
        wire.call("set_working_directory", directory=str(tmp_path), session=handle, extra=1)
        wire.call("get_working_directory", session=f" {handle}")
        wire.wait_for_log("get_working_directory")
    unwrapped = "".join(wire.log.split())
    assert "get_working_directory" in unwrapped
    assert handle[:4] in unwrapped, "the log does not show the calls: this test could not fail"
    assert handle not in unwrapped
    assert "hunter2" not in unwrapped
