"""The roles and instance profiles that initialising DRS makes in an account, in the emulator's IAM."""

from __future__ import annotations

import json

from moto.iam.models import IAMBackend, iam_backends

EC2_ROLES = (
    "AWSElasticDisasterRecoveryConversionServerRole",
    "AWSElasticDisasterRecoveryRecoveryInstanceRole",
    "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole",
    "AWSElasticDisasterRecoveryReplicationServerRole",
)
DRS_ROLES = ("AWSElasticDisasterRecoveryAgentRole", "AWSElasticDisasterRecoveryFailbackRole")
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
    profiles = {profile.name for profile in iam.instance_profiles.values()}
    for name in EC2_ROLES:
        if name not in profiles:
            iam.create_instance_profile(name, "/", [])
            iam.add_role_to_instance_profile(name, name)


def create_role(iam: IAMBackend, name: str, path: str, service: str) -> None:
    """Create a role that a service may assume."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(name, json.dumps(trust), path, None, "", [], 3600)
