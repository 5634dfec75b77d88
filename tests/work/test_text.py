"""Texts of strangers: names that can be nothing else, and rows that no title can forge."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clients.agents import ROW
from workflow_mcp.work.lines import row
from workflow_mcp.work.text import HIDDEN, has_visible, is_name, plain_or_quoted, quoted, visible
from workflow_mcp.work.values import ItemSummary

DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
JOINERS = {"\u200c", "\u200d"}
TITLES = st.text(st.characters() | st.sampled_from('"\\ @v#\u202e\u200b\x1b\n'), min_size=1)


def must_be_hidden(character: str) -> bool:
    """What Unicode says of a character that a terminal would obey, or that nobody would see."""
    if character in JOINERS or unicodedata.category(character) == "Cn":
        return False
    obeyed = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    return obeyed or unicodedata.bidirectional(character) in DIRECTIONS | {"BN"}


def test_all_that_is_hidden_is_known() -> None:
    """Every control, separator, direction and zero-width character that Unicode has is written out; joiners stay."""
    assert [
        hex(ord(one)) for one in map(chr, range(sys.maxunicode + 1)) if must_be_hidden(one) and one == visible(one)
    ] == []
    assert [one for one in JOINERS if HIDDEN.search(one)] == []


@pytest.mark.parametrize(
    "name",
    ["ana", "s-1f9c0e", "claude-1a2b3c/Explore-9f0e", "ana@example.com", "Ana María (board)", "李雷", "राम", "محمد",
     "O'Brien", "bot:42", "1", "a.b_c+d#1", "plugin:reviewer/2"],
)  # fmt: skip
def test_names(name: str) -> None:
    """Letters of every script, digits and single spaces, and what identifiers are made of."""
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "@ana", "ana  @bob", " ana", "ana ", "ana\n", "ana\t", '"ana', "ana\u202e", "a\u200bb", "\u3164",
     "#1 task", "ana: done", "ana:", "🚀", "-x", "a|b", "a\ufe0f", "\u0301a", "a\x1b[31m", "…"],
)  # fmt: skip
def test_what_is_no_name(name: str) -> None:
    """Nothing that could end a name within a row and begin something else, and nothing that cannot be seen."""
    assert not is_name(name)


@given(TITLES)
def test_a_title_is_nothing_but_a_title(title: str) -> None:
    """Whatever it says, a row is one line, and its title ends where it ends."""
    line = row(ItemSummary(7, title, "task", "ready", 2, "ana"), "v3")
    assert len(line.splitlines()) == 1
    found = ROW.fullmatch(line)
    assert found is not None
    assert (found["id"], found["state"], found["marks"], found["holder"]) == ("7", "ready", " v3", " @ana")
    unescaped = re.sub(r'\\(["\\])', r"\1", found["title"])
    assert HIDDEN.search(title) or not has_visible(title) or unescaped == title


def test_titles_that_look_like_more() -> None:
    """What looks like the end of a row, or like another row, stays between the quotes."""
    for title in ("Fix login  @ana", 'Done" @bob', "Done  @bob  v7", 'x" @a\n#2 task p0 ready "y'):
        line = row(ItemSummary(1, title, "task", "ready", 2, None))
        assert ROW.fullmatch(line)["holder"] is None  # type: ignore[index] # it matches, or the test fails here


def test_what_cannot_be_seen_is_written_out() -> None:
    """Escapes for a terminal, directions, and texts of nothing but what has no ink."""
    assert visible("\x1b[31mred\x9b0m") == "\\x1b[31mred\\x9b0m"
    assert visible("a\u202eb") == "a\\u202eb"
    assert visible("a\nb\tc\r", lines=True) == "a\nb\tc\\r"
    assert visible("\u2800") == "\\u2800"
    assert visible("👩\u200d🚀 می\u200cروم") == "👩\u200d🚀 می\u200cروم"
    assert quoted('a"b\\\n') == '"a\\"b\\\\\\n"'
    assert (plain_or_quoted("in_progress"), plain_or_quoted("a, b: c")) == ("in_progress", '"a, b: c"')
