"""What the tests of modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.modules.estate import Estate


@pytest.fixture
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """A fresh sample estate."""
    running = Estate(tmp_path_factory.mktemp("estate"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """One sample estate for the tests of a file that leave it as they found it."""
    running = Estate(tmp_path_factory.mktemp("estate"))
    yield running
    running.stop()
