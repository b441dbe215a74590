# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key policy that lets target accounts recover, for the role accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import account_setup

DOCUMENTATION = r"""
name: shared_key_policy
short_description: Let target accounts recover from volumes that a key encrypts
version_added: 0.1.0
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
description:
  - Returns a key policy with two statements for each target account, which let it and the staging account's role for it
    re-encrypt through EC2. Every other statement is kept.
positional: _input, key_arn, target_accounts
options:
  _input:
    description: The key policy as it is.
    type: dict
    required: true
  key_arn:
    description: ARN of the key, in the staging account.
    type: str
    required: true
  target_accounts:
    description: The accounts that may recover.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Share a key
  amazon.aws.kms_key:
    key_id: "{{ key.key_arn }}"
    policy: "{{ key.key_policies[0] | disaster_recovery.aws.shared_key_policy(key.key_arn, ['222222222222']) }}"
"""

RETURN = r"""
_value:
  description: The key policy.
  type: dict
"""


def shared_key_policy(policy: Any, key_arn: str, target_accounts: list[str]) -> dict[str, Any]:
    """Return the shared policy.

    Raises:
        AnsibleFilterError: The input is no policy.
    """
    if not isinstance(policy, Mapping):
        raise AnsibleFilterError(f"shared_key_policy needs a policy document, not {policy!r}")
    return account_setup.shared_key_policy(policy, key_arn, target_accounts)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"shared_key_policy": shared_key_policy}
