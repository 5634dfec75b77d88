"""What the command line says of an error: a line that names commands, and what was typed."""

from __future__ import annotations

import pytest

from tests.clients.shell import Shell


@pytest.mark.parametrize(
    ("typed", "what", "then"),
    [
        ("lst", "there is no command 'lst'.", "run `workflow-mcp list` if that is meant, or `workflow-mcp --help`"),
        ("zzz", "there is no command 'zzz'.", "run `workflow-mcp --help`"),
        (
            "projects renme a b",
            "there is no command 'renme'.",
            "run `workflow-mcp projects rename` if that is meant, or `workflow-mcp projects --help`",
        ),
        ("list foo", "'foo' is an argument too many.", "run `workflow-mcp list --help`"),
        ("list --vew all", "Unknown option: --vew. Did you mean --view?", "run `workflow-mcp list --help`"),
    ],
)
def test_a_mistyped_command(shell: Shell, typed: str, what: str, then: str) -> None:
    """What is close to it is named, and where all that there is can be read."""
    assert shell.line(*typed.split()) == f"ARGUMENT_INVALID: {what} Next: {then}."


@pytest.mark.parametrize(
    ("typed", "what", "then"),
    [
        (["add", ""], "the title is empty", "correct it and run the command again; nothing of it was stored"),
        (
            ["add", "x", "-l", ""],
            "the labels: label is empty",
            "correct it and run the command again; nothing of it was stored",
        ),
        (
            ["update", "1", "--met", "2"],
            "#1 has no criterion 2: it has none",
            "run `workflow-mcp show 1` for its acceptance, or pass acceptance with the criteria",
        ),
    ],
    ids=["title", "label", "criterion"],
)
def test_an_item_that_cannot_be(shell: Shell, typed: list[str], what: str, then: str) -> None:
    """The line names commands and what was typed, and neither tools nor the shape of their arguments."""
    shell.told("add", "one")
    assert shell.line(*typed) == f"ITEM_INVALID: {what}. Next: {then}."
