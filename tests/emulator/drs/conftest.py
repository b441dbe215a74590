"""The sample estate on a clock that only moves when a test moves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.drs.support import Drs, frozen_sample


@pytest.fixture(scope="module")
def drs() -> Iterator[Drs]:
    """A running emulator with the sample estate, shared by the tests of a module: each test has servers of its own."""
    with frozen_sample() as running:
        yield running
