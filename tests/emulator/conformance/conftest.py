"""The sample estate on a clock that only moves when a test moves it, shared by all files here: each test has servers of
its own. The mark `xdist_group("conformance")` keeps the files that share it on one worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.conformance.aws_cli import AwsCli
from tests.emulator.drs.support import Drs, frozen_sample


@pytest.fixture(scope="session")
def drs() -> Iterator[Drs]:
    """The running emulator."""
    with frozen_sample() as running:
        yield running


@pytest.fixture(scope="session")
def aws(drs: Drs) -> Iterator[AwsCli]:
    """The AWS CLI as the operator of the target account has it set up."""
    cli = AwsCli(drs.aws.environment())
    yield cli
    cli.stop()
