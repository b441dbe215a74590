"""Roles of an estate's accounts that other accounts may assume."""

from __future__ import annotations

import json

from moto.iam.models import iam_backends

from .declared import Role
from .reader import EstateError


def create_roles(account_id: str, roles: list[Role]) -> None:
    """Create the roles with their trust and the policies that AWS manages.

    Raises:
        EstateError: AWS manages no such policy.
    """
    iam = iam_backends[account_id]["aws"]
    for role in roles:
        trusted = [f"arn:aws:iam::{account}:root" for account in role.trusted_accounts]
        statement = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement] if trusted else []})
        iam.create_role(role.name, trust, "/", None, "", [], "3600")
        for policy in role.policies:
            if policy not in iam.managed_policies:
                raise EstateError(f"accounts.{account_id}.roles.{role.name}.policies: AWS manages no {policy}")
            iam.attach_role_policy(policy, role.name)
