# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a staging account must have before its source servers can be extended, and what to do where it is missing.

Source: Elastic Disaster Recovery User Guide, "Using multiple staging accounts" and "Adding trusted accounts".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .policy_documents import allows

SERVICE = "drs.amazonaws.com"
ROLE_PATH = "/service-role/"
ROLE_POLICIES = frozenset(
    {"AWSElasticDisasterRecoveryStagingAccountPolicy_v2", "AWSElasticDisasterRecoveryStagingAccountPolicy"}
)
"""Managed policies of the role: the current one, and the one that older roles have."""

TRUST_ACTIONS = ("sts:AssumeRole", "sts:SetSourceIdentity")
KEY_ACTIONS = ("kms:ReEncryptFrom", "kms:ReEncryptTo")

PASSED = "passed"
FAILED = "failed"
NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Check:
    """What one look at a staging account has shown.

    Attributes:
        account_id: The staging account.
        subject: What was looked at: C(access), C(role), C(trust), C(policy), C(encryption) or C(key).
        result: C(passed), C(failed) or C(not_checked).
        detail: What was found; with a failure also the remedy, otherwise why it could not be checked.
        servers: ARNs of the source servers that it is about; empty for the account as a whole.
    """

    account_id: str
    subject: str
    result: str
    detail: str
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StagingRole:
    """The role of a staging account for a target account, as IAM has it.

    Attributes:
        path: Path of the role.
        trust: Its trust policy.
        managed: Names of the managed policies attached to it.
        inline: Names of its inline policies.
    """

    path: str
    trust: Mapping[str, Any]
    managed: Collection[str]
    inline: Collection[str]

    @property
    def has_own_policies(self) -> bool:
        """Whether it has policies beside DRS's own, which are not read."""
        return bool(self.inline) or bool(set(self.managed) - ROLE_POLICIES)


def role_name(target_account: str) -> str:
    """Return the name of the role that lets a target account use a staging account's servers."""
    return f"DRSStagingAccountRole_{target_account}"


def remedy(staging_account: str) -> str:
    """Return how a staging account is set up."""
    return f"run the playbook disaster_recovery.aws.accounts with credentials of account {staging_account}"


def role_checks(role: StagingRole | None, staging_account: str, target_account: str) -> list[Check]:
    """Return what a look at the role of a staging account shows.

    Args:
        role: The role; None when there is none of that name.
        staging_account: Account of the role.
        target_account: Account that the role is for.
    """
    name = role_name(target_account)
    fix = f"{remedy(staging_account)}, or create it as the user guide says (Adding trusted accounts)"
    if role is None:
        return [Check(staging_account, "role", FAILED, f"the role service-role/{name} does not exist: {fix}")]
    if role.path != ROLE_PATH:
        detail = f"the role {name} has the path {role.path}, and DRS looks for it in {ROLE_PATH}: delete it, then {fix}"
        return [Check(staging_account, "role", FAILED, detail)]
    return [
        Check(staging_account, "role", PASSED, f"service-role/{name} exists"),
        _trust_check(role, staging_account, target_account),
        _policy_check(role, staging_account, name),
    ]


def _trust_check(role: StagingRole, staging_account: str, target_account: str) -> Check:
    context = {
        "sts:SourceIdentity": target_account,
        "aws:SourceAccount": target_account,
        "aws:SourceArn": f"arn:aws:drs:region:{target_account}:source-server/s-",
    }
    answers = {action: allows(role.trust, action, principals={SERVICE}, context=context) for action in TRUST_ACTIONS}
    name = role_name(target_account)
    refused = [action for action, answer in answers.items() if answer is False]
    if refused:
        detail = (
            f"the trust policy of {name} does not let {SERVICE} do {' and '.join(refused)} for account "
            f"{target_account}: {remedy(staging_account)}"
        )
        return Check(staging_account, "trust", FAILED, detail)
    if None in answers.values():
        return Check(staging_account, "trust", NOT_CHECKED, f"the trust policy of {name} has conditions of its own")
    return Check(staging_account, "trust", PASSED, f"{SERVICE} may assume the role for account {target_account}")


