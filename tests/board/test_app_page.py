"""The page that MCP hosts show in a frame: one text without files beside it, made of the page's own modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.board.test_static import OURS, STATIC
from workflow_mcp.board.app_page import app_page, joined


def test_the_app_is_one_text() -> None:
    """It loads nothing: style and script are within it, and it is not much more than the files it is made of."""
    page = app_page()
    assert (
        re.findall(r"<link|\bsrc=|@import|url\((?!#)|sourceMappingURL|import\.meta|localStorage|EventSource\(", page)
        == []
    )
    assert page.count("<script") == page.count("</script>") == page.count("<style>") == 1
    assert "</style>\n<script" in page
    for path in OURS:
        assert (path.read_text(encoding="utf-8").splitlines()[0] in page) == (path.name != "web.js"), path.name
    assert page is app_page()


def test_the_app_starts_as_the_page_does() -> None:
    """Both have the same head and body, without the lines that name files."""
    page = re.sub(r"<style>.*</script>\n", "", app_page(), flags=re.DOTALL)
    page = re.sub(r' data-version="[^"]+"', "", page)
    lines = (STATIC / "index.html").read_text(encoding="utf-8").splitlines()
    assert page.splitlines() == [line for line in lines if "static/" not in line]


@pytest.mark.parametrize(
    "module",
    [
        "export default 1;\n",
        "export let changing = 1;\n",
        "export { one };\n",
        'export * from "./other.js";\n',
        'import "./other.js";\n',
        'import other from "./other.js";\n',
        'import { one } from "elsewhere";\n',
        'const other = await import("./other.js");\n',
        "const here = import.meta.url;\n",
    ],
)
def test_another_form_of_module_is_refused(tmp_path: Path, module: str) -> None:
    """A page that would not run is never made: what this cannot turn into one script is an error that says where."""
    (tmp_path / "first.js").write_text(module)
    (tmp_path / "other.js").write_text("export const one = 1;\n")
    with pytest.raises(ValueError, match=r"first\.js: no page can be made of"):
        joined(tmp_path, "first.js")


def test_modules_are_joined_in_the_order_of_their_needs(tmp_path: Path) -> None:
    """Each once, after what it imports; a circle, and a text that ends its own element, are errors."""
    (tmp_path / "first.js").write_text('import { b as c } from "./b.js";\nimport * as all from "./a-a.js";\n')
    (tmp_path / "b.js").write_text('import { a } from "./a-a.js";\nexport const b = a;\n')
    (tmp_path / "a-a.js").write_text("const x=1;export{x as a,x};\n")
    script = joined(tmp_path, "first.js")
    assert re.findall(r"^const (\$\w+) = ", script, re.MULTILINE) == ["$a_a", "$b", "$first"]
    assert "const { b: c } = $b;\nconst all = $a_a;" in script
    assert "return { a: x, x: x };" in script
    (tmp_path / "a-a.js").write_text('const x = "</script>";\n')
    with pytest.raises(ValueError, match="script element"):
        joined(tmp_path, "first.js")
    (tmp_path / "a-a.js").write_text('import { b } from "./b.js";\n')
    with pytest.raises(ValueError, match=r"a-a\.js and b\.js import each other"):
        joined(tmp_path, "first.js")
