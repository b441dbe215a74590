# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The set-up of accounts for recovery over several of them: its declaration C(dr_account_setup), and key policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .accounts import ACCOUNT_ID
from .errors import Problem, Problems
from .fields import Fields, members_of
from .staging_access import ROLE_PATH, role_name

PRINCIPAL_ARN = r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/\S+)"
KNOWN = (
    "account_id",
    "target_accounts",
    "kms_keys",
    "reader_trusted",
    "reader_external_id",
    "failback_accounts",
    "failback_trusted",
)


def setup_problems(raw: Any, account_id: str, most_targets: int, *, where: str = "dr_account_setup") -> list[Problem]:
    """Return what is wrong with the declared set-up of accounts.

    Args:
        raw: What was declared.
        account_id: The account that is to be set up.
        most_targets: How many accounts a DRS account may trust.
        where: Where it was declared, for messages.
    """
    problems = Problems()
    seen: dict[str, str] = {}
    for place, member in members_of(raw, where, problems):
        fields = Fields(member, place, problems, KNOWN)
        own = fields.text("account_id", pattern=ACCOUNT_ID, remedy="must be an account id of 12 digits, in quotes")
        targets, others = (
            fields.texts(name, (), pattern=ACCOUNT_ID, remedy="must be an account id of 12 digits, in quotes")
            for name in ("target_accounts", "failback_accounts")
        )
        fields.texts("kms_keys", (), pattern=r"\S+", remedy="must be a key's ARN, its id, or alias/…")
        for name in ("reader_trusted", "failback_trusted"):
            remedy = "must be the ARN of a role, a user, or an account's root"
            fields.texts(name, (), pattern=PRINCIPAL_ARN, remedy=remedy)
        fields.text("reader_external_id", "")
        if own in targets:
            problems.add(own, fields.at("target_accounts"), "is the account itself: its servers need no extension")
        if own in others:
            problems.add(own, fields.at("failback_accounts"), "is the account itself: name the one on the other side")
        if len(targets) > most_targets:
            remedy = f"a DRS account has at most {most_targets} trusted accounts"
            problems.add(f"{len(targets)} accounts", fields.at("target_accounts"), remedy)
        if own in seen:
            problems.add(own, place, f"is declared in {seen[own]} already")
        seen.setdefault(own, place)
    if account_id not in seen:
        known = ", ".join(sorted(filter(None, seen))) or "no account"
        problems.add(account_id, where, f"is the account of these credentials, and not declared ({known} is)")
    return list(problems)


def shared_key_policy(policy: Mapping[str, Any], key_arn: str, target_accounts: Sequence[str]) -> dict[str, Any]:
    """Return a key policy that lets target accounts recover from volumes which the key encrypts.

    Two may re-encrypt through EC2: the staging account's role for a target account, and the target account. Every other
    statement of the policy is kept. Source: Elastic Disaster Recovery User Guide, "Using multiple staging accounts".

    Args:
        policy: The key policy as it is.
        key_arn: ARN of the key, in the staging account.
        target_accounts: The accounts that may recover.
    """
    _arn, partition, _kms, region, account = key_arn.split(":")[:5]
    ours: dict[str, dict[str, Any]] = {}
    for target in target_accounts:
        role = f"arn:{partition}:iam::{account}:role{ROLE_PATH}{role_name(target)}"
        root = f"arn:{partition}:iam::{target}:root"
        for sid, principal, caller in (
            (f"DisasterRecoveryShareSnapshotsWith{target}", role, account),
            (f"DisasterRecoveryUseFrom{target}", root, target),
        ):
            conditions = {"kms:CallerAccount": caller, "kms:ViaService": f"ec2.{region}.amazonaws.com"}
            ours[sid] = {
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": "kms:ReEncrypt*",
                "Resource": "*",
                "Condition": {"StringEquals": conditions},
            }
    statements = policy.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    kept = [statement for statement in listed if statement.get("Sid") not in ours]
    return {**policy, "Statement": [*kept, *ours.values()]}
