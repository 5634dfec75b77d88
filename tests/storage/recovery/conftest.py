"""What these tests are about is files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data directory."""
    return tmp_path
