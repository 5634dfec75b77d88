"""The one tree of errors that a client can see.

    WorkflowError                 code, message, next_step
    ├── DirectoryError            a directory that cannot be the working directory, or no directory is known
    ├── SessionError              the session cannot be determined, or the handle is not valid
    ├── ConfigError               a `.workflow-mcp/config.json` that is there but cannot be used
    │   └── ConfigWriteError      it or its folder cannot be written
    ├── ProjectError              no project, the wrong one, or more than one
    │   └── ProjectUnknownError   no project has this id or name
    ├── StoreError                a project's data cannot be reached
    ├── WorkItemError             a work item that cannot be found, changed or claimed
    └── UsageError                invalid arguments or settings, or a host that does not run our lifespan

Every error is one line: `CODE: what is wrong. Next: the call or edit that fixes it.`
"""

from __future__ import annotations

from enum import StrEnum

MAX_SHOWN_LENGTH = 160


class Code(StrEnum):
    """Every error code that a client can see; the README says how to fix each.

    A code is `NOUN_PROBLEM`, such as `CONFIG_INVALID`, or `NO_NOUN` for what is missing altogether.
    """

    ACTOR_REQUIRED = "ACTOR_REQUIRED"
    ADDRESS_UNUSABLE = "ADDRESS_UNUSABLE"
    ADMIN_REQUIRED = "ADMIN_REQUIRED"
    ARGUMENT_INVALID = "ARGUMENT_INVALID"
    BODY_TIMEOUT = "BODY_TIMEOUT"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    CHILDREN_NEED_CONFIRM = "CHILDREN_NEED_CONFIRM"
    CONFIG_BUSY = "CONFIG_BUSY"
    CONFIG_FOREIGN_OWNER = "CONFIG_FOREIGN_OWNER"
    CONFIG_INVALID = "CONFIG_INVALID"
    CONFIG_NOT_ALLOWED = "CONFIG_NOT_ALLOWED"
    CONFIG_NOT_A_FILE = "CONFIG_NOT_A_FILE"
    CONFIG_NOT_FOUND = "CONFIG_NOT_FOUND"
    CONFIG_NOT_WRITABLE = "CONFIG_NOT_WRITABLE"
    CONFIG_TOO_LARGE = "CONFIG_TOO_LARGE"
    CONFIG_UNREADABLE = "CONFIG_UNREADABLE"
    CURSOR_INVALID = "CURSOR_INVALID"
    DIRECTORY_HAS_NUL = "DIRECTORY_HAS_NUL"
    DIRECTORY_IS_FILE = "DIRECTORY_IS_FILE"
    DIRECTORY_NOT_ABSOLUTE = "DIRECTORY_NOT_ABSOLUTE"
    DIRECTORY_NOT_ALLOWED = "DIRECTORY_NOT_ALLOWED"
    DIRECTORY_NOT_FOUND = "DIRECTORY_NOT_FOUND"
    DIRECTORY_NOT_TEXT = "DIRECTORY_NOT_TEXT"
    DIRECTORY_OVER_HTTP = "DIRECTORY_OVER_HTTP"
    DIRECTORY_TIMEOUT = "DIRECTORY_TIMEOUT"
    DIRECTORY_TOO_LONG = "DIRECTORY_TOO_LONG"
    DIRECTORY_UNREADABLE = "DIRECTORY_UNREADABLE"
    DRY_RUN = "DRY_RUN"
    EVIDENCE_REQUIRED = "EVIDENCE_REQUIRED"
    FILE_EXISTS = "FILE_EXISTS"
    FILE_UNREADABLE = "FILE_UNREADABLE"
    HEADER_TWICE = "HEADER_TWICE"
    HOST_NOT_ALLOWED = "HOST_NOT_ALLOWED"
    IMPORT_INVALID = "IMPORT_INVALID"
    IMPORT_RUNNING = "IMPORT_RUNNING"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    ITEM_CLAIMED = "ITEM_CLAIMED"
    ITEM_CYCLE = "ITEM_CYCLE"
    ITEM_DELETED = "ITEM_DELETED"
    ITEM_INVALID = "ITEM_INVALID"
    ITEM_NOT_FOUND = "ITEM_NOT_FOUND"
    ITEM_NOT_READY = "ITEM_NOT_READY"
    ITEM_TOO_DEEP = "ITEM_TOO_DEEP"
    ITEM_UNFINISHED = "ITEM_UNFINISHED"
    KEY_INVALID = "KEY_INVALID"
    KEY_REQUIRED = "KEY_REQUIRED"
    LIMIT_INVALID = "LIMIT_INVALID"
    MEMBER_UNKNOWN = "MEMBER_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NO_CURRENT_DIRECTORY = "NO_CURRENT_DIRECTORY"
    NO_DATABASE_DRIVER = "NO_DATABASE_DRIVER"
    NO_DIRECTORY = "NO_DIRECTORY"
    NO_PROJECT = "NO_PROJECT"
    NO_SESSION = "NO_SESSION"
    ORIGIN_NOT_ALLOWED = "ORIGIN_NOT_ALLOWED"
    OUTPUT_INCOMPLETE = "OUTPUT_INCOMPLETE"
    PARENT_DELETED = "PARENT_DELETED"
    PROJECT_AMBIGUOUS = "PROJECT_AMBIGUOUS"
    PROJECT_DELETED = "PROJECT_DELETED"
    PROJECT_ID_INVALID = "PROJECT_ID_INVALID"
    PROJECT_UNKNOWN = "PROJECT_UNKNOWN"
    REPOSITORY_UNKNOWN = "REPOSITORY_UNKNOWN"
    ROLE_INSUFFICIENT = "ROLE_INSUFFICIENT"
    ROOTS_UNANSWERED = "ROOTS_UNANSWERED"
    SERVER_BUSY = "SERVER_BUSY"
    SERVER_NOT_STARTED = "SERVER_NOT_STARTED"
    SERVER_UNREACHABLE = "SERVER_UNREACHABLE"
    SESSION_NOT_REMOVED = "SESSION_NOT_REMOVED"
    SESSION_UNKNOWN = "SESSION_UNKNOWN"
    SESSION_UNREADABLE = "SESSION_UNREADABLE"
    SETTING_INVALID = "SETTING_INVALID"
    SOURCE_AMBIGUOUS = "SOURCE_AMBIGUOUS"
    SOURCE_NOT_FOUND = "SOURCE_NOT_FOUND"
    STORE_BUSY = "STORE_BUSY"
    STORE_CLOSED = "STORE_CLOSED"
    STORE_DAMAGED = "STORE_DAMAGED"
    STORE_FULL = "STORE_FULL"
    STORE_NEWER = "STORE_NEWER"
    STORE_NOT_FOUND = "STORE_NOT_FOUND"
    STORE_NOT_IN_FILES = "STORE_NOT_IN_FILES"
    STORE_OLDER = "STORE_OLDER"
    STORE_READ_ONLY = "STORE_READ_ONLY"
    STORE_OUTCOME_UNKNOWN = "STORE_OUTCOME_UNKNOWN"
    STORE_REFUSED = "STORE_REFUSED"
    STORE_UNSUITABLE = "STORE_UNSUITABLE"
    STORE_UNREACHABLE = "STORE_UNREACHABLE"
    STORE_UPGRADE_FAILED = "STORE_UPGRADE_FAILED"
    STORE_WRONG_PROJECT = "STORE_WRONG_PROJECT"
    STRICT_MODE = "STRICT_MODE"
    TOKENS_INVALID = "TOKENS_INVALID"
    TOKENS_NOT_PRIVATE = "TOKENS_NOT_PRIVATE"
    TOKENS_REQUIRED = "TOKENS_REQUIRED"
    TOKENS_UNREADABLE = "TOKENS_UNREADABLE"
    TOOL_UNKNOWN = "TOOL_UNKNOWN"
    VARIABLE_NOT_SET = "VARIABLE_NOT_SET"
    VERSION_CONFLICT = "VERSION_CONFLICT"


def shown(value: object) -> str:
    """A value as it appears in an error: quoted, on one line, at most 160 characters."""
    text = repr((value if isinstance(value, str) else str(value))[: MAX_SHOWN_LENGTH + 1])
    return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[: MAX_SHOWN_LENGTH - 2]}…'"


class WorkflowError(Exception):
    """An error that the client can correct.

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
    """A directory that cannot be the working directory, or no directory is known."""


class SessionError(WorkflowError):
    """The session cannot be determined, or the handle is not valid."""


class ConfigError(WorkflowError):
    """A config file that is there but cannot be used."""


class ConfigWriteError(ConfigError):
    """A config file or its folder that cannot be written."""


class ProjectError(WorkflowError):
    """No project, the wrong one, or more than one."""


class ProjectUnknownError(ProjectError):
    """No project has this id or name."""


class StoreError(WorkflowError):
    """A project's data cannot be reached."""


class WorkItemError(WorkflowError):
    """A work item that cannot be found, changed or claimed."""


class UsageError(WorkflowError):
    """Invalid arguments or settings, or a host that does not run our lifespan."""


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