def _policy_check(role: StagingRole, staging_account: str, name: str) -> Check:
    if set(role.managed) & ROLE_POLICIES:
        return Check(staging_account, "policy", PASSED, f"{name} has the managed policy of DRS")
    if role.has_own_policies:
        return Check(staging_account, "policy", NOT_CHECKED, f"{name} has policies of its own instead of DRS's")
    detail = (
        f"{name} has no policy: attach arn:aws:iam::aws:policy/service-role/"
        f"AWSElasticDisasterRecoveryStagingAccountPolicy_v2, or {remedy(staging_account)}"
    )
    return Check(staging_account, "policy", FAILED, detail)


def encryption_problem(encryption: str) -> str | None:
    """Return why a server whose replicated volumes are encrypted like this cannot be extended, else None.

    Args:
        encryption: C(ebsEncryption) of its replication configuration.
    """
    if encryption != "DEFAULT":
        return None
    return (
        "its volumes use the default EBS key, which cannot be shared: set ebsEncryption of its replication "
        "configuration in the staging account to CUSTOM with a customer managed key (DRS may copy all its data anew), "
        "or to NONE"
    )


def encryption_not_checked(reason: str) -> str:
    """Return what is told of servers whose encryption cannot be looked at before they are extended.

    Args:
        reason: Why it cannot, and what to do.
    """
    return f"DRS refuses each of them whose volumes use the default EBS key, and that is only known then: {reason}"


def key_checks(
    key_arn: str, metadata: Mapping[str, Any], policy: Mapping[str, Any], role: StagingRole | None, *, target: str
) -> tuple[str, str]:
    """Return result and detail of a look at the customer managed key of a staging account.

    Args:
        key_arn: Key or alias as DRS names it: C(arn:aws:kms:us-west-2:111111111111:alias/drs).
        metadata: C(KeyMetadata) of DescribeKey.
        policy: Its key policy.
        role: The role of the staging account for the target account, when it is known.
        target: The target account.
    """
    partition, region, staging = (key_arn.split(":")[position] for position in (1, 3, 4))
    if metadata.get("KeyManager") == "AWS":
        return FAILED, f"key {key_arn} is managed by AWS and cannot be shared: use a customer managed key"
    if metadata.get("KeyState") != "Enabled":
        state = metadata.get("KeyState")
        return FAILED, f"key {key_arn} is {state}: enable it in account {staging}, or the servers cannot be recovered"
    via = f"ec2.{region}.amazonaws.com"
    by_role = _allows_all(
        policy,
        {f"arn:{partition}:iam::{staging}:role{ROLE_PATH}{role_name(target)}", "*"},
        {"kms:CallerAccount": staging, "kms:ViaService": via},
    )
    root = {f"arn:{partition}:iam::{staging}:root", staging}
    if by_role is False and (role is None or role.has_own_policies) and _allows_all(policy, root, {}) is not False:
        by_role = None
    by_target = _allows_all(
        policy,
        {f"arn:{partition}:iam::{target}:root", target, "*"},
        {"kms:CallerAccount": target, "kms:ViaService": via},
    )
    lacking = [
        who
        for who, answer in ((f"the role {role_name(target)}", by_role), (f"account {target}", by_target))
        if answer is False
    ]
    if lacking:
        return FAILED, (
            f"the policy of key {key_arn} does not let {' and '.join(lacking)} use it (kms:ReEncrypt* through {via}): "
            f"{remedy(staging)} and the key in accounts_kms_keys, or add both statements to the key policy"
        )
    if by_role is None or by_target is None:
        return NOT_CHECKED, f"whether the policy of key {key_arn} lets account {target} use it cannot be told from it"
    return PASSED, f"key {key_arn} is shared with account {target}"


def _allows_all(policy: Mapping[str, Any], principals: set[str], context: Mapping[str, str]) -> bool | None:
    answers = {allows(policy, action, principals=principals, context=context) for action in KEY_ACTIONS}
    if False in answers:
        return False
    return None if None in answers else True
