"""The roles and instance profiles that initialising DRS makes in an account, in the emulator's IAM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from moto.iam.models import IAMBackend, iam_backends

from .staging import staging_role_name

_RECOVERY_INSTANCE = "service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy"
EC2_ROLES = {
    "AWSElasticDisasterRecoveryConversionServerRole": ["service-role/AWSElasticDisasterRecoveryConversionServerPolicy"],
    "AWSElasticDisasterRecoveryRecoveryInstanceRole": [_RECOVERY_INSTANCE],
    "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole": [
        _RECOVERY_INSTANCE,
        "AmazonSSMManagedInstanceCore",
    ],
    "AWSElasticDisasterRecoveryReplicationServerRole": [
        "service-role/AWSElasticDisasterRecoveryReplicationServerPolicy"
    ],
}
"""Roles for instances, of which each has an instance profile of its name, and their managed policies."""

DRS_ROLES = ("AWSElasticDisasterRecoveryAgentRole", "AWSElasticDisasterRecoveryFailbackRole")
CROSS_ACCOUNT_ROLES = (
    "DRSCrossAccountReplicationRole",
    "DRSCrossAccountAgentRole",
    "DRSCrossAccountAgentAuthorizedRole",
)
"""What failback between two accounts needs, each in both accounts, followed by `_` and the id of the other one."""
STAGING_POLICY = "arn:aws:iam::aws:policy/service-role/AWSElasticDisasterRecoveryStagingAccountPolicy_v2"
SERVICE_LINKED_ROLE = "AWSServiceRoleForElasticDisasterRecovery"


def ensure_service_roles(account_id: str) -> None:
    """Create the roles of DRS in an account, those that are missing."""
    iam = iam_backends[account_id]["aws"]
    present = {role.name for role in iam.roles.values()}
    if SERVICE_LINKED_ROLE not in present:
        create_role(iam, SERVICE_LINKED_ROLE, "/aws-service-role/drs.amazonaws.com/", "drs.amazonaws.com")
    for name in (*EC2_ROLES, *DRS_ROLES):
        if name not in present:
            create_role(iam, name, "/service-role/", "ec2.amazonaws.com" if name in EC2_ROLES else "drs.amazonaws.com")
            for policy in EC2_ROLES.get(name, []):
                iam.attach_role_policy(f"arn:aws:iam::aws:policy/{policy}", name)
    profiles = {profile.name for profile in iam.instance_profiles.values()}
    for name in EC2_ROLES:
        if name not in profiles:
            iam.create_instance_profile(name, "/", [])
            iam.add_role_to_instance_profile(name, name)


def create_staging_role(staging_account: str, target_account: str) -> None:
    """Create the role that lets a target account extend and recover the servers of a staging account."""
    iam = iam_backends[staging_account]["aws"]
    name = staging_role_name(target_account)
    if name not in {role.name for role in iam.roles.values()}:
        conditions = {
            "StringEquals": {"sts:SourceIdentity": target_account, "aws:SourceAccount": target_account},
            "ArnLike": {"aws:SourceArn": "arn:aws:drs:*:*:source-server/*"},
        }
        create_role(
            iam, name, "/service-role/", "drs.amazonaws.com", ["sts:AssumeRole", "sts:SetSourceIdentity"], conditions
        )
        iam.attach_role_policy(STAGING_POLICY, name)


def create_cross_account_roles(account_id: str, other_account: str) -> None:
    """Create the roles in one account that failback to or from another one needs."""
    iam = iam_backends[account_id]["aws"]
    present = {role.name for role in iam.roles.values()}
    for prefix in CROSS_ACCOUNT_ROLES:
        if f"{prefix}_{other_account}" not in present:
            create_role(iam, f"{prefix}_{other_account}", "/service-role/", "drs.amazonaws.com")


def missing_cross_account_role(account_id: str, other_account: str) -> str | None:
    """Return `account:role` of a role that failback between two accounts lacks, None when all are in their path."""
    for here, there in ((account_id, other_account), (other_account, account_id)):
        roles = iam_backends[here]["aws"].roles.values()
        present = {role.name for role in roles if role.path == "/service-role/"}
        for prefix in CROSS_ACCOUNT_ROLES:
            if f"{prefix}_{there}" not in present:
                return f"{here}:{prefix}_{there}"
    return None


def create_role(
    iam: IAMBackend,
    name: str,
    path: str,
    service: str,
    actions: Sequence[str] = ("sts:AssumeRole",),
    conditions: dict[str, Any] | None = None,
) -> None:
    """Create a role that a service may assume."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}
    if conditions:
        statement["Condition"] = conditions
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(name, trust, path, None, "", [], "3600")
