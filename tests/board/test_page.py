"""The page as browsers get it: few requests, and none for what they have."""

from __future__ import annotations

import re

from tests.board.pages import Page
from tests.board.test_static import OURS


async def test_a_browser_keeps_what_the_page_loads(page: Page) -> None:
    """Each file has an address that is its content's own, and is kept for good; the page itself is asked for anew."""
    answer = await page.client.get("/board/")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("text/html; charset=utf-8", "no-cache")
    named = dict(re.findall(r'"(static/([^"?]+)\?[0-9a-f]{16})"', answer.text))
    assert sorted(named.values()) == ["board.css", "icon.svg", "web.js"]
    for address in named:
        file = await page.client.get(f"/board/{address}")
        assert (file.status_code, "immutable" in file.headers["cache-control"]) == (200, True)
        for other in (f"/board/{address}0", f"/board/{address.partition('?')[0]}"):
            again = await page.client.get(other)
            assert (again.content, again.headers["cache-control"]) == (file.content, "no-cache")


async def test_the_script_is_all_modules(page: Page) -> None:
    """One request brings all of them, compressed and in an order in which each has what it needs."""
    answer = await page.client.get("/board/static/web.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    of_the_host_alone = {"host.js", "rpc.js"}
    for path in OURS:
        begins = path.read_text(encoding="utf-8").splitlines()[0]
        assert (begins in answer.text) == (path.name not in of_the_host_alone), path.name


async def test_nothing_else_is_served(page: Page) -> None:
    """Neither modules alone, nor what lies beside them or elsewhere."""
    for path in ("board.js", "index.html", "lit-html.json", "..%2fapp.py", "%2e%2e/app.py", ""):
        assert (await page.client.get(f"/board/static/{path}")).status_code == 404
