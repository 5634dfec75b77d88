"""`python -m workflow_mcp` and the `workflow-mcp` command: what is started often takes a short way.

Every window of a client serves over stdio, and most are never asked anything but for lists. So that way
imports nothing before it is needed, and with the garbage collector off until everything is imported.
So do the version, and the two commands that Claude Code runs often.
"""

from __future__ import annotations

import gc
import os
import sys

import workflow_mcp
from workflow_mcp.transports.process import fill_standard_streams, leave_at_once, on_signals
from workflow_mcp.transports.stdio.memo import memo_of
from workflow_mcp.transports.stdio.opening import Opening

INTERRUPTED = 128 + 2  # what shells say of a program that SIGINT ended


def main() -> None:
    """Run the command in the arguments; without one, serve over stdio."""
    fill_standard_streams()
    gc.disable()
    try:
        _run(sys.argv[1:])
    finally:
        # Otherwise the interpreter goes through all that was ever imported before it ends: 0.1 s.
        gc.freeze()


def _run(arguments: list[str]) -> None:
    match arguments:
        case [] | ["serve"]:
            _serve_stdio(None)
        case ["--directory", directory] if not directory.startswith("-"):
            _serve_stdio(directory)
        case ["--version"]:
            sys.stdout.write(f"{workflow_mcp.__version__}\n")
        case ["hook"]:
            from workflow_mcp.claude_code.commands import hook

            hook()
        case ["statusline"]:
            from workflow_mcp.claude_code.commands import statusline

            statusline()
        case _:
            _run_command()


def _run_command() -> None:
    try:
        from workflow_mcp.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _serve_stdio(directory: str | None) -> None:
    on_signals(leave_at_once)
    opening = Opening(memo_of(os.environ, directory))
    opening.answer()
    try:
        # Imported after the handlers are installed, because a signal during this long import must end the process.
        from workflow_mcp.transports.stdio.serve import serve_stdio

        serve_stdio(opening, directory=directory)
    except Exception:
        opening.forget()
        raise


if __name__ == "__main__":
    main()
