"""STS without enforcement of policies: a role that does not exist gives no credentials, whoever asks."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.emulator.drs.support import TARGET, Drs

pytestmark = pytest.mark.xdist_group("conformance")


def test_a_role_that_does_not_exist_is_not_assumed(drs: Drs) -> None:
    """STS API reference, AssumeRole: AccessDenied does not tell whether the role is there."""
    before = drs.aws.control("iam")
    drs.aws.control("iam", {"enforce": "none"})
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            drs.aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{TARGET}:role/nobody", RoleSessionName="test")
    finally:
        drs.aws.control("iam", before)
