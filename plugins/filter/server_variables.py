# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collect variables of inventory hosts that are protected servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: server_variables
short_description: Collect the variables that a tag policy asks for
version_added: 0.1.0
description:
  - Returns, for every host of the inventory that has any of them, the variables that O(policy) names.
  - A host is a server when its name, in lower case, is the server key. Hosts that are none do no harm.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
positional: policy
options:
  _input:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  policy:
    description: The tag policy, inventory variable C(dr_tag_policy).
    type: dict
    required: true
  more:
    description:
      - Variables by server key of servers that are no hosts of the inventory, variable C(dr_server_variables).
      - They go before those of hosts.
    type: dict
    default: {}
seealso:
  - module: disaster_recovery.aws.drs_source_server_tags
"""

EXAMPLES = r"""
- name: Apply a policy that asks for inventory variables
  disaster_recovery.aws.drs_source_server_tags:
    tag_policy: "{{ dr_tag_policy }}"
    server_variables: "{{ hostvars | disaster_recovery.aws.server_variables(dr_tag_policy) }}"
"""

RETURN = r"""
_value:
  description: Variables by server key.
  type: dict
"""


def server_variables(
    hostvars: Any, policy: Mapping[str, Any], more: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the variables that a policy asks for, by server key; hosts that have none are left out.

    Raises:
        AnsibleFilterError: The input is no mapping.
    """
    if not isinstance(hostvars, Mapping):
        raise AnsibleFilterError(f"server_variables needs hostvars, not {hostvars!r}")
    rules = policy.get("tags") if isinstance(policy, Mapping) else None
    names = [
        rule["variable"]
        for rule in (rules if isinstance(rules, (list, tuple)) else ())
        if isinstance(rule, Mapping) and isinstance(rule.get("variable"), str)
    ]
    servers = {str(key).lower(): dict(values) for key, values in (more or {}).items() if isinstance(values, Mapping)}
    for host in hostvars if names else ():
        own = hostvars[host]
        found = {name: own[name] for name in names if name in own}
        if found:
            key = str(host).lower()
            servers[key] = {**found, **servers.get(key, {})}
    return servers


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"server_variables": server_variables}
