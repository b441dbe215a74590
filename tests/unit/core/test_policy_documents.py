"""What a policy document allows: yes, no, or it cannot be told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.policy_documents import allows
from hypothesis import given
from hypothesis import strategies as st

ME = "arn:aws:iam::111111111111:role/me"
CONTEXT = {"kms:CallerAccount": "111111111111", "aws:SourceArn": "arn:aws:drs:us-west-2:1:source-server/s-1"}


def statement(**changes: Any) -> dict[str, Any]:
    """Return a statement that allows the action to the role."""
    return {"Effect": "Allow", "Principal": {"AWS": ME}, "Action": "kms:ReEncrypt*", "Resource": "*", **changes}


def answer(*statements: dict[str, Any]) -> bool | None:
    """Return whether the statements allow the role to re-encrypt."""
    return allows({"Statement": list(statements)}, "kms:ReEncryptTo", principals={ME, "*"}, context=CONTEXT)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": ["arn:aws:iam::1:root", ME]}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False),
        ({"Principal": None}, False),
        ({"Action": ["kms:Decrypt", "KMS:reencryptto"]}, True),
        ({"Action": "kms:ReEncryptFrom"}, False),
        ({"Action": "kms:ReEncrypt??"}, True),
        ({"Condition": {"StringEquals": {"kms:calleraccount": ["2", "111111111111"]}}}, True),
        ({"Condition": {"StringEquals": {"kms:CallerAccount": "2"}}}, False),
        ({"Condition": {"StringLike": {"kms:CallerAccount": "1111*"}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:drs:*:*:source-server/*"}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ec2:*"}}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, None),
        ({"Condition": {"StringNotEquals": {"kms:CallerAccount": "2"}}}, None),
        (
            {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"kms:CallerAccount": "2"}}},
            False,
        ),
        ({"NotPrincipal": {"AWS": "x"}}, None),
        ({"NotAction": "kms:Decrypt"}, None),
    ],
)
def test_one_statement(changes: dict[str, Any], expected: bool | None) -> None:
    assert answer(statement(**changes)) is expected


def test_a_denial_wins_and_what_is_not_understood_is_never_a_yes() -> None:
    unclear = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    assert answer() is False
    assert answer(statement(), statement(Effect="Deny")) is False
    assert answer(statement(), statement(Effect="Deny", **unclear)) is None
    assert answer(statement(Effect="Deny", **unclear)) is False
    assert answer(statement(**unclear), statement()) is True
    assert allows({"Statement": statement()}, "kms:ReEncryptTo", principals={ME}, context={}) is True


@given(st.lists(st.sampled_from(["yes", "no", "unclear"])), st.lists(st.sampled_from(["yes", "no", "unclear"])))
def test_more_denials_never_allow_more_and_order_does_not_matter(allowing: list[str], denying: list[str]) -> None:
    conditions: dict[str, Any] = {
        "yes": {},
        "no": {"Condition": {"StringEquals": {"kms:CallerAccount": "2"}}},
        "unclear": {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    }
    allow = [statement(**conditions[kind]) for kind in allowing]
    deny = [statement(Effect="Deny", **conditions[kind]) for kind in denying]
    both = answer(*allow, *deny)
    assert both is answer(*reversed(deny), *reversed(allow))
    if both is True:
        assert answer(*allow) is True
        assert "yes" in allowing
    if "yes" in denying:
        assert both is False
