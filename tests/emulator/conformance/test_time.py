"""Every service tells the virtual time: README of the emulator, Time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.emulator.conformance.roles import make_role
from tests.emulator.drs.support import Drs

pytestmark = pytest.mark.xdist_group("conformance")


def test_a_role_is_as_old_as_the_clock_says(drs: Drs) -> None:
    """IAM API reference, Role: CreateDate."""
    drs.advance(86400)
    iam = drs.aws.client("iam")
    make_role(iam, "of-tomorrow")
    created = iam.get_role(RoleName="of-tomorrow")["Role"]["CreateDate"]
    assert abs(created - drs.now()) < timedelta(seconds=60)
