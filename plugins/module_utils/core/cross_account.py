# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DRS needs in two accounts to fail servers back from one to the other.

Source: Elastic Disaster Recovery User Guide, "Creating the Failback and in-AWS right-sizing roles".
"""

from __future__ import annotations

ROLES = ("DRSCrossAccountReplicationRole", "DRSCrossAccountAgentRole", "DRSCrossAccountAgentAuthorizedRole")
ROLE_PATH = "/service-role/"


def role_names(other_account: str) -> tuple[str, ...]:
    """Return the names of the roles that one of both accounts must have, each in L(ROLE_PATH).

    Args:
        other_account: The account on the other side.
    """
    return tuple(f"{name}_{other_account}" for name in ROLES)
