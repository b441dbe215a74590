# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM instance profiles: do they exist, and which managed policies do their roles have?

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .dynamodb import call
from .errors import AwsError, translate


def read_policies(client: Any, profiles: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the names of the managed policies of instance profiles, by the profile as it was named.

    Profiles that do not exist are left out.

    Args:
        client: boto3 IAM client.
        profiles: Names or ARNs.
    """
    found: dict[str, frozenset[str]] = {}
    for profile in sorted(set(profiles)):
        what = f"read the instance profile {profile}"
        try:
            answer = call(client.get_instance_profile, what, InstanceProfileName=profile.rsplit("/", 1)[-1])
        except AwsError as error:
            if error.code == "NoSuchEntity":
                continue
            raise
        policies: set[str] = set()
        for role in answer["InstanceProfile"]["Roles"]:
            policies |= _attached(client, role["RoleName"])
        found[profile] = frozenset(policies)
    return found


def _attached(client: Any, role: str) -> set[str]:
    try:
        pages = client.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        return {policy["PolicyName"] for page in pages for policy in page["AttachedPolicies"]}
    except Exception as error:
        raise translate(error, f"read the policies of role {role}") from error
