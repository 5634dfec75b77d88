"""A board and its page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.board.pages import Desk, Page, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A board of a project in which nobody has worked yet."""
    async with open_desk(tmp_path) as opened:
        yield opened


@pytest.fixture
async def page(desk: Desk) -> Page:
    """Its page, opened by Ann."""
    return await desk.page()
