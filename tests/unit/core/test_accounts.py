"""Accounts of an estate, as declared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import Account, parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError

ROLE = "arn:aws:iam::111111111111:role/disaster-recovery-reader"
FAILBACK_ROLE = "arn:aws:iam::111111111111:role/disaster-recovery-failback"


def test_accounts_are_read() -> None:
    declared = [
        {"account_id": "222222222222", "regions": ["us-west-2", "us-east-1"]},
        {
            "account_id": "111111111111",
            "regions": ["us-west-2"],
            "role_arn": ROLE,
            "external_id": "drill",
            "failback_role_arn": FAILBACK_ROLE,
        },
    ]
    assert parse_accounts(declared) == (
        Account("222222222222", ("us-west-2", "us-east-1"), None, None, "dr_accounts[0]"),
        Account("111111111111", ("us-west-2",), ROLE, "drill", "dr_accounts[1]", FAILBACK_ROLE),
    )
    assert parse_accounts(None) == ()


def test_a_failback_has_a_role_of_its_own() -> None:
    account = Account("111111111111", ("us-west-2",), ROLE, "drill", "dr_accounts[1]", FAILBACK_ROLE)
    assert account.for_failback().role_arn == FAILBACK_ROLE
    assert replace(account, failback_role_arn=None).for_failback().role_arn is None


def test_every_mistake_is_named() -> None:
    declared = [
        {"account_id": 111111111111, "regions": []},
        {"account_id": "222222222222", "regions": ["us-west-2"], "role_arn": ROLE, "failback_role_arn": FAILBACK_ROLE},
        {"account_id": "222222222222", "regions": ["us-west-2"], "role_arn": "reader", "region": "x"},
    ]
    with pytest.raises(DeclarationError) as caught:
        parse_accounts(declared)
    assert [problem.where for problem in caught.value.problems] == [
        "dr_accounts[0].account_id",
        "dr_accounts[0].regions",
        "dr_accounts[1].role_arn",
        "dr_accounts[1].failback_role_arn",
        "dr_accounts[2]",
        "dr_accounts[2].role_arn",
        "dr_accounts[2]",
    ]
