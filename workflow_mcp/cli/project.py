"""The commands about a directory and its project: init, schema and doctor."""

from __future__ import annotations

import json
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from workflow_mcp.cli.doctor import examine, is_healthy, report
from workflow_mcp.cli.doctor_store import examine_store
from workflow_mcp.cli.local import locate
from workflow_mcp.cli.output import print_text
from workflow_mcp.cli.steps import Step, Verdict
from workflow_mcp.settings import load_settings
from workflow_mcp.work.text import visible
from workflow_mcp.workspace.init import init_project

MARKS: dict[Verdict, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "none": ("·", "dim"),
    "ignored": ("-", "dim"),
    "problem": ("✗", "red"),
}
Directory = Annotated[str, Parameter(help="The directory; default: where you are.", show_default=False)]
Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON.")]


def init(
    directory: Directory = ".",
    *,
    name: Annotated[
        str | None, Parameter(help="Default: the main checkout's project, or the directory's name.")
    ] = None,
) -> None:
    """Make a directory, or its git repository, a project: create or complete .workflow-mcp/config.json."""
    settings = load_settings()
    location = locate(settings.absolute(directory), settings)
    done = init_project(location, name=name, home=settings.home)
    Console().print(Text(visible(done.message)), soft_wrap=True)


def doctor(
    directory: Directory = ".",
    *,
    store: Annotated[
        bool, Parameter(negative="", help="Check the files of all projects instead, each as a whole.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show every step by which a directory leads to its project, and what is wrong with any of them.

    Exits with 0 when all is well and with 1 when there is a problem.
    """
    settings = load_settings()
    path = settings.absolute(directory)
    steps = examine_store(settings) if store else examine(path, settings)
    if as_json:
        print_text(json.dumps(report(path, steps), indent=2))
    else:
        Console().print(_table(steps), soft_wrap=True)
    sys.exit(0 if is_healthy(steps) else 1)


def schema() -> None:
    """Print the JSON Schema of .workflow-mcp/config.json."""
    from workflow_mcp.workspace.config_model import config_schema

    print_text(json.dumps(config_schema(), indent=2))


def _table(steps: list[Step]) -> Text:
    text, width = Text(), max(len(step.step) for step in steps)
    for step in steps:
        mark, style = MARKS[step.verdict]
        text.append(f"{mark} ", style=style).append(f"{step.step:<{width}}  ", style="bold")
        text.append(f"{visible(step.detail)}\n", style="dim" if step.verdict in ("none", "ignored") else style)
    text.append("All is well." if is_healthy(steps) else "There is a problem.", style="bold")
    return text
