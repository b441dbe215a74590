# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a failback's dry run, for the role run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lines import cycle_lines

DOCUMENTATION = r"""
name: way_home_table
short_description: Show where servers are on their way home
version_added: 0.1.0
author:
  - The disaster_recovery.aws maintainers
description:
  - Returns the lines of a table with where every server is in the cycle of failover and failback, and what comes next,
    is waited for, or keeps it from going on.
positional: _input
options:
  _input:
    description: C(servers) as M(disaster_recovery.aws.dr_failback_info) returns them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where the servers are
  ansible.builtin.debug:
    msg: "{{ way_home.servers | disaster_recovery.aws.way_home_table }}"
  vars:
    way_home: {servers: [{server_key: pay-db-1, kind: cross_region, stage: recovered, action: reverse_replication}]}
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

NEEDED = frozenset({"server_key", "kind", "stage"})


def way_home_table(servers: Any) -> list[str]:
    """Return the lines of the table.

    Raises:
        AnsibleFilterError: The input is no list of servers.
    """
    if not isinstance(servers, (list, tuple)) or not all(
        isinstance(server, Mapping) and server.keys() >= NEEDED for server in servers
    ):
        raise AnsibleFilterError(f"way_home_table needs the servers of dr_failback_info, not {servers!r}")
    return cycle_lines(servers)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"way_home_table": way_home_table}
