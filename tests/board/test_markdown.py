"""Markdown of strangers as HTML that can do nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_mcp.board.markdown import html_of

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>\n\n<iframe srcdoc='<script>x</script>'>",
    "[a](javascript:alert(1))",
    "[a](JaVa\tScRiPt:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "<javascript:alert(1)>",
    "[r]\n\n[r]: javascript:alert(1)",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x) [b](file:///etc/passwd) [c](//evil.example) [d](/board/api/me)",
    "![x](http://evil.example/pixel.png)",
    '[a](https://x.example"onmouseover="alert(1))',
    '[a](https://x.example "\\"onmouseover=alert(1)")',
    "`<img src=x onerror=alert(1)>`",
    '```html"><script>\n<script>alert(1)</script>\n```',
    "| a |\n|:-:|\n| <b onclick=x> |",
]
TAGS = {
    *("p", "a", "em", "strong", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


class Seen(HTMLParser):
    """Every element of an HTML text, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        self.elements.append((tag, dict(attrs)))


def check(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """The elements of a text's HTML, none of which can do anything."""
    elements = Seen(html_of(text)).elements
    for tag, attributes in elements:
        assert tag in TAGS
        assert attributes.keys() <= ({"href", "title", "rel", "target"} if tag == "a" else {"class", "start"})
        if tag == "a":
            assert re.match("(https?|mailto):", attributes["href"] or "", re.IGNORECASE), attributes
            assert {"noopener", "noreferrer"} <= set((attributes["rel"] or "").split())
    return elements


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    """No element, attribute or link comes of it that could run or load anything."""
    check(text)


@given(st.lists(st.sampled_from([*HOSTILE, "\n", "\n\n", "> ", "* ", "[", "](", ")", "<", "`", "|"]), max_size=12))
def test_no_combination_gets_through(parts: list[str]) -> None:
    """Whatever hostile texts are put together."""
    check("".join(parts))


def test_markdown_is_rendered() -> None:
    """Headings, lists, code, tables and links to the web."""
    text = "# T\n\n* a\n* **b**\n\n`c` ~~d~~ <https://x.example> [m](mailto:a@x.example)\n\n| h |\n|---|\n| 1 |"
    tags = {tag for tag, _ in check(text)}
    assert tags >= {"h1", "ul", "li", "strong", "code", "s", "a", "table", "td"}
