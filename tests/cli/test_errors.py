"""What the command line says of an error: a line that names commands, and what was typed."""

from __future__ import annotations

import pytest

from tests.clients.shell import Shell


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (
            ["lst"],
            "ARGUMENT_INVALID: there is no command 'lst'. "
            "Next: run `workflow-mcp list` if that is meant, or `workflow-mcp --help`.",
        ),
        (["zzz"], "ARGUMENT_INVALID: there is no command 'zzz'. Next: run `workflow-mcp --help`."),
        (
            ["projects", "renme", "a", "b"],
            "ARGUMENT_INVALID: there is no command 'renme'. "
            "Next: run `workflow-mcp projects rename` if that is meant, or `workflow-mcp projects --help`.",
        ),
        (
            ["list", "foo"],
            "ARGUMENT_INVALID: 'foo' is an argument too many. Next: run `workflow-mcp list --help`.",
        ),
        (
            ["list", "--vew", "all"],
            "ARGUMENT_INVALID: Unknown option: --vew. Did you mean --view? Next: run `workflow-mcp list --help`.",
        ),
        (
            ["add", ""],
            "ITEM_INVALID: the title is empty. Next: correct it and run the command again; nothing of it was stored.",
        ),
        (
            ["add", "x", "-l", ""],
            "ITEM_INVALID: the labels: label is empty. "
            "Next: correct it and run the command again; nothing of it was stored.",
        ),
        (
            ["update", "1", "--met", "2"],
            "ITEM_INVALID: #1 has no criterion 2: it has 0, counted from 1. "
            "Next: run `workflow-mcp show 1` for its acceptance, or pass acceptance with the criteria.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_names_commands_and_what_was_typed(shell: Shell, typed: list[str], line: str) -> None:
    """Neither a tool nor the shape of a tool's arguments; what is close to what was typed is named."""
    shell.told("add", "one")
    assert shell.line(*typed) == line
