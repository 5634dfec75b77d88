"""Fixtures of the command line's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.agents import make_project
from tests.clients.shell import Shell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new project's folder."""
    return make_project(tmp_path, "shop")


@pytest.fixture
def shell(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A user in that folder."""
    return Shell(tmp_path, folder, monkeypatch, capsys)
