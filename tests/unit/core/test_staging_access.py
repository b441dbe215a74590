"""What a look at the role and the key of a staging account shows."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.account_setup import (
    setup_problems,
    shared_key_policy,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.staging_access import (
    StagingRole,
    encryption_problem,
    key_checks,
    role_checks,
)

STAGING, TARGET = "111111111111", "222222222222"
KEY = f"arn:aws:kms:us-west-2:{STAGING}:key/k-1"
POLICY = "AWSElasticDisasterRecoveryStagingAccountPolicy_v2"
TRUST: dict[str, Any] = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "drs.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
            "Condition": {
                "StringEquals": {"sts:SourceIdentity": TARGET, "aws:SourceAccount": TARGET},
                "ArnLike": {"aws:SourceArn": "arn:aws:drs:*:*:source-server/*"},
            },
        }
    ]
}
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{STAGING}:root"}, "Action": "kms:*", "Resource": "*"}
DEFAULT_POLICY = {"Version": "2012-10-17", "Statement": [ROOT]}
USABLE = {"KeyManager": "CUSTOMER", "KeyState": "Enabled"}


def role(**changes: Any) -> StagingRole:
    """Return the role as the user guide has it."""
    fields: dict[str, Any] = {"path": "/service-role/", "trust": TRUST, "managed": [POLICY], "inline": []}
    return StagingRole(**{**fields, **changes})


def trust(**changes: Any) -> dict[str, Any]:
    """Return the trust policy with another statement."""
    return {"Statement": [{**TRUST["Statement"][0], **changes}]}


@pytest.mark.parametrize(
    ("found", "subject", "result", "text"),
    [
        (None, "role", "failed", "does not exist"),
        (role(path="/"), "role", "failed", "has the path /"),
        (role(), "trust", "passed", "may assume"),
        (role(trust=trust(Action="sts:AssumeRole")), "trust", "failed", "sts:SetSourceIdentity"),
        (role(trust=trust(Principal={"Service": "ec2.amazonaws.com"})), "trust", "failed", "sts:AssumeRole and"),
        (
            role(trust=trust(Condition={"StringEquals": {"aws:SourceAccount": "333333333333"}})),
            "trust",
            "failed",
            f"for account {TARGET}",
        ),
        (role(trust=trust(Condition={"Bool": {"aws:SecureTransport": "true"}})), "trust", "not_checked", "of its own"),
        (role(managed=[]), "policy", "failed", POLICY),
        (role(managed=[], inline=["own"]), "policy", "not_checked", "of its own"),
        (role(managed=[POLICY.removesuffix("_v2")]), "policy", "passed", "managed policy"),
    ],
)
def test_the_role(found: StagingRole | None, subject: str, result: str, text: str) -> None:
    (check,) = [check for check in role_checks(found, STAGING, TARGET) if check.subject == subject]
    assert check.result == result
    assert text in check.detail
    assert check.result != "failed" or f"with credentials of account {STAGING}" in check.detail


def test_only_the_default_key_cannot_be_extended() -> None:
    assert "customer managed key" in str(encryption_problem("DEFAULT"))
    assert encryption_problem("CUSTOM") is encryption_problem("NONE") is None


@pytest.mark.parametrize(
    ("metadata", "policy", "own_role", "result", "text"),
    [
        (USABLE, shared_key_policy(DEFAULT_POLICY, KEY, [TARGET]), role(), "passed", "is shared"),
        (USABLE, DEFAULT_POLICY, role(), "failed", f"let the role DRSStagingAccountRole_{TARGET} and account {TARGET}"),
        (USABLE, shared_key_policy(DEFAULT_POLICY, KEY, ["333333333333"]), role(), "failed", f"account {TARGET}"),
        (USABLE, DEFAULT_POLICY, role(inline=["own"]), "failed", f"let account {TARGET}"),
        (
            USABLE,
            {"Statement": [ROOT, {**ROOT, "Principal": {"AWS": TARGET}}]},
            role(inline=["own"]),
            "not_checked",
            "cannot be told",
        ),
        ({**USABLE, "KeyState": "PendingDeletion"}, DEFAULT_POLICY, role(), "failed", "PendingDeletion"),
        ({**USABLE, "KeyManager": "AWS"}, DEFAULT_POLICY, role(), "failed", "managed by AWS"),
    ],
)
def test_the_key(
    metadata: dict[str, str], policy: dict[str, Any], own_role: StagingRole, result: str, text: str
) -> None:
    found, detail = key_checks(KEY, metadata, policy, own_role, target=TARGET)
    assert found == result
    assert text in detail


def test_sharing_a_key_twice_is_sharing_it_once_and_keeps_what_was_there() -> None:
    once = shared_key_policy(DEFAULT_POLICY, KEY, [TARGET])
    assert once["Statement"][0] == ROOT
    assert len(once["Statement"]) == 3
    assert shared_key_policy(once, KEY, [TARGET]) == once
    more = shared_key_policy(once, KEY, ["333333333333"])
    assert more["Statement"][:3] == once["Statement"]
    assert shared_key_policy({"Statement": ROOT}, KEY, []) == {"Statement": [ROOT]}


def test_every_mistake_in_the_set_up_of_accounts_is_named() -> None:
    declared = [
        {"account_id": STAGING, "target_accounts": [STAGING, "22"], "reader_trusted": ["me"], "colour": "red"},
        {"account_id": STAGING},
        {"account_id": "333333333333", "target_accounts": [f"{number:012d}" for number in range(101)]},
    ]
    texts = "\\n".join(str(problem) for problem in setup_problems(declared, TARGET, 100))
    for text in ("colour", "'22'", "'me'", "is the account itself", "declared in", "101 accounts", f"'{TARGET}'"):
        assert text in texts
    good = {"account_id": STAGING, "target_accounts": [TARGET], "kms_keys": ["alias/drs"]}
    assert setup_problems([good], STAGING, 100) == []
