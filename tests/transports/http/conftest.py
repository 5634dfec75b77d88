"""One server process that many tests share; sessions are not shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.served import Served, serving
from tests.clients.stdio import ERAS, Era


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The process that tests share which change nothing about it."""
    with serving(tmp_path_factory.mktemp("shared-http")) as served:
        yield served


@pytest.fixture
def url(shared: Served) -> str:
    """Where the shared server is."""
    return shared.url


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Both eras, one after the other."""
    value: Era = request.param
    return value
