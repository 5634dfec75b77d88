"""A whole conversation of each era: an opening, work, refusals, a cancelled call, pages, and what is no request."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.clients.protocol import MODERN, Era
from tests.support import PROJECT_ID
from tests.transports.stdio.talks import CALL, INITIALIZE, INITIALIZED, LISTS, Answers, Said, line

CONFIG = {"version": "1.0", "project": {"name": "shop", "id": PROJECT_ID}}
CANCELLED = 40
# Each is said once the one before it is answered.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_working_directory", {}),
    ("set_working_directory", {"directory": "relative"}),
    ("no_such_tool", {}),
    ("create_work_items", {"items": [{"title": f"item {number}"} for number in range(3)], "actor": "ana"}),
    ("list_work_items", {"limit": 2}),
    ("list_work_items", {"cursor": "nonsense"}),
    ("claim_work_item", {"actor": "ana"}),
    ("update_work_items", {"updates": [{"id": 1, "status": "completed"}], "actor": "ana"}),
    ("update_work_items", {"updates": []}),
    ("get_work_item", {"id": 1}),
    ("get_work_item", {"id": 99}),
    ("health_check", {}),
)
REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ping", {}),
    ("no/method", {}),
    ("tools/list", {"cursor": "nowhere"}),
    ("prompts/get", {"name": "plan_work", "arguments": {"goal": "rest"}}),
    ("prompts/get", {"name": "nothing"}),
    ("resources/read", {"uri": "workflow://ready"}),
    ("resources/read", {"uri": "workflow://nothing"}),
)
NO_REQUESTS = (b"\n", b"{\n", b"[]\n", b"\xff\n", b'{"jsonrpc":"2.0","id":7,"result":{}}\n')
# What differs between two conversations in which the same is said: times, also in a cursor, and the process.
DIFFERENT = re.compile(
    r"""\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d(?::\d\d(?:\.\d+)?Z)?|(?<=cursor=)\w+=*|(?<=pid\\":)\d+|(?<="pid":)\d+
    |(?<=uptime_s\\":)[\d.]+|(?<="uptime_s":)[\d.]+""",
    re.VERBOSE,
)


def whole_conversation(era: Era) -> list[Said]:
    """All of it."""
    is_modern = era == MODERN

    def asked(number: int, method: str, params: dict[str, Any]) -> bytes:
        return line(number, method, params, is_modern=is_modern)

    begin = asked(0, "server/discover", {}) if is_modern else asked(0, "initialize", INITIALIZE)
    lists = [asked(number, method, {}) for number, method in enumerate(LISTS, 1)]
    calls = [("tools/call", {"name": name, "arguments": arguments}) for name, arguments in CALLS]
    return [
        Said((begin,)),
        Said((*([] if is_modern else [INITIALIZED]), *lists), (3, 500)),
        Said((asked(9, "ping", {}),)),
        *(Said((asked(number, *request),)) for number, request in enumerate(calls, 10)),
        Said(cancelled(asked), unanswered=1),
        *(Said((asked(number, *request),)) for number, request in enumerate(REQUESTS, CANCELLED + 2)),
        Said((*NO_REQUESTS, asked(60, "tools/call", CALL))),
    ]


def cancelled(asked: Any) -> tuple[bytes, ...]:
    """A call that waits, that it is cancelled, and another call."""
    waiting = {"name": "claim_work_item", "arguments": {"item_type": "bug", "actor": "ben", "wait_seconds": 50}}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": CANCELLED}}
    return (
        asked(CANCELLED, "tools/call", waiting),
        json.dumps(cancel).encode() + b"\n",
        asked(CANCELLED + 1, "tools/call", CALL),
    )


def begin_in(work: Path) -> None:
    """Let a directory be a project."""
    (work / ".workflow-mcp").mkdir(exist_ok=True)
    (work / ".workflow-mcp" / "config.json").write_text(json.dumps(CONFIG))


def without_differences(answers: Sequence[Answers]) -> list[Answers]:
    """The answers without times and the process's number."""
    return [Answers({DIFFERENT.sub("…", text): count for text, count in one.items()}) for one in answers]
