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


def test_an_expected_error_leaves_no_traceback(era: Era, tmp_path: Path) -> None:
    """An error that a client can put right is one line at INFO, wherever it is raised: no ERROR nor a traceback."""
    levels = {"WORKFLOW_MCP_LOG_LEVEL": "INFO", "FASTMCP_LOG_LEVEL": "INFO"}
    env = environment(tmp_path, WORKFLOW_MCP_DIRECTORY=str(tmp_path / "gone"), **levels)
    with Wire(Path("/"), env, era) as wire:
        wire.open()
        assert wire.call("set_working_directory", directory="relative").code == "DIRECTORY_NOT_ABSOLUTE"
        assert wire.call("list_work_items").code == "DIRECTORY_NOT_FOUND"
        assert "error" in wire.exchange("resources/read", {"uri": "workflow://ready"})
        assert "error" in wire.exchange("prompts/get", {"name": "plan_work", "arguments": {"goal": "x"}})
        wire.call("get_working_directory", session="nobody's")
        wire.wait_for_log("SESSION_UNKNOWN")
    unwrapped = " ".join(wire.log.split())
    assert "DIRECTORY_NOT_ABSOLUTE" in unwrapped
    assert "DIRECTORY_NOT_FOUND" in unwrapped
    assert "Traceback" not in unwrapped
    assert "ERROR" not in unwrapped
