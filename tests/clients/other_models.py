"""Scripted models for clients other than Claude Code: each speaks what its client asks a model in, on loopback."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.clients.loopback import LoopbackApi

Call = tuple[str, dict[str, Any]]
EVENTS = "text/event-stream"


class ScriptedApi(LoopbackApi):
    """A model whose n-th answer to a conversation is the n-th call of one of our tools.

    Attributes:
        asked: the requests, as they came.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.asked: list[dict[str, Any]] = []

    def response(self, path: str, body: dict[str, Any]) -> tuple[bytes, str]:
        """See `LoopbackApi`."""
        self.asked.append(body)
        return self.answer(body), EVENTS

    def answer(self, body: dict[str, Any]) -> bytes:
        """The answer to one request, as a stream of events."""
        raise NotImplementedError

    def results(self) -> list[str]:
        """What the model was told by the calls that it made, as text."""
        raise NotImplementedError


class Responses(ScriptedApi):
    """The Responses API, which Codex speaks."""

    def answer(self, body: dict[str, Any]) -> bytes:
        """See `ScriptedApi`."""
        number = len(self._outputs(body))
        if number < len(self.calls):
            tool, arguments = self.calls[number]
            item: dict[str, Any] = {
                "type": "function_call",
                "id": f"fc_{number}",
                "call_id": f"call_{number}",
                "name": tool,
            }
            item |= {"namespace": "mcp__workflow", "arguments": json.dumps(arguments), "status": "completed"}
        else:
            text = {"type": "output_text", "text": "done", "annotations": []}
            item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        done = {"id": "r", "object": "response", "status": "completed", "output": [item], "usage": usage}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": done},
        ]
        return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()

    def results(self) -> list[str]:
        """See `ScriptedApi`."""
        return [json.dumps(output["output"]) for output in self._outputs(self.asked[-1])]

    @staticmethod
    def _outputs(body: dict[str, Any]) -> list[dict[str, Any]]:
        return [item for item in body["input"] if item.get("type") == "function_call_output"]


class GenerateContent(ScriptedApi):
    """The Gemini API, which Gemini CLI speaks."""

    def answer(self, body: dict[str, Any]) -> bytes:
        """See `ScriptedApi`."""
        number = len(self._responses(body))
        part: dict[str, Any] = {"text": "done"}
        if number < len(self.calls):
            tool, arguments = self.calls[number]
            part = {"functionCall": {"name": f"mcp_workflow_{tool}", "args": arguments}}
        content = {"role": "model", "parts": [part]}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        candidate = {"content": content, "finishReason": "STOP", "index": 0}
        return f"data: {json.dumps({'candidates': [candidate], 'usageMetadata': usage})}\n\n".encode()

    def results(self) -> list[str]:
        """See `ScriptedApi`."""
        return [json.dumps(part["functionResponse"]) for part in self._responses(self.asked[-1])]

    @staticmethod
    def _responses(body: dict[str, Any]) -> list[dict[str, Any]]:
        parts = [part for content in body.get("contents", []) for part in content.get("parts", [])]
        return [part for part in parts if "functionResponse" in part]
