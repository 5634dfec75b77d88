"""The one tree of errors that a client can see.

    WorkflowError                 code, message, next_step
    ├── DirectoryError            a directory that cannot be a working directory, or none is known
    ├── SessionError              whose call this is cannot be told, or the handle is not good
    ├── ConfigError               a `.workflow-mcp/config.json` that is there but cannot be used
    ├── ProjectError              no project, the wrong one, or more than one
    ├── StoreError                a project's data cannot be reached
    ├── WorkItemError             a work item that cannot be found, changed or claimed
    └── UsageError                arguments, settings or a host that do not fit

Every error is one line: `CODE: what is wrong. Next: the call or edit that fixes it.`
"""

from __future__ import annotations

SHOWN_LENGTH = 160


def shown(value: object) -> str:
    """A value as it appears in an error: quoted, on one line, at most 160 characters."""
    text = repr(value) if isinstance(value, str) else repr(str(value))
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 2]}…'"


class WorkflowError(Exception):
    """Something a client can put right.

    Attributes:
        code: stable upper-case name, documented in the README.
        message: what is wrong, with the value and the file.
        next_step: the exact call or edit that fixes it; never a destructive one.
    """

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(code, message, next_step)
        self.code = code
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return " ".join(f"{self.code}: {self.message} Next: {self.next_step}".split())


class DirectoryError(WorkflowError):
    """A directory that cannot be the working directory, or none is known."""


class SessionError(WorkflowError):
    """Whose call this is cannot be told, or the handle is not good."""


class ConfigError(WorkflowError):
    """A config file that is there but cannot be used."""


class ProjectError(WorkflowError):
    """No project, the wrong one, or more than one."""


class StoreError(WorkflowError):
    """A project's data cannot be reached."""


class WorkItemError(WorkflowError):
    """A work item that cannot be found, changed or claimed."""


class UsageError(WorkflowError):
    """Arguments, settings or a host that do not fit."""


def workflow_error_in(error: BaseException) -> WorkflowError | None:
    """The `WorkflowError` an exception is or was caused by, along `__cause__`; None when there is none.

    FastMCP wraps what a tool body or a dependency raises; the cause is where the code survives.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, WorkflowError):
            return current
        seen.add(id(current))
        current = current.__cause__
    return None
