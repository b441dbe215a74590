"""A look into staging accounts: what a refusal means, and what could not be seen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import staging_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    TransientError,
    UninitializedError,
)
from botocore.exceptions import ClientError

STAGING, TARGET = "111111111111", "222222222222"
KEY = f"arn:aws:kms:us-west-2:{STAGING}:key/k-1"


def refusal(code: str) -> ClientError:
    """Return an error of AWS."""
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Call")


class Answers:
    """A client whose operations answer, or raise, what they are given."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Any:
        answer = self._answers[operation]

        def call(**_arguments: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class Access:
    """The clients of one staging account."""

    target_account = TARGET

    def __init__(self, unreachable: str | None = None, **clients: Answers) -> None:
        self._unreachable = unreachable
        self._clients = clients

    def reason(self, _account_id: str) -> str | None:
        return self._unreachable

    def client(self, service: str, _account_id: str) -> Answers:
        return self._clients[service]


def look(configuration: Any, **kms: Any) -> list[tuple[str, str]]:
    """Return subject and result of a look at the encryption of one server."""
    access: Any = Access(drs=Answers(get_replication_configuration=configuration), kms=Answers(**kms))
    arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/s-1"
    checks = staging_accounts.look_at_encryption(access, STAGING, [arn], None)
    assert all(check.servers == (arn,) for check in checks)
    return [(check.subject, check.result) for check in checks]


def test_a_refusal_is_the_staging_accounts_when_it_says_so() -> None:
    uninitialised = staging_accounts.refusal_check(UninitializedError("x", code="Uninitialized"), STAGING)
    assert (uninitialised.subject, uninitialised.result) == ("access", "failed")
    assert f"not initialised in account {STAGING}" in uninitialised.detail
    denied = staging_accounts.refusal_check(AwsError("denied", code="StagingAccountDenied"), STAGING)
    assert (denied.result, denied.detail) == ("failed", "denied")
    with pytest.raises(TransientError):
        staging_accounts.refusal_check(TransientError("throttled", code="ThrottlingException"), STAGING)


def test_what_cannot_be_seen_is_not_checked_and_says_why() -> None:
    access: Any = Access(unreachable="no role is declared")
    assert staging_accounts.look_at_role(access, STAGING)[1][0].detail == "no role is declared"
    (check,) = staging_accounts.look_at_encryption(access, STAGING, ["arn"], None)
    assert (check.result, check.servers) == ("not_checked", ("arn",))
    assert check.detail.startswith("DRS refuses each of them whose volumes use the default EBS key")
    assert check.detail.endswith("no role is declared")
    denied: Any = Access(iam=Answers(get_role=refusal("AccessDenied")))
    role, (policy,) = staging_accounts.look_at_role(denied, STAGING)
    assert (role, policy.result) == (None, "not_checked")
    assert "AccessDenied" in policy.detail
    missing: Any = Access(iam=Answers(get_role=refusal("NoSuchEntity")))
    assert [check.result for check in staging_accounts.look_at_role(missing, STAGING)[1]] == ["failed"]


@pytest.mark.parametrize(
    ("configuration", "kms", "expected"),
    [
        ({"ebsEncryption": "NONE"}, {}, ("encryption", "passed")),
        ({"ebsEncryption": "DEFAULT"}, {}, ("encryption", "failed")),
        ({"ebsEncryption": "FUTURE"}, {}, ("encryption", "not_checked")),
        (refusal("AccessDeniedException"), {}, ("encryption", "not_checked")),
        ({"ebsEncryption": "CUSTOM"}, {}, ("key", "not_checked")),
        ({"ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": KEY.replace(STAGING, TARGET)}, {}, ("key", "not_checked")),
        (
            {"ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": KEY},
            {"describe_key": refusal("NotFoundException")},
            ("key", "failed"),
        ),
        (
            {"ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": KEY},
            {"describe_key": refusal("AccessDeniedException")},
            ("key", "not_checked"),
        ),
        (
            {"ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": KEY},
            {
                "describe_key": {"KeyMetadata": {"Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": "Enabled"}},
                "get_key_policy": {"Policy": json.dumps({"Statement": []})},
            },
            ("key", "failed"),
        ),
    ],
)
def test_the_encryption_of_a_server(configuration: Any, kms: dict[str, Any], expected: tuple[str, str]) -> None:
    assert look(configuration, **kms) == [expected]
