"""Errors on the command line, whose next step is a command instead of a tool call."""

from __future__ import annotations

import re

from workflow_mcp.errors import Code, DirectoryError, UsageError, WorkflowError

REFUSED, MISUSED = 1, 2
# What was typed is wrong in itself, whatever there is.
MISUSES = (Code.ITEM_INVALID, Code.IMPORT_INVALID)
TAKE_ANOTHER = "leave it to them; `workflow-mcp claim` takes another that is ready."

A_DIRECTORY = "name a directory that exists."
NEXT_STEPS: dict[str, str] = {
    Code.CHILDREN_NEED_CONFIRM: "look at them with `workflow-mcp tree`; if all are meant, pass --confirm.",
    Code.CONFIG_NOT_A_FILE: "put a regular file there, or move that entry away and run `workflow-mcp init`.",
    Code.DIRECTORY_HAS_NUL: A_DIRECTORY,
    Code.DIRECTORY_NOT_ABSOLUTE: A_DIRECTORY,
    Code.DIRECTORY_NOT_FOUND: A_DIRECTORY,
    Code.DIRECTORY_NOT_TEXT: A_DIRECTORY,
    Code.ITEM_CLAIMED: TAKE_ANOTHER,
    Code.ITEM_CYCLE: "leave that dependency or parent out, or remove the other with `workflow-mcp link --remove`.",
    Code.ITEM_DELETED: "run `workflow-mcp restore` with its number to bring it back.",
    Code.ITEM_NOT_FOUND: "run `workflow-mcp list --view all` for those there are.",
    Code.ITEM_NOT_READY: "run `workflow-mcp claim` without a number for the first that is ready.",
    Code.EVIDENCE_REQUIRED: "do what is missing, then give it with --met and --evidence.",
    Code.ITEM_UNFINISHED: "finish those first, or all of them in one command; --force completes it all the same.",
    Code.LIMIT_INVALID: "pass `--limit` a whole number from 1 to 200.",
    Code.NAME_INVALID: "run the command with a name of 1 to 255 printable characters.",
    Code.NO_PROJECT: "run `workflow-mcp init` to make it one, or name the directory of one whose auto_switch is true.",
    Code.PROJECT_AMBIGUOUS: "name the one that is meant by its id, in a config as project.id: `workflow-mcp projects`.",
    Code.PARENT_DELETED: "run `workflow-mcp restore` with the number of that one: it brings back both.",
    Code.PROJECT_UNKNOWN: "run `workflow-mcp projects --all` for those there are.",
    Code.PROJECT_ID_INVALID: "correct project.id in the config.",
    Code.VERSION_CONFLICT: "look at it with `workflow-mcp show`; leave it to whoever holds it, else repeat the change.",
}


FIELD = re.compile(r"^items\[0\]\.")
STEPS = (
    (re.compile(r"call get_work_item\(id=(\d+)\)"), r"run `workflow-mcp show \1`"),
    (re.compile("repeat the call"), "run the command again"),
)


def error_line(error: WorkflowError) -> str:
    """The line for an error, with a next step for the command line."""
    then = NEXT_STEPS.get(error.code, error.next_step)
    for pattern, command in STEPS:
        then = pattern.sub(command, then)
    return str(WorkflowError(error.code, FIELD.sub("the ", error.message), then))


def exit_code(error: WorkflowError) -> int:
    """2 for what was typed wrongly, 1 for what could not be done."""
    is_misuse = isinstance(error, UsageError | DirectoryError) or error.code in MISUSES
    return REFUSED if error.code == Code.OUTPUT_INCOMPLETE or not is_misuse else MISUSED
