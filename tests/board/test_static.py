"""The page's files: small, without a build step, and with nothing in them that a strict policy would have to permit."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import tarfile
from pathlib import Path

import pytest

import workflow_mcp
from tests.checkers.node import FOLDER
from workflow_mcp.board.page import files, page

STATIC = Path(str(workflow_mcp.__file__)).parent / "board" / "static"
PAGE = (STATIC / "index.html").read_text(encoding="utf-8")
SERVED = sorted(path for path in STATIC.iterdir() if path.suffix in {".html", ".css", ".js", ".svg"})
OURS = [path for path in SERVED if path.suffix == ".js" and path.name != "lit-html.js"]
VENDORED = json.loads((STATIC / "lit-html.json").read_text(encoding="utf-8"))
MAX_PAGE_BYTES = 60_000
MAX_LINES = 300


def integrity(data: bytes) -> str:
    """What npm calls the integrity of these bytes."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def imported(path: Path) -> set[str]:
    """The modules that a module imports."""
    return set(re.findall(r'from "(?:\./)([^"]+)"', path.read_text(encoding="utf-8")))


def test_the_page_weighs_little() -> None:
    """All that is sent for it, compressed as the server sends it, is less than 60 kB."""
    assert sum(len(gzip.compress(body)) for body in (page(), *files().values())) < MAX_PAGE_BYTES


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    """Each begins with what it is, has at most 300 lines, and needs nothing but what is beside it."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("/** ")
    assert len(text.splitlines()) <= MAX_LINES
    assert imported(path) <= {one.name for one in SERVED}
    assert len(re.findall(r"\bfrom \"", text)) == len(re.findall(r"\bfrom \"\./", text))


def test_the_page_needs_no_exception_of_its_policy() -> None:
    """No script, style or handler is written into the page or a template, and nothing comes from elsewhere."""
    assert re.findall(r"<style|<script(?! type=\"module\" src=)| on\w+=| style=", PAGE) == []
    for path in (*OURS, STATIC / "board.css"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"\bstyle=|<script|\beval\(|new Function|https?://|//[a-z]+\.", text) == [], path.name


def test_lit_html_is_what_npm_has() -> None:
    """The file has the recorded hash, and its licence and version are beside it."""
    file = STATIC / VENDORED["file"]
    assert integrity(file.read_bytes()) == VENDORED["file_integrity"]
    assert VENDORED["version"] == "3.3.3"
    assert "BSD 3-Clause" in (STATIC / "lit-html.LICENSE").read_text(encoding="utf-8")


def test_lit_html_is_the_file_of_its_npm_package() -> None:
    """npm's integrity hash, computed anew from the package, is the recorded one; the file is that of the package."""
    package = None if FOLDER is None else Path(FOLDER, f"lit-html-{VENDORED['version']}.tgz")
    if package is None or not package.exists():
        pytest.skip("MCP_CHECKERS names no folder with npm's package of lit-html; .ci/run puts it there")
    assert integrity(package.read_bytes()) == VENDORED["integrity"]
    with tarfile.open(package) as files:
        for name, file in (("lit-html.js", VENDORED["file"]), ("LICENSE", "lit-html.LICENSE")):
            member = files.extractfile(f"package/{name}")
            assert member is not None
            assert member.read() == (STATIC / file).read_bytes()
