# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at the roles that DRS needs in two accounts to fail servers back from one to the other.

This module util is private to the collection.
"""

from __future__ import annotations

from typing import Any

from ..core.cross_account import ROLE_PATH, role_names
from ..core.places import Place
from ..core.readiness import Unknown
from .dynamodb import call
from .errors import AwsError, TransientError
from .failback_reader import Clients

NOT_FOUND_IN_IAM = "NoSuchEntity"


def missing_roles(clients: Clients, one: Place, other: Place) -> tuple[str, ...] | Unknown:
    """Return the roles that are not there, as C(account/service-role/name); none where both are one account.

    Args:
        clients: C(clients("iam", place)) returns the client of a service in an account and Region.
        one: One side of a failback.
        other: The other side.

    Raises:
        TransientError: The same may succeed later.
    """
    if one.account_id == other.account_id:
        return ()
    sides = ((one, other.account_id), (other, one.account_id))
    try:
        return tuple(
            f"{place.account_id}{ROLE_PATH}{name}"
            for place, trusted in sides
            for name in role_names(trusted)
            if not _is_there(clients("iam", place), name)
        )
    except TransientError:
        raise
    except AwsError as error:
        return Unknown(error.message)


def _is_there(iam: Any, name: str) -> bool:
    try:
        role = call(iam.get_role, f"read the role {name}", RoleName=name)["Role"]
    except AwsError as error:
        if error.code == NOT_FOUND_IN_IAM:
            return False
        raise
    return bool(role["Path"] == ROLE_PATH)
