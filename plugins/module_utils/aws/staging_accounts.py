# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look into staging accounts: is there what the extension of their source servers needs?

The role's trust and DRS itself are proven from the target account, by the answer of ListExtensibleSourceServers. Only
clients of the staging account see the reason of a refusal, the role's policy and the encryption of the servers.
This module util is private to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.accounts import Account
from ..core.staging_access import (
    FAILED,
    NOT_CHECKED,
    PASSED,
    Check,
    StagingRole,
    encryption_not_checked,
    encryption_problem,
    key_checks,
    remedy,
    role_checks,
    role_name,
)
from .accounts import AccountClients
from .drs import get_replication_configuration
from .dynamodb import call
from .errors import AwsError, NotFoundError, UninitializedError
from .pacing import Pacers, for_each

NOT_FOUND_IN_IAM = "NoSuchEntity"


class StagingAccess:
    """Clients of staging accounts, as far as they are declared with a role and the role can be assumed.

    Args:
        clients: Clients of all accounts.
        declared: The declared accounts.
        region: Region of the target account; staging servers are in the same.
    """

    def __init__(self, clients: AccountClients, declared: Iterable[Account], region: str) -> None:
        self._clients = clients
        self._declared = {account.account_id for account in declared if account.role_arn}
        self._region = region
        self._reasons: dict[str, str | None] = {}
        self.target_account = clients.own_account_id

    def client(self, service: str, account_id: str) -> Any:
        """Return the client of a service in a staging account that can be reached."""
        return self._clients(service, account_id, self._region)

    def reason(self, account_id: str) -> str | None:
        """Return why nobody can look into a staging account, None when its clients can be had."""
        if account_id not in self._reasons:
            self._reasons[account_id] = self._find_reason(account_id)
        return self._reasons[account_id]

    def _find_reason(self, account_id: str) -> str | None:
        if account_id not in self._declared:
            return (
                f"account {account_id} is not declared in dr_accounts with the role_arn of a role that may read it; "
                f"to make one, {remedy(account_id)}"
            )
        try:
            self.client("iam", account_id)
        except AwsError as error:
            return error.message
        return None


def read_staging_role(iam: Any, target_account: str) -> StagingRole | None:
    """Return the role of the staging account for a target account, None when there is none.

    Args:
        iam: boto3 IAM client of the staging account.
        target_account: The account that extends.
    """
    name = role_name(target_account)
    try:
        role = call(iam.get_role, f"read the role {name}", RoleName=name)["Role"]
    except AwsError as error:
        if error.code == NOT_FOUND_IN_IAM:
            return None
        raise
    attached = call(iam.list_attached_role_policies, f"list the policies of {name}", RoleName=name)
    inline = call(iam.list_role_policies, f"list the inline policies of {name}", RoleName=name)
    return StagingRole(
        path=role["Path"],
        trust=role["AssumeRolePolicyDocument"],
        managed=[policy["PolicyName"] for policy in attached["AttachedPolicies"]],
        inline=inline["PolicyNames"],
    )


def refusal_check(error: AwsError, staging_account: str) -> Check:
    """Return what a refused ListExtensibleSourceServers says about the staging account.

    The target account itself must be known to be initialised: DRS does not tell whose fault it is.

    Raises:
        AwsError: It says nothing about the staging account.
    """
    if isinstance(error, UninitializedError):
        detail = f"Elastic Disaster Recovery is not initialised in account {staging_account} in this Region: " + (
            "initialise it there (console, or the InitializeService API), or correct the Region"
        )
        return Check(staging_account, "access", FAILED, detail)
    if error.code != "StagingAccountDenied":
        raise error
    return Check(staging_account, "access", FAILED, error.message)


def look_at_role(access: StagingAccess, staging_account: str) -> tuple[StagingRole | None, list[Check]]:
    """Return the role of a staging account and what a look at it shows; what cannot be read is not checked."""
    reason = access.reason(staging_account)
    if reason is None:
        try:
            role = read_staging_role(access.client("iam", staging_account), access.target_account)
        except AwsError as error:
            reason = error.message
        else:
            return role, role_checks(role, staging_account, access.target_account)
    return None, [Check(staging_account, "policy", NOT_CHECKED, reason)]


def look_at_encryption(
    access: StagingAccess, staging_account: str, servers: Sequence[str], role: StagingRole | None
) -> list[Check]:
    """Return whether the volumes of source servers are encrypted with something that can be shared, and is.

    Args:
        access: Clients of the staging accounts.
        staging_account: The staging account.
        servers: ARNs of source servers in it.
        role: The role of the staging account, as far as it is known.
    """
    reason = access.reason(staging_account)
    if reason is not None:
        detail = encryption_not_checked(reason)
        return [Check(staging_account, "encryption", NOT_CHECKED, detail, tuple(sorted(servers)))]
    drs = access.client("drs", staging_account)
    kms = access.client("kms", staging_account)
    pacers = Pacers()

    def read(arn: str, _item: None) -> Mapping[str, Any]:
        pacers.take("GetReplicationConfiguration")
        return get_replication_configuration(drs, arn.rsplit("/", 1)[1])

    outcomes = for_each(dict.fromkeys(servers), read)
    found: dict[tuple[str, str, str], list[str]] = {}
    keys: dict[str, list[str]] = {}
    for arn, error in outcomes.errors.items():
        found.setdefault(("encryption", NOT_CHECKED, encryption_not_checked(error.message)), []).append(arn)
    for arn, configuration in outcomes.results.items():
        problem = encryption_problem(configuration["ebsEncryption"])
        if problem:
            found.setdefault(("encryption", FAILED, problem), []).append(arn)
        elif configuration["ebsEncryption"] == "CUSTOM":
            keys.setdefault(configuration.get("ebsEncryptionKeyArn") or "", []).append(arn)
        elif configuration["ebsEncryption"] == "NONE":
            found.setdefault(("encryption", PASSED, "no encryption, no key has to be shared"), []).append(arn)
        else:
            detail = f"what encryption {configuration['ebsEncryption']} needs is not known"
            found.setdefault(("encryption", NOT_CHECKED, detail), []).append(arn)
    for key_arn, of_key in keys.items():
        result, detail = _key_check(kms, key_arn, staging_account, role, access.target_account)
        found.setdefault(("key", result, detail), []).extend(of_key)
    return [
        Check(staging_account, subject, result, detail, tuple(sorted(arns)))
        for (subject, result, detail), arns in found.items()
    ]


def _key_check(
    kms: Any, key_arn: str, staging_account: str, role: StagingRole | None, target_account: str
) -> tuple[str, str]:
    if not key_arn.startswith("arn:"):
        return NOT_CHECKED, f"DRS names the customer managed key {key_arn!r}, which is no ARN"
    if key_arn.split(":")[4] != staging_account:
        return NOT_CHECKED, f"key {key_arn} is in another account"
    try:
        metadata = call(kms.describe_key, f"describe key {key_arn}", KeyId=key_arn)["KeyMetadata"]
        answer = call(
            kms.get_key_policy, f"read the policy of key {key_arn}", KeyId=metadata["Arn"], PolicyName="default"
        )
    except NotFoundError:
        return FAILED, f"key {key_arn} does not exist: choose another key in the replication configuration"
    except AwsError as error:
        return NOT_CHECKED, error.message
    return key_checks(key_arn, metadata, json.loads(answer["Policy"]), role, target=target_account)
