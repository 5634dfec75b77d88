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

from workflow_mcp import __version__
from workflow_mcp.cli.doctor import Step, Verdict, examine, is_healthy, local_resolver, report
from workflow_mcp.cli.errors import error_line
from workflow_mcp.errors import Code, UsageError, WorkflowError
from workflow_mcp.settings import load_settings
from workflow_mcp.transports.stdio.process import leave_at_once, on_signals
from workflow_mcp.workspace.config import config_schema
from workflow_mcp.workspace.init import init_project

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
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
# Help stands here as well as there, because the module is imported when one of its commands is run: 15 ms.
ITEM_COMMANDS = {
    "list": ("list_items", "List the project's work items."),
    "ready": ("ready", "List what can be claimed now, the most urgent first."),
    "show": ("show", "Show one work item whole."),
    "export": ("export", "Write all of the project's work items to stdout, one JSON object a line, for `import`."),
    "import": (
        "read",
        "Add exported work items to the project, all or none; `-` reads stdin. Ids are kept where they are free.",
    ),
}


@app.default
@app.command
def serve(
    *,
    directory: Annotated[str | None, Parameter(help="stdio: the working directory of every call.")] = None,
    http: Annotated[bool, Parameter(negative="", help="Serve many clients over HTTP.")] = False,
    host: Annotated[str | None, Parameter(help="HTTP: the address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, Parameter(help="HTTP: the port; default 8765.")] = None,
    path: Annotated[str | None, Parameter(help="HTTP: where the endpoint is; default /mcp.")] = None,
) -> None:
    """Serve over stdio until the client leaves, or over HTTP until stopped."""
    if http and directory is not None:
        raise UsageError(
            Code.DIRECTORY_OVER_HTTP,
            "--directory describes the one client of a stdio server; over HTTP there are many.",
            "leave it out: clients send the X-Workflow-Directory header, roots, or call set_working_directory.",
        )
    on_signals(leave_at_once)
    gc.disable()
    from workflow_mcp.transports import serve as serving

    if http:
        serving.serve_http(host=host, port=port, path=path)
    serving.serve_stdio(directory=None if directory is None else load_settings().absolute(directory))


@app.command
def init(
    directory: Directory = ".", *, name: Annotated[str | None, Parameter(help="Default: the directory's name.")] = None
) -> None:
    """Make a directory, or its git repository, a project: create or complete .workflow-mcp/config.json."""
    settings = load_settings()
    location = local_resolver(settings).locate_now(settings.absolute(directory), "option")
    done = init_project(location, name=name, home=settings.home)
    Console().print(Text(done.message), soft_wrap=True)


@app.command
def doctor(directory: Directory = ".", *, as_json: Json = False) -> None:
    """Show every step by which a directory leads to its project, and what is wrong with any of them.

    Exits with 0 when all is well and with 1 when there is a problem.
    """
    settings = load_settings()
    path = settings.absolute(directory)
    steps = examine(path, settings)
    if as_json:
        print(json.dumps(report(path, steps), indent=2))
    else:
        Console().print(_table(steps), soft_wrap=True)
    sys.exit(0 if is_healthy(steps) else 1)


@app.command
def schema() -> None:
    """Print the JSON Schema of .workflow-mcp/config.json."""
    print(json.dumps(config_schema(), indent=2))


for _name, (_function, _help) in ITEM_COMMANDS.items():
    app.command(f"workflow_mcp.cli.items:{_function}", name=_name, help=_help)


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
        try:
            app()
        finally:
            sys.stdout.flush()
    except WorkflowError as error:
        Console(stderr=True).print(Text(error_line(error)), soft_wrap=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader has seen enough; what is still buffered must not fail once more at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(0)
