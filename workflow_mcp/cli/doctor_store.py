"""`workflow-mcp doctor --store`: the files of all projects, and what lies beside them."""

from __future__ import annotations

from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.local import known_projects
from workflow_mcp.cli.steps import Step
from workflow_mcp.errors import StoreError
from workflow_mcp.settings import Settings
from workflow_mcp.storage.kinds import postgresql, sqlite


def examine_store(settings: Settings) -> list[Step]:
    """A step for each file, and for each that should be there; where there is a database, about that."""
    if settings.database_url is not None:
        return _examine_database(settings.database_url, settings)
    try:
        found = list(sqlite("examination").examine_store(settings.data_dir, known_projects(settings)))
    except StoreError as error:
        return [Step("data directory", "problem", error_line(error))]
    steps = [Step("store", "problem" if one.is_problem else "ok", one.detail) for one in found]
    return steps or [Step("store", "none", f"{settings.data_dir} has no projects yet")]


def _examine_database(url: str, settings: Settings) -> list[Step]:
    examination = postgresql("examination")
    try:
        steps = [Step("database", "ok", examination.examine(url, pooled=settings.pooled))]
    except StoreError as error:
        return [Step("database", "problem", error_line(error))]
    return [*steps, Step("damage", "none", "run PostgreSQL's own `pg_amcheck` to look for it")]
