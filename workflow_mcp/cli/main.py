"""The commands, and how they are run."""

from __future__ import annotations

import io
import sys
from typing import NoReturn

from cyclopts import App, CycloptsError

import workflow_mcp
from workflow_mcp.cli import output, serving
from workflow_mcp.cli.completing import completion_of
from workflow_mcp.cli.errors import error_line, exit_code
from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.text import visible

app = App(
    name="workflow-mcp",
    help="An MCP server that always knows whose call this is, in which directory, for which project.\n\n"
    "Without a command it serves over stdio, which is how Claude Code starts it.",
    version=lambda: workflow_mcp.__version__,  # finding it takes 10 ms
    help_format="plaintext",
    exit_on_error=False,
    print_error=False,
)
# Their help is repeated here, because these modules are imported only when one of their commands is run: 0.2 s.
PROJECT_COMMANDS = {
    "init": "Make a directory, or its git repository, a project: create or complete .workflow-mcp/config.json.",
    "doctor": "Show every step by which a directory leads to its project, and what is wrong with any of them.\n\n"
    "Exits with 0 when all is well and with 1 when there is a problem.",
    "schema": "Print the JSON Schema of .workflow-mcp/config.json.",
}
CLAUDE_CODE_COMMANDS = {
    "hook": "Tell a session of Claude Code that starts about its project: what the plugin's hook runs.\n\n"
    "Prints nothing where there is no project.",
    "statusline": "Print one line for the status line of Claude Code; nothing where there is no project.",
}
ITEM_COMMANDS = {
    "join": ("joining:join", "Let this repository work in the project that its config names, where others do already."),
    "list": ("items:list_items", "List the project's work items."),
    "ready": ("items:ready", "List what can be claimed now, the most urgent first."),
    "show": ("details:show", "Show one work item whole."),
    "tree": ("trees:tree", "Show work items below those that they belong to."),
    "log": ("history:log", "Show what was changed, when and by whom; the latest change last."),
    "watch": (
        "watching:watch",
        (
            "Print a line for each change that anybody makes from now on, until it is stopped.\n\n"
            "With --json a line is a JSON object."
        ),
    ),
    "board": (
        "board:board",
        (
            "Open the project's board in the browser.\n\n"
            "Without a server that runs over HTTP the command serves it itself, on this machine alone, until Ctrl+C."
        ),
    ),
    "use": ("using:use", "Say which project commands work in here, who you are in it, and why."),
    "add": ("changes:add", "Add a work item."),
    "claim": (
        "claiming:claim",
        (
            "Take a work item, or without a number the first ready one, so that nobody else does.\n\n"
            "Exits with 1 when none is ready, or becomes so within the time to wait."
        ),
    ),
    "done": ("changes:done", "Complete work items, all or none; it says what became ready."),
    "note": ("changes:note", "Write a note on a work item."),
    "release": ("changes:release", "Give work items back: they are pending again, and nobody's."),
    "update": ("changes:update", "Change work items, all or none; --accept replaces the criteria."),
    "link": ("changes:link", "Link two work items, as in `link 4 blocks 7`."),
    "delete": ("changes:delete", "Hide work items; `workflow-mcp restore` with their numbers brings them back."),
    "export": (
        "transfer:export",
        (
            "Write all of the project's work items to stdout, as JSON Lines for `import`, or for people.\n\n"
            "The same work gives the same bytes, so that it can be kept in git."
        ),
    ),
    "import": (
        "importing:read",
        """Add what export wrote, or what another program keeps, to the project: all of it or nothing.

        Importing again from the same program takes over what changed there, and keeps and names what changed here.""",
    ),
    "backup": (
        "backups:backup",
        "Write a backup of the project, or with --all of every project; servers may go on meanwhile.",
    ),
    "restore": (
        "restoring:restore",
        (
            "Bring deleted work items back, or put a backup in the place of its project's file.\n\n"
            "With numbers, those work items, and what was deleted with them. With a file, what `backup` wrote: what\n"
            "it replaces is kept under another name."
        ),
    ),
}
PROJECTS_HELP = "List the projects, and rename, archive, delete or restore one."
DATABASE_HELP = "Prepare the PostgreSQL database that WORKFLOW_MCP_DATABASE_URL names, and bring projects into it."
MEMBERS_HELP = "List who may work in a project over HTTP, where tokens are asked for, and let others in or out."
PLUGIN_COMMANDS = {
    "path": "Print the folder of the Claude Code plugin, which is a marketplace of its own.",
    "install": "Install the plugin into Claude Code, or print the commands for it where `claude` is not on the PATH."
    "\n\nExits with Claude Code's own code when one of its commands fails.",
}

app.default(serving.serve)
app.command(serving.serve)
for _name, _help in PROJECT_COMMANDS.items():
    app.command(f"workflow_mcp.cli.project:{_name}", name=_name, help=_help)
for _name, _help in CLAUDE_CODE_COMMANDS.items():
    app.command(f"workflow_mcp.claude_code.commands:{_name}", name=_name, help=_help)
plugin = App(name="plugin", help="The plugin for Claude Code that comes with workflow-mcp.", help_format="plaintext")
for _name, _help in PLUGIN_COMMANDS.items():
    plugin.command(f"workflow_mcp.cli.plugin:{_name}", name=_name, help=_help)
app.command(plugin)
app.command("workflow_mcp.cli.projects:app", name="projects", help=PROJECTS_HELP)
app.command("workflow_mcp.cli.members:app", name="members", help=MEMBERS_HELP)
app.command("workflow_mcp.cli.database:app", name="database", help=DATABASE_HELP)
for _name, (_function, _help) in ITEM_COMMANDS.items():
    app.command(f"workflow_mcp.cli.{_function}", name=_name, help=_help)


app.command(completion_of(lambda shell: app.generate_completion(shell=shell)), name="completion")


def run() -> NoReturn:
    """Run the command line; an error is one line on stderr, with exit code 2 for a wrong usage, else 1.

    What is printed is UTF-8 whatever the locale is: `import` reads it so, and `doctor` prints signs.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        try:
            app(sys.argv[1:])
        except CycloptsError as error:
            from workflow_mcp.cli.misuse import misuse

            raise misuse(error) from error
        finally:
            output.flush()
    except WorkflowError as error:
        print(visible(error_line(error)), file=sys.stderr)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        output.discard()  # the reader has closed the pipe
    sys.exit(0)
