"""Markdown that strangers wrote, as HTML that can do nothing: no HTML of theirs, no images, links only to the web."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

ALLOWED_SCHEMES = ("http", "https", "mailto")


class _OnlyWebLinks(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the name of what it overrides
        """Only absolute links that lead to the web or to a mailbox; anything else stays text."""
        try:
            return urlsplit(url).scheme.lower() in ALLOWED_SCHEMES
        except ValueError:
            return False


@cache
def _parser() -> MarkdownIt:
    parser = _OnlyWebLinks("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    parser.add_render_rule("link_open", _link_open)
    for cell in ("th_open", "td_open"):
        parser.add_render_rule(cell, _cell_open)
    return parser


def _link_open(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, env)


def _cell_open(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    # Alignment is a style, and the page's policy lets no element have one of its own.
    tokens[index].attrs.pop("style", None)
    return renderer.renderToken(tokens, index, options, env)


@lru_cache(maxsize=256)
def html_of(text: str) -> str:
    """The HTML of a Markdown text."""
    return str(_parser().render(text))
