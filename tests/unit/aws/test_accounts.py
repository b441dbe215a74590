"""Clients of other accounts, with real roles in the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients, Credentials
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError

from tests.support.embedded import STAGING, TARGET, EmbeddedAws

ROLE = f"arn:aws:iam::{STAGING}:role/reader"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    running = EmbeddedAws()
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
    running.client("iam", account=STAGING).create_role(
        RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    yield running
    running.stop()


class Factory:
    """Makes clients as a module does, and counts them."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws

    def __call__(self, service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
        if credentials is None:
            return self.aws.client(service, region or "us-west-2")
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=self.aws.endpoint,
            **credentials.arguments(),
        )


def account_of(client: Any) -> str:
    return str(client.get_caller_identity()["Account"])


def test_each_account_is_asked_with_its_own_credentials(aws: EmbeddedAws) -> None:
    declared = [
        {"account_id": TARGET, "regions": ["us-west-2", "us-east-1"]},
        {"account_id": STAGING, "regions": ["us-east-1"], "role_arn": ROLE},
    ]
    clients = AccountClients(Factory(aws), parse_accounts(declared))
    assert clients.scopes() == [(TARGET, "us-west-2"), (TARGET, "us-east-1"), (STAGING, "us-east-1")]
    for account_id, region in clients.scopes():
        sts = clients("sts", account_id, region)
        assert account_of(sts) == account_id
        assert sts.meta.region_name == region


def test_an_account_that_nobody_can_reach_is_named(aws: EmbeddedAws) -> None:
    clients = AccountClients(Factory(aws), parse_accounts([{"account_id": STAGING, "regions": ["us-east-1"]}]))
    with pytest.raises(DeclarationError, match=r"dr_accounts\[0\]: '111111111111': .* role_arn"):
        clients("ec2", STAGING, "us-east-1")
    with pytest.raises(DeclarationError, match="dr_accounts: '333333333333'"):
        clients("ec2", "333333333333", "us-east-1")


def test_a_role_that_cannot_be_assumed_is_named(aws: EmbeddedAws) -> None:
    declared = [{"account_id": STAGING, "regions": ["us-east-1"], "role_arn": ROLE + "-of-nobody"}]
    clients = AccountClients(Factory(aws), parse_accounts(declared))
    with pytest.raises(AwsError, match="reader-of-nobody"):
        clients("ec2", STAGING, "us-east-1")
