"""Errors on the command line, whose next step is a command instead of a tool call."""

from __future__ import annotations

from workflow_mcp.errors import Code, WorkflowError

A_DIRECTORY = "name a directory that exists."
NEXT_STEPS: dict[str, str] = {
    Code.CONFIG_NOT_A_FILE: "put a regular file there, or move that entry away and run `workflow-mcp init`.",
    Code.DIRECTORY_HAS_NUL: A_DIRECTORY,
    Code.DIRECTORY_NOT_ABSOLUTE: A_DIRECTORY,
    Code.DIRECTORY_NOT_FOUND: A_DIRECTORY,
    Code.DIRECTORY_NOT_TEXT: A_DIRECTORY,
    Code.ITEM_DELETED: "run `workflow-mcp list --view all` for those that are not deleted.",
    Code.ITEM_NOT_FOUND: "run `workflow-mcp list --view all` for those there are.",
    Code.LIMIT_INVALID: "pass `--limit` a whole number from 1 to 200.",
    Code.NAME_INVALID: "run the command with a name of 1 to 255 printable characters.",
    Code.NO_PROJECT: "run `workflow-mcp init` to make it one, or name the directory of one whose auto_switch is true.",
    Code.PROJECT_AMBIGUOUS: "name the one that is meant by its id, in a config as project.id: `workflow-mcp projects`.",
    Code.PROJECT_ID_INVALID: "correct project.id in the config.",
}


def error_line(error: WorkflowError) -> str:
    """The line for an error, with a next step for the command line."""
    return str(WorkflowError(error.code, error.message, NEXT_STEPS.get(error.code, error.next_step)))
