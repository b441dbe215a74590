"""Fixtures of the emulator's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.embedded import EmbeddedAws


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedAws]:
    """An embedded AWS with the two sample accounts and no servers, shared by one file of tests."""
    aws = EmbeddedAws()
    yield aws
    aws.stop()
