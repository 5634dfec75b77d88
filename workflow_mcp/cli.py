"""The command line. What people read goes to a terminal; a serving process's stdout carries JSON-RPC only."""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Annotated, NoReturn

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from workflow_mcp.config import config_schema
from workflow_mcp.doctor import Step, Verdict, examine, is_healthy, local_resolver, report
from workflow_mcp.errors import WorkflowError
from workflow_mcp.project import init_project
from workflow_mcp.settings import load_settings
from workflow_mcp.stdio import leave_at_once, on_signals
from workflow_mcp.version import __version__

app = App(
    name="workflow-mcp",
    help="An MCP server that always knows whose call this is, in which directory, for which project.\n\n"
    "Without a command it serves over stdio, which is how Claude Code starts it.",
    version=__version__,
    help_format="plaintext",
)
MARKS: dict[Verdict, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "none": ("·", "dim"),
    "ignored": ("-", "dim"),
    "problem": ("✗", "red"),
}
Directory = Annotated[str, Parameter(help="The directory; default: where you are.")]


@app.default
@app.command
def serve(*, directory: Annotated[str | None, Parameter(help="The working directory of every call.")] = None) -> None:
    """Serve over stdio until the client leaves."""
    on_signals(leave_at_once)
    gc.disable()
    from workflow_mcp.serve import serve_stdio  # noqa: PLC0415 - FastMCP takes 0.7 s that no other command needs

    serve_stdio(directory=None if directory is None else os.path.join(os.getcwd(), directory))


@app.command
def init(
    directory: Directory = ".", *, name: Annotated[str | None, Parameter(help="Default: the directory's name.")] = None
) -> None:
    """Make a directory, or its git repository, a project: create or complete .workflow-mcp/config.json."""
    settings = load_settings()
    place = local_resolver(settings).locate_now(os.path.join(os.getcwd(), directory), "option")
    done = init_project(place, name=name, home=settings.home)
    Console().print(Text(done.message), soft_wrap=True)


@app.command
def doctor(
    directory: Directory = ".", *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> None:
    """Show every step by which a directory leads to its project, and what is wrong with any of them.

    Exits with 0 when all is well and with 1 when there is a problem.
    """
    path = os.path.join(os.getcwd(), directory)
    steps = examine(path, load_settings())
    if as_json:
        print(json.dumps(report(path, steps), indent=2))  # noqa: T201 - this is what the command is for
    else:
        Console().print(_table(steps), soft_wrap=True)
    sys.exit(0 if is_healthy(steps) else 1)


@app.command
def schema() -> None:
    """Print the JSON Schema of .workflow-mcp/config.json."""
    print(json.dumps(config_schema(), indent=2))  # noqa: T201 - see doctor


def _table(steps: list[Step]) -> Text:
    text, width = Text(), max(len(step.step) for step in steps)
    for step in steps:
        mark, style = MARKS[step.verdict]
        text.append(f"{mark} ", style=style).append(f"{step.step:<{width}}  ", style="bold")
        text.append(f"{step.detail}\n", style="dim" if step.verdict in ("none", "ignored") else style)
    text.append("All is well." if is_healthy(steps) else "There is a problem.", style="bold")
    return text


def run() -> NoReturn:
    """Run the command line; what a user got wrong is one line on stderr and exit code 2."""
    try:
        app()
    except WorkflowError as error:
        Console(stderr=True).print(Text(str(error)), soft_wrap=True)
        sys.exit(2)
    sys.exit(0)
