"""Fixtures of the engine's tests."""

from __future__ import annotations

import pytest

from tests.emulator.engine.workflows import Workflows
from tests.support.embedded import EmbeddedAws


@pytest.fixture(scope="module")
def workflows(embedded: EmbeddedAws) -> Workflows:
    """Functions and state machines of the target account in us-west-2."""
    return Workflows(embedded)
