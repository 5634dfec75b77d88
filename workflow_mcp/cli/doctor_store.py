"""`workflow-mcp doctor --store`: the files of all projects, and what lies beside them."""

from __future__ import annotations

from importlib import import_module

from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.steps import Step
from workflow_mcp.errors import StoreError
from workflow_mcp.settings import Settings
from workflow_mcp.storage.sqlite.known import KnownProjects


def examine_store(settings: Settings) -> list[Step]:
    """A step for each file, and for each that should be there."""
    known = KnownProjects(settings.data_dir, settings.state_dir)
    try:
        # Imported when it is needed: SQLAlchemy takes 0.2 s.
        examination = import_module("workflow_mcp.storage.sqlite.examination")
        found = list(examination.examine_store(settings.data_dir, known))
    except StoreError as error:
        return [Step("data directory", "problem", error_line(error))]
    steps = [Step("store", "problem" if one.is_problem else "ok", one.detail) for one in found]
    return steps or [Step("store", "none", f"{settings.data_dir} has no projects yet")]
