"""What every client of ours says, whatever carries it: JSON-RPC messages of both eras, without any SDK."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"

SHOWS_APPS: Final = {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}

Era = Literal["legacy", "2026-07-28"]
ERAS: tuple[Era, ...] = ("legacy", "2026-07-28")
Message = dict[str, Any]
Roots = Callable[[], Sequence[str] | None]


@dataclass(frozen=True)
class Answer:
    """What a tool call gave: its text, its structured content or what JSON its text is, and whether it is an error."""

    text: str
    data: dict[str, Any]
    is_error: bool

    @property
    def code(self) -> str:
        """The code at the head of an error."""
        return self.text.partition(":")[0] if self.is_error else ""


def answer_of(result: Message) -> Answer:
    """The answer in the result of a `tools/call`."""
    text = "\n".join(block["text"] for block in result["content"])
    data = result.get("structuredContent") or (json.loads(text) if text.startswith("{") else {})
    return Answer(text, data, bool(result.get("isError")))


def request_message(number: int, method: str, params: Message | None, *, era: Era, client: Message) -> Message:
    """A request as the era writes it, of a client with this `clientInfo` and these `clientCapabilities`."""
    params = dict(params or {})
    if era == MODERN:
        told = {"protocolVersion": MODERN, **client}
        own = {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}
        params["_meta"] = params.get("_meta", {}) | own
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


class Conversation:
    """One client's side of the protocol.

    Attributes:
        era: which protocol it speaks.
        roots: answers `roots/list` (None: not at all); without it the client declares no roots.
        asked: how often the server asked for the roots.
        shows_apps: whether it declares that it shows MCP Apps.
    """

    era: Era
    roots: Roots | None
    asked: int
    shows_apps = False
    _last_id = 0

    def message(self, method: str, params: Message | None = None) -> Message:
        """A request with a new id, as the era writes it."""
        self._last_id += 1
        client = {"clientInfo": self._info(), "clientCapabilities": self._capabilities()}
        return request_message(self._last_id, method, params, era=self.era, client=client)

    def initialize_params(self) -> Message:
        """What a handshake-era client opens with."""
        return {"protocolVersion": LEGACY, "capabilities": self._capabilities(), "clientInfo": self._info()}

    def _capabilities(self) -> Message:
        roots: Message = {} if self.roots is None else {"roots": {}}
        return roots | {"extensions": SHOWS_APPS} if self.shows_apps else roots

    def _info(self) -> Message:
        return {"name": type(self).__name__, "version": "1"}

    def _asked_for_roots(self) -> Message | None:
        self.asked += 1
        assert self.roots is not None, "a client that declares no roots was asked for them"
        uris = self.roots()
        return None if uris is None else {"roots": [{"uri": uri} for uri in uris]}

    def roots_answer(self, request: Message) -> Message | None:
        """The response to a handshake-era `roots/list`; None for a client that does not answer."""
        result = self._asked_for_roots()
        return None if result is None else {"jsonrpc": "2.0", "id": request["id"], "result": result}

    def with_input(self, params: Message | None, result: Message) -> Message:
        """The parameters to repeat a 2026-07-28 request with, whose result asks for the roots."""
        ((name, asked),) = result["inputRequests"].items()
        assert asked == {"method": "roots/list"}
        roots = self._asked_for_roots()
        return {**(params or {}), "inputResponses": {} if roots is None else {name: roots}}


def needs_input(response: Message) -> bool:
    """Whether a response asks for something before it can be a result."""
    return bool(response.get("result", {}).get("resultType") == "input_required")


def result_of(response: Message) -> Message:
    """The result of a request that succeeded."""
    assert "result" in response, response
    result: Message = response["result"]
    return result
