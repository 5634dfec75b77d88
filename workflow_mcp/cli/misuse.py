"""Command lines that no command takes."""

from __future__ import annotations

from difflib import get_close_matches

from cyclopts import CycloptsError, UnusedCliTokensError

from workflow_mcp.errors import Code, UsageError, shown


def misuse(error: CycloptsError) -> UsageError:
    """The error for a command line that no command takes."""
    command = " ".join(("workflow-mcp", *(error.command_chain or ())))
    unused = error.unused_tokens if isinstance(error, UnusedCliTokensError) else []
    if not unused:
        return UsageError(Code.ARGUMENT_INVALID, str(error), f"run `{command} --help`.")
    commands = [name for name in error.app or () if not name.startswith("-")]
    meant = get_close_matches(unused[0], commands, n=1)
    what = f"there is no command {shown(unused[0])}" if commands else f"{shown(unused[0])} is an argument too many"
    help_ = f"`{command} --help`"
    then = f"run `{command} {meant[0]}` if that is meant, or {help_}" if meant else f"run {help_}"
    return UsageError(Code.ARGUMENT_INVALID, f"{what}.", f"{then}.")
