#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the IP map."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ip_map
short_description: Keep the map of source addresses to target addresses
version_added: 0.1.0
description:
  - Computes, for every network interface of every source server, subnet, address and security groups in each network
    profile, and keeps them in a DynamoDB table.
  - Every fixed address is reserved under a condition, so that two servers never hold one address.
  - Where O(subnet_map) names no target for C(failback), a machine goes back to its original subnet, address and
    security groups, as EC2 knows them of the source instance now (rule C(original)). What is stored stays when EC2
    cannot be asked there, or the instance is gone; what it never knew has no profile C(failback).
  - Refused with a reason, all problems in one message and nothing written, are source addresses without a rule, targets
    that EC2 does not know as declared, reserved addresses, and addresses that another server or interface has.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.accounts
  - disaster_recovery.aws.selector
  - disaster_recovery.aws.subnet_map
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  table:
    description: Name of the DynamoDB table, in the Region of the module.
    type: str
    required: true
  imported_addresses:
    description:
      - What becomes of addresses that M(disaster_recovery.aws.ip_map_import) gave.
      - V(keep) keeps them, checked like explicit ones; where O(addresses) gives another, that one wins.
      - V(replace) gives them up for what O(subnet_map) says. Together with O(match), for some servers only.
    type: str
    choices: [keep, replace]
    default: keep
  preliminary:
    description:
      - Whether servers may still be extended into the account, as in check mode before the first run.
      - Explicit addresses of servers that do not exist, and two servers with one key, are then no problems.
    type: bool
    default: false
  servers:
    description: Keys of the servers whose entries and addresses are given up. Required when O(state=absent).
    type: list
    elements: str
  state:
    description: Whether the servers have entries. With V(present), O(subnet_map) is required.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: disaster_recovery.aws.ip_map_info
  - module: disaster_recovery.aws.drs_launch_configuration
    description: Launches servers where the IP map says.
"""

EXAMPLES = r"""
- name: Give every source server an address in each network
  disaster_recovery.aws.ip_map:
    region: us-west-2
    source_region: us-east-1
    table: disaster-recovery-ip-map
    subnet_map: "{{ dr_subnet_map }}"
    addresses: "{{ dr_addresses }}"

- name: Give the servers of one subnet their addresses, and one of them an address of its own
  disaster_recovery.aws.ip_map:
    region: us-west-2
    table: disaster-recovery-ip-map
    match:
      tags: {Application: payments, Tier: reporting}
    subnet_map:
      - source_cidr: 10.10.2.0/23
        failover:
          subnet_id: subnet-0a20200000000a001
          cidr: 10.20.2.0/23
          security_groups: [recovery-app]
          address: keep_host_part
        test:
          subnet_id: subnet-0a99200000000a001
          cidr: 10.99.2.0/23
          security_groups: [drill-app]
          address: keep_host_part
    addresses:
      - {server_key: pay-rep-1.example.internal, interface: 0, profile: failover, address: 10.20.2.77}

- name: Give up the addresses of a server that is gone
  disaster_recovery.aws.ip_map:
    region: us-west-2
    table: disaster-recovery-ip-map
    state: absent
    servers: [old-app-1.example.internal]
"""

RETURN = r"""
entries:
  description: The entries of the selected servers as they are afterwards, ordered by server key and interface.
  returned: success
  type: list
  elements: dict
  contains:
    server_key:
      description: Key of the server.
      returned: always
      type: str
    interface:
      description: Network interface.
      returned: always
      type: int
    source:
      description: Source address, subnet, host name, account, instance and instance type.
      returned: always
      type: dict
    profiles:
      description: Subnet, network, address, security groups and rule, by profile.
      returned: always
      type: dict
    drs:
      description: The source server that the entry was correlated with.
      returned: always
      type: dict
    version:
      description: Version of the entry.
      returned: always
      type: int
    updated_at:
      description: When the entry was written; empty when it would be written now, in check mode.
      returned: always
      type: str
    updated_by:
      description: ARN of who wrote it.
      returned: always
      type: str
changes:
  description: Entries (server key and interface) that were created, updated and deleted.
  returned: success
  type: dict
  sample:
    created: [pay-db-1.example.internal/0]
    updated: []
    deleted: []
disconnected:
  description: Keys of selected servers that DRS only remembers (replication state C(DISCONNECTED)); they get no entry.
  returned: O(state=present)
  type: list
  elements: str
summary:
  description: Counts for the table at the end of a configuration.
  returned: O(state=present)
  type: dict
  contains:
    servers: {description: Servers that the task was about., returned: always, type: int}
    changed: {description: Servers of which something was or would be written., returned: always, type: int}
    skipped: {description: Servers that DRS only remembers., returned: always, type: int}
    problems: {description: What a person has to look at., returned: always, type: list, elements: str}
    notes:
      description: Which servers have no profile C(failback), and where EC2 could not be asked for source instances.
      returned: always
      type: list
      elements: str
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._ip_map import (
    apply_changes,
    refuse_addresses_in_use,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils._network_plan import (
    NETWORK_PLAN_SPEC,
    read_network_plan,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import read_interfaces
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary as counts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import compare, imported_addresses
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import target_subnets
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.original_networks import notes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_capacity import (
    check_capacity,
    subnet_demands,
)


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Bring the IP map to what is declared."""
    table = IpMapTable(clients("dynamodb"), params["table"])
    if params["state"] == "absent":
        changes = compare([], table.entries_of(key.lower() for key in params["servers"]))
        return apply_changes(table, changes, clients, check_mode)
    problems = Problems()
    plan = read_network_plan(params, clients, problems, preliminary=params["preliminary"])
    stored = table.entries_of(server.key for server in plan.servers)
    imported = imported_addresses(stored) if params["imported_addresses"] == "keep" else {}
    entries = plan.entries(problems, stored, imported)
    problems.raise_if_any()
    changes = compare(entries, stored)
    subnets = {target.subnet_id for entry in changes.wanted for target in entry.profiles.values()}
    declared = target_subnets(plan.subnet_map, subnets)
    in_use = read_interfaces(plan.accounts, plan.with_home_subnets(declared, changes.wanted))
    refuse_addresses_in_use(changes, plan.recovery_instances, in_use)
    demands = subnet_demands(plan.subnet_map, plan.networks, entries, in_use, (), plan.recovery_instances)
    check_capacity([demand for demand in demands if demand.subnet_id in subnets], problems)
    problems.raise_if_any()
    changed = {name.rsplit("/", 1)[0] for names in changes.names().values() for name in names}
    return {
        **apply_changes(table, changes, clients, check_mode),
        "disconnected": plan.disconnected,
        "summary": counts(
            servers=len({entry.server_key for entry in entries}),
            changed=len(changed),
            skipped=len(plan.disconnected),
            notes=[*plan.unread, *notes(entries)],
        ),
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "table": {"type": "str", "required": True},
            **NETWORK_PLAN_SPEC,
            "imported_addresses": {"type": "str", "choices": ["keep", "replace"], "default": "keep"},
            "preliminary": {"type": "bool", "default": False},
            "servers": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        run,
        needs_drs=True,
        required_if=[("state", "present", ["subnet_map"]), ("state", "absent", ["servers"])],
    )


if __name__ == "__main__":
    main()
