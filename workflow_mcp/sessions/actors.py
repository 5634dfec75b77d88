"""What agents of Claude Code are called, as holders of work and in its history."""

from __future__ import annotations

import hashlib

CONVERSATION = "claude:"
SESSION_DIGITS = 6
AGENT_DIGITS = 4
MAX_TYPE_LENGTH = 60


def actor_name(session_id: str, agent_id: str = "", agent_type: str = "") -> str:
    """The name of a conversation's main agent, `claude-3fa2b1`, or of a subagent, `claude-3fa2b1/Explore-9c04`.

    It is the same again after a crash and when the conversation is resumed.

    Args:
        session_id: Claude Code's id of the conversation.
        agent_id: its id of the subagent; empty for the main agent.
        agent_type: what kind of subagent it is.
    """
    main = f"claude-{_digits(CONVERSATION + session_id, SESSION_DIGITS)}"
    if not agent_id:
        return main
    return f"{main}/{agent_type[:MAX_TYPE_LENGTH] or 'agent'}-{_digits(agent_id, AGENT_DIGITS)}"


def _digits(text: str, number: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:number]
