"""The page as one HTML text, for MCP hosts that show it in a frame, which may load no files (MCP Apps, SEP-1865).

It is made of the same files as the page at `/board/`. Each module becomes a function that returns what it exports.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from workflow_mcp import __version__

STATIC = Path(__file__).with_name("static")
PAGE, STYLES, FIRST = "index.html", "board.css", "host.js"
IMPORT = re.compile(r'^import (?:\{ ([\w$, ]+) \}|\* as ([\w$]+)) from "\./([\w-]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|class|function|async function) ([\w$]+))", re.MULTILINE)
EXPORTS = re.compile(r"\bexport\{([\w$, ]+)\};")  # as a minifier writes it
OTHER_FORMS = re.compile(r"^(?:import|export)\b|\bimport\s*[.({*]|\bexport\s*[{*]", re.MULTILINE)
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*\n", re.MULTILINE)  # a file that nobody serves
LINES_FOR_FILES = re.compile(r"^<(?:link|script)\b.*\n", re.MULTILINE)


@cache
def app_page() -> str:
    """The whole page: its style and all modules are within it."""
    page = LINES_FOR_FILES.sub("", _text(STATIC / PAGE)).replace(
        "<html", f'<html data-version="{escape(__version__)}"', 1
    )
    style = f"<style>\n{_text(STATIC / STYLES)}</style>\n"
    script = f'<script type="module">\n{joined(STATIC, FIRST)}</script>\n'
    head, body = page.split("</head>")
    return f"{head}{style}{script}</head>{body}"


def joined(folder: Path, first: str) -> str:
    """A module, and before it all that it needs, as one script.

    Args:
        folder: where the modules are.
        first: the file name of the module.

    Raises:
        ValueError: a module imports or exports in another form than the page's modules do, modules import each other
            in a circle, or a text would end the element that the script stands in.
    """
    found: dict[str, str | None] = {}
    _add(folder, first, found)
    script = "\n".join(text for text in found.values() if text is not None)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError(f"{first} and its modules cannot stand in a script element.")
    return script


def _add(folder: Path, name: str, found: dict[str, str | None]) -> None:
    found[name] = None
    text = _text(folder / name)
    for _, _, needed in IMPORT.findall(text):
        if needed not in found:
            _add(folder, needed, found)
        elif found[needed] is None:
            raise ValueError(f"{name} and {needed} import each other.")
    del found[name]  # it comes after what it needs
    found[name] = _function(name, text)


def _function(name: str, text: str) -> str:
    exported = EXPORT.findall(text)
    listed = [_pair(one) for group in EXPORTS.findall(text) for one in group.split(",")]
    body = EXPORTS.sub("", EXPORT.sub("", IMPORT.sub(_import, SOURCE_MAP.sub("", text))))
    other = OTHER_FORMS.search(body)
    if other is not None:
        raise ValueError(f"{name}: no page can be made of {other[0]!r} in {body[other.start() :].splitlines()[0]!r}.")
    returned = ", ".join([*exported, *(f"{outside}: {inside}" for inside, outside in listed)])
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {returned} }};\n}})();\n"


def _import(found: re.Match[str]) -> str:
    names, whole, file = found.groups()
    if whole:
        return f"const {whole} = {_variable(file)};"
    pairs = (_pair(one) for one in names.split(","))
    return f"const {{ {', '.join(f'{outside}: {inside}' for outside, inside in pairs)} }} = {_variable(file)};"


def _pair(text: str) -> tuple[str, str]:
    """The two names in `a as b`; a name alone is both."""
    name, _, other = text.strip().partition(" as ")
    return name, other or name


def _variable(file: str) -> str:
    return "$" + file.removesuffix(".js").replace("-", "_")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
