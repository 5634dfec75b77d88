"""Drives the real Claude Code, offline: a scripted Messages API on loopback stands in for the model.

Nothing of the caller's environment reaches Claude Code, its HOME is a scratch
folder, the key is made up, and the only address used is 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pytest

import workflow_mcp
from tests.clients.launcher import INSTALLED
from tests.clients.loopback import LoopbackApi

BINARY = os.environ.get("CLAUDE_BIN", "")
NEEDS_CLAUDE_CODE = [
    pytest.mark.skipif(not BINARY, reason="CLAUDE_BIN does not name a Claude Code binary; .ci/run installs one"),
    pytest.mark.timeout(400),
]

Era = Literal["auto", "legacy"]  # as Claude Code calls them
# Starting Claude Code takes seconds: most tests do it in one era, and in the other one as soak tests.
NEW_ERA = ["auto", pytest.param("legacy", marks=pytest.mark.soak)]
OLD_ERA = ["legacy", pytest.param("auto", marks=pytest.mark.soak)]

SERVER = "workflow"
PLUGIN = Path(str(workflow_mcp.__file__)).parent / "claude_code" / "plugin"
PLUGIN_PREFIX = f"mcp__plugin_workflow_{SERVER}__"
PATIENCE = 120.0

Block = dict[str, Any]
Turn = Sequence[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Called:
    """One tool call as the model sees it; `agent` is Claude Code's id of the subagent, empty for the main agent."""

    tool: str
    content: str
    is_error: bool
    agent: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The structured content, which is all that the model sees of a result that has one."""
        value: dict[str, Any] = json.loads(self.content)
        return value


@dataclass
class Outcome:
    """What one run of Claude Code gave; `notes` is what a person was shown beside the conversation."""

    code: int
    servers: list[dict[str, Any]] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    log: str = ""


class ScriptedModel(LoopbackApi):
    """A Messages API whose n-th answer to a conversation is the n-th turn: calls of tools, by name.

    Claude Code's own tools begin with a capital; all others are ours.

    Args:
        turns: what it answers.
        prefix: what the names of our tools begin with for the model.

    Attributes:
        asked: the requests for a message, as they came.
    """

    def __init__(self, turns: Sequence[Turn], *, prefix: str = f"mcp__{SERVER}__") -> None:
        super().__init__()
        self._turns = turns
        self._prefix = prefix
        self.asked: list[dict[str, Any]] = []

    def response(self, path: str, body: dict[str, Any]) -> tuple[bytes, str]:
        """See `LoopbackApi`."""
        if "count_tokens" in path:
            return b'{"input_tokens": 1}', "application/json"
        blocks = self._blocks(body)
        stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
        usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        message: dict[str, Any] = {"id": f"msg_{uuid4().hex}", "type": "message", "role": "assistant", "usage": usage}
        message |= {"model": body.get("model"), "stop_sequence": None}
        if not body.get("stream"):
            return json.dumps({**message, "content": blocks, "stop_reason": stop}).encode(), "application/json"
        events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}]
        for index, block in enumerate(blocks):
            events += _streamed(index, block)
        delta = {"stop_reason": stop, "stop_sequence": None}
        events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        return text.encode(), "text/event-stream"

    def _blocks(self, body: dict[str, Any]) -> list[Block]:
        self.asked.append(body)
        turns, turn = self._place_in(body["messages"])
        if not body.get("tools") or turn >= len(turns):
            return [{"type": "text", "text": "done"}]
        return [
            {"type": "tool_use", "id": f"toolu_{uuid4().hex}", "name": self._full_name(tool), "input": arguments}
            for tool, arguments in turns[turn]
        ]

    def _place_in(self, messages: list[dict[str, Any]]) -> tuple[Sequence[Turn], int]:
        return self._turns, sum(message["role"] == "assistant" for message in messages)

    def _full_name(self, tool: str) -> str:
        return tool if tool[0].isupper() else self._prefix + tool


class PromptedModel(ScriptedModel):
    """A Messages API that answers each prompt, of a person or to a subagent, with turns of its own.

    Args:
        scripts: a word to the turns that answer the prompt which has it.
        prefix: what the names of our tools begin with for the model.
    """

    def __init__(self, scripts: Mapping[str, Sequence[Turn]], *, prefix: str) -> None:
        super().__init__((), prefix=prefix)
        self._scripts = scripts

    def _place_in(self, messages: list[dict[str, Any]]) -> tuple[Sequence[Turn], int]:
        for index in range(len(messages) - 1, -1, -1):
            words = set(_prompt(messages[index]).split())
            for word, turns in self._scripts.items():
                if word in words:
                    return turns, sum(message["role"] == "assistant" for message in messages[index:])
        return (), 0


def _prompt(message: dict[str, Any]) -> str:
    if message["role"] != "user":
        return ""
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return " ".join(block["text"] for block in blocks if block["type"] == "text")


def _streamed(index: int, block: Block) -> list[dict[str, Any]]:
    if block["type"] == "text":
        start, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        start, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    ]


@dataclass
class ClaudeCode:
    """One installation of Claude Code, with a scratch home, that has our server configured.

    Args:
        binary: Claude Code.
        home: its home.
        programs: the folder of the `workflow-mcp` that it starts.
    """

    binary: str
    home: Path
    programs: Path = INSTALLED

    def registration(self) -> list[str]:
        """The arguments that make our server known to it."""
        own = ["--strict-mcp-config", "--mcp-config", str(self.configuration())]
        return [*own, "--allowedTools", f"mcp__{SERVER}"]

    def variables(self) -> dict[str, str]:
        """What its environment has beside what every one has."""
        return {}

    def configuration(self) -> Path:
        """An MCP configuration that starts our server."""
        path = self.home / "mcp.json"
        env = {"WORKFLOW_MCP_DATA_DIR": str(self.home / "data")}
        server = {"command": str(self.programs / "workflow-mcp"), "env": env}
        path.write_text(json.dumps({"mcpServers": {SERVER: server}}))
        return path

    def start(self, url: str, cwd: Path, era: Era, *arguments: str, prompt: str | None = "go") -> subprocess.Popen[str]:
        """`claude -p` in a directory, speaking that era to our server."""
        env = {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "dummy-made-up-key",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "MCP_PROTOCOL_NEGOTIATION": era,
        } | self.variables()
        command = [self.binary, "-p", *([] if prompt is None else [prompt]), "--output-format", "stream-json"]
        command += ["--verbose", *self.registration(), *arguments]
        pipe, stdin = subprocess.PIPE, subprocess.PIPE if prompt is None else subprocess.DEVNULL
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdin=stdin, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
        )

    def talk(self, url: str, cwd: Path, era: Era, *prompts: str) -> Outcome:
        """One process that is given one prompt after the other, each when the last is answered."""
        said = ""
        with self.start(url, cwd, era, "--input-format", "stream-json", prompt=None) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            stop = threading.Timer(PATIENCE, process.kill)
            stop.start()
            for prompt in prompts:
                message = {"type": "user", "message": {"role": "user", "content": prompt}}
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
                for line in process.stdout:
                    said += line
                    if json.loads(line)["type"] == "result":
                        break
            process.stdin.close()
            said, log = said + process.stdout.read(), process.stderr.read()
            stop.cancel()
        return outcome(process.returncode, said, log)

    def run(self, cwd: Path, *turns: Turn, era: Era = "auto", arguments: Sequence[str] = ()) -> Outcome:
        """One whole conversation in which the model calls our tools turn by turn."""
        with ScriptedModel(turns) as model:
            return self.finish(self.start(model.url, cwd, era, *arguments))

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> Outcome:
        """What a started conversation gave, once it has ended."""
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        return outcome(process.returncode, out, err)


@dataclass
class ClaudeCodeWithPlugin(ClaudeCode):
    """One that has our plugin.

    Args:
        binary: Claude Code.
        home: its home.
        programs: the folder of the `workflow-mcp` that it starts.
        plugin: the plugin's folder.
    """

    plugin: Path = PLUGIN

    def registration(self) -> list[str]:
        """See `ClaudeCode`."""
        allowed = [PLUGIN_PREFIX.rstrip("_"), "Bash", "Agent", "EnterWorktree", "ExitWorktree"]
        return ["--plugin-dir", str(self.plugin), "--allowedTools", ",".join(allowed)]

    def variables(self) -> dict[str, str]:
        """See `ClaudeCode`."""
        path = f"{self.programs}:/usr/local/bin:/usr/bin:/bin"
        return {"PATH": path, "WORKFLOW_MCP_DATA_DIR": str(self.home / "data")}


def outcome(code: int, out: str, err: str) -> Outcome:
    """The servers in a stream of JSON events, and the calls, in the order in which the model made them."""
    result, names, answered = Outcome(code, log=err), dict[str, str](), dict[str, Called]()
    for line in out.splitlines():
        event = json.loads(line)
        if event.get("subtype") == "init":
            result.servers = event["mcp_servers"]
        if event.get("subtype") == "informational":
            result.notes.append(event["content"])
        message = event.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "tool_use":
                names[block["id"]] = block["name"].rpartition("__")[2]
            elif block.get("type") == "tool_result":
                name = block["tool_use_id"]
                agent = event.get("agent_id") or ""
                answered[name] = Called(names[name], _text(block.get("content")), bool(block.get("is_error")), agent)
    # Calls of one turn run at the same time, and are answered in any order.
    result.calls = [answered[name] for name in names if name in answered]
    return result


def _text(content: object) -> str:
    blocks = content if isinstance(content, list) else [{"text": content}]
    return "".join(str(block.get("text")) for block in blocks)
