# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the option C(accounts)."""

from __future__ import annotations


class ModuleDocFragment:
    """The option that names the accounts and Regions of an estate."""

    DOCUMENTATION = r"""
options:
  accounts:
    description:
      - The accounts and Regions that the estate is spread over, inventory variable C(dr_accounts).
      - The account of the credentials is reached with these, every other one by assuming O(accounts[].role_arn).
    type: list
    elements: dict
    default: []
    suboptions:
      account_id:
        description: Account id, 12 digits in quotes. Required.
        type: str
      regions:
        description: Regions of the account that are looked at, at least one. Required.
        type: list
        elements: str
      role_arn:
        description: ARN of a role of that account which the credentials may assume. Not needed for their own account.
        type: str
      external_id:
        description: External id that the trust policies of the roles ask for.
        type: str
      failback_role_arn:
        description: >-
          ARN of a role of that account by which a failback leads its servers home. Not needed for the account of the
          orchestrator. This module does not assume it.
        type: str
"""
