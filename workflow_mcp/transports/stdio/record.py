"""The real server's side of an opening: its answers are held against those given already, and kept for later starts."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from mcp_types import CONNECTION_CLOSED

from workflow_mcp.transports.stdio.memo import MAX_BYTES, Memo, digest
from workflow_mcp.transports.stdio.opening import MAX_LINES, Opening
from workflow_mcp.transports.surrogates import as_read

logger = logging.getLogger(__name__)

KEEPING = 0.5  # seconds that the end of the process waits for the memo to be written
INITIALIZED = "notifications/initialized"
IDS = (str, int)  # exactly: to Python, `true` is the number 1
# The requests of an opening, and what tells a client of the handshake era that it was given a wrong answer.
CHANGED: dict[str, str | None] = {
    "initialize": None,
    "server/discover": None,
    "ping": None,
    "tools/list": "notifications/tools/list_changed",
    "prompts/list": "notifications/prompts/list_changed",
    "resources/list": "notifications/resources/list_changed",
    "resources/templates/list": "notifications/resources/list_changed",
}


class Record:
    """What a client asks in its opening, and what the real server answers.

    Args:
        opening: what was said before the real server was there; it is asked all of that again.
    """

    def __init__(self, opening: Opening) -> None:
        self._memo = opening.memo
        self._given = opening.given
        self._digest, self._lines = digest(), 0
        self._is_open, self._is_legacy, self._was_wrong = opening.memo is not None, False, False
        # Under a request's id: its name in the memo, and its method.
        self._waiting: dict[object, tuple[str, str]] = {}
        self._used: set[object] = set()
        self._repeated: set[object] = set()
        self._new: dict[str, bytes] = {}
        self._keeper: threading.Thread | None = None

    def asked(self, line: bytes) -> None:
        """Note what the client asks; its opening ends with the first line that does not belong to one."""
        if self._is_open or self._waiting:
            message = parsed(as_read(line))
            self._is_open = self._is_open and self._goes_on(line, message)
            if not self._is_open and "method" in message:
                self._note_repetition(message.get("id"))

    def answered(self, text: str) -> str:
        """What to send in place of a line of the real server: nothing when the client has its answer already."""
        message = parsed(text) if self._waiting else {}
        number = message.get("id")
        if "method" in message or number not in self._waiting:
            return text
        key, method = self._waiting[number]
        given, answer = self._given.get(key), text.encode()
        if number in self._repeated and given != answer:
            return text
        del self._waiting[number]
        if given is None and "result" in message:
            self._new[key] = answer
        elif given not in (None, answer):
            text = self._corrected(key, method, message, answer)
        self._keep()
        return "" if given == answer else text

    def close(self) -> None:
        """Wait a little for what is being written."""
        if self._keeper is not None:
            self._keeper.join(KEEPING)

    def _goes_on(self, line: bytes, message: dict[str, Any]) -> bool:
        """Whether a line goes on with the opening; then its answer is waited for."""
        self._digest.update(line)
        self._lines += 1
        method, number, key = message.get("method"), message.get("id"), self._digest.hexdigest()
        self._is_legacy |= self._lines == 1 and method == "initialize"
        if self._lines > MAX_LINES or len(line) > MAX_BYTES:
            return False
        if method == INITIALIZED and "id" not in message:
            self._new[key] = b""
            self._keep()
            return True
        if not isinstance(method, str) or method not in CHANGED or type(number) not in IDS or number in self._used:
            return False
        self._used.add(number)
        self._waiting[number] = key, method
        return True

    def _note_repetition(self, number: object) -> None:
        # Of two requests with one id the answers come in any order: none is kept, and only what was given is dropped.
        if type(number) in IDS and number in self._waiting:
            if self._waiting[number][0] in self._given:
                self._repeated.add(number)
            else:
                del self._waiting[number]

    def _corrected(self, key: str, method: str, message: dict[str, Any], answer: bytes) -> str:
        if message.get("error", {}).get("code") == CONNECTION_CLOSED:  # the client left before it was answered again
            return ""
        logger.warning("the memo had another answer to %s than this server; it is dropped", method)
        self._was_wrong = True
        if "result" in message:
            self._new[key] = answer
        notification = CHANGED[method] if self._is_legacy else None
        return "" if notification is None else json.dumps({"jsonrpc": "2.0", "method": notification}) + "\n"

    def _keep(self) -> None:
        # Not before all is answered: a client's lists come at once, and are written at once.
        if self._memo is not None and (self._new or self._was_wrong) and not self._waiting:
            work = (self._memo, self._new, self._was_wrong, self._keeper)
            self._keeper = threading.Thread(target=_write, args=work, name="memo", daemon=True)
            self._new, self._was_wrong = {}, False
            self._keeper.start()


def _write(memo: Memo, answers: dict[str, bytes], was_wrong: bool, before: threading.Thread | None) -> None:
    if before is not None:
        before.join()
    try:
        if was_wrong:
            memo.drop()
        if memo.is_current():
            memo.put(answers)
        else:
            logger.info("another version was installed since this window opened; it leaves no memo")
    except OSError as error:
        logger.info("the memo cannot be written: %s", error)


def parsed(line: str) -> dict[str, Any]:
    """The message in a line; an empty one when there is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
