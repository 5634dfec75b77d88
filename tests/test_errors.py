"""The one line that an error is."""

from __future__ import annotations

import pickle

import pytest

from workflow_mcp import errors
from workflow_mcp.errors import ConfigError, DirectoryError, WorkflowError, shown, workflow_error_in


def test_an_error_is_one_line_with_code_and_next_step() -> None:
    """`CODE: what is wrong. Next: what fixes it.`"""
    error = DirectoryError("CODE", "this is wrong.", "do that.")
    assert str(error) == "CODE: this is wrong. Next: do that."
    assert (error.code, error.message, error.next_step) == ("CODE", "this is wrong.", "do that.")


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_no_value_breaks_the_line(break_: str) -> None:
    """Whatever a value holds, the error stays on one line."""
    line = str(ConfigError("CODE", f"/a{break_}b: no.", f"fix{break_}it."))
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("value", ["a\nb", "x" * 1000, "\0", "\ud800", "'", "ü", "", 5, None, "\x1b[31m"])
def test_a_shown_value_is_short_printable_and_one_line(value: object) -> None:
    """At most 160 characters, encodable, and nothing in it steers a terminal."""
    text = shown(value)
    assert len(text) <= 160
    assert text.isprintable()
    text.encode()


def test_a_short_value_is_shown_whole() -> None:
    """A value that fits is quoted and otherwise as it is."""
    assert shown("/work/ü b") == "'/work/ü b'"


def test_every_error_is_in_the_tree_and_in_its_drawing() -> None:
    """The docstring draws every class, and each is a `WorkflowError`."""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(classes) > 5
    for kind in classes:
        assert issubclass(kind, WorkflowError)
        assert kind.__name__ in str(errors.__doc__)


def test_the_code_survives_being_wrapped() -> None:
    """A `WorkflowError` is found however many exceptions were raised from it; no other relation counts."""
    cause = DirectoryError("CODE", "m", "n")
    middle, outer = ValueError("middle"), RuntimeError("outer")
    middle.__cause__, outer.__cause__ = cause, middle
    assert workflow_error_in(cause) is cause
    assert workflow_error_in(outer) is cause
    stranger = RuntimeError("while handling it, something else broke")
    stranger.__context__ = cause
    assert workflow_error_in(stranger) is None


def test_a_circle_of_causes_ends() -> None:
    """Exceptions that are each other's cause hold no `WorkflowError` and end the search."""
    one, two = ValueError("1"), ValueError("2")
    one.__cause__, two.__cause__ = two, one
    assert workflow_error_in(one) is None


def test_an_error_survives_pickling() -> None:
    """An error that crosses a process keeps code, message and next step."""
    error = pickle.loads(pickle.dumps(ConfigError("CODE", "m.", "n.")))
    assert isinstance(error, ConfigError)
    assert str(error) == "CODE: m. Next: n."
