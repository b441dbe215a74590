#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell whether the network of drills is isolated."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_isolation_info
short_description: Tell whether the network of drills is isolated from production
version_added: 0.1.0
description:
  - Reads from EC2 what can lead out of the subnets of network profile C(test), and judges it as a drill's gate does.
  - A path counts when routing leads there (route tables, peering, transit gateways, virtual private gateways, NAT
    gateways, the VPC itself) and neither the subnet's network ACL nor the security groups of the servers close it.
  - Production is every source, failover and failback network of the IP map, and O(production_cidrs). A subnet is open
    when a path leads there, through something that nobody can look behind, to the internet, or to a VPC endpoint.
  - What EC2 does not tell is not isolated. A transit gateway's own route tables, names (private hosted zones, resolver
    rules), Client VPN and VPC Lattice are not looked at.
  - The module does not fail when a subnet is open. Look at RV(isolated) where that matters.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  ip_map_table:
    description:
      - Name of the IP map table, all of which is read.
      - Exactly one of O(ip_map_table) and O(ip_map_entries) is required.
    type: str
  ip_map_entries:
    description:
      - Entries of the IP map, as M(disaster_recovery.aws.ip_map) returns them, instead of those in the table.
      - In check mode the table may not have them yet.
    type: list
    elements: dict
  servers:
    description: Keys of the servers whose test subnets are judged. Without it, those of all servers.
    type: list
    elements: str
  production_cidrs:
    description: Networks of production that the IP map does not know, inventory variable C(dr_production_cidrs).
    type: list
    elements: str
    default: []
  isolation:
    description:
      - What a plan says in C(gate.isolation), to judge by the same rules.
      - C(internet) is V(refused), the default, or V(allowed).
      - C(accept) is a list of ids of endpoints, gateways and so on that the plan's owner has looked at. It opens no way
        to known production networks.
      - C(production_cidrs) is a list of further networks of production.
    type: dict
    default: {}
seealso:
  - module: disaster_recovery.aws.dr_plan
  - module: disaster_recovery.aws.ip_map
"""

EXAMPLES = r"""
- name: Look whether a drill could reach production
  disaster_recovery.aws.network_isolation_info:
    region: us-west-2
    ip_map_table: disaster-recovery-ip-map

- name: Stop when it could, and show how
  disaster_recovery.aws.network_isolation_info:
    region: us-west-2
    ip_map_table: disaster-recovery-ip-map
    production_cidrs: [10.10.0.0/16, 192.168.0.0/16]
  register: drill_network
  failed_when: drill_network is failed or not drill_network.isolated

- name: Judge by the rules of one plan, which lets its drills use an endpoint
  disaster_recovery.aws.network_isolation_info:
    region: us-west-2
    ip_map_table: disaster-recovery-ip-map
    isolation:
      accept: [vpce-0123456789abcdef0]
"""

RETURN = r"""
isolated:
  description: Whether every test subnet is proved to be isolated.
  returned: success
  type: bool
findings:
  description:
    - Every path once, with the test subnets that it leads out of, the worst first. Warnings leave a subnet isolated.
  returned: success
  type: list
  elements: dict
  contains:
    severity:
      description: V(error), V(unknown) (not isolated either) or V(warning).
      returned: always
      type: str
    what:
      description: Subnets and path.
      returned: always
      type: str
    remedy:
      description: How to close it.
      returned: always
      type: str
subnets:
  description: The verdict on every test subnet, ordered by id.
  returned: success
  type: list
  elements: dict
  contains:
    subnet_id:
      description: The test subnet.
      returned: always
      type: str
    vpc_id:
      description: Its VPC, empty when EC2 does not tell.
      returned: always
      type: str
    state:
      description: V(isolated), V(open), or V(unknown) when something could not be read.
      returned: always
      type: str
    paths:
      description: What speaks against its isolation, or should be known, the worst first.
      returned: always
      type: list
      elements: dict
      contains:
        kind:
          description: >-
            V(production), V(unproved) (through something that nobody can look behind), V(internet), V(endpoint),
            V(unread), V(closed) (by a network ACL or security groups), V(elsewhere) (not known as production) or
            V(door) (a connection that no route uses).
          returned: always
          type: str
        severity:
          description: V(error), V(unknown) or V(warning).
          returned: always
          type: str
        what:
          description: The path.
          returned: always
          type: str
        opened_by:
          description: Id of what opens it, which a plan can accept unless the kind is V(production).
          returned: always
          type: str
        remedy:
          description: How to close it.
          returned: always
          type: str
production_cidrs:
  description: The networks that count as production.
  returned: success
  type: list
  elements: str
"""

from dataclasses import asdict
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.isolation import read_network_facts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, item_to_entry
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation import (
    SubnetIsolation,
    gate_findings,
    judge,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_facts import drill_network
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_policy import (
    parse_isolation,
    read_cidrs,
)


def run(params: dict[str, Any], clients: Clients, _check_mode: bool) -> dict[str, Any]:
    """Read and judge."""
    problems = Problems()
    policy = parse_isolation(params["isolation"], "isolation", problems)
    policy = policy.with_production(read_cidrs(params["production_cidrs"], "production_cidrs", problems))
    problems.raise_if_any()
    servers = None if params["servers"] is None else [key.lower() for key in params["servers"]]
    network = drill_network(_entries(params, clients), policy, servers)
    verdicts = judge(network, read_network_facts(clients("ec2"), network), policy)
    return {
        "changed": False,
        "isolated": all(verdict.state == "isolated" for verdict in verdicts),
        "findings": [
            {"severity": finding.severity, "what": finding.what, "remedy": finding.remedy}
            for finding in gate_findings(verdicts)
        ],
        "subnets": [_result(verdict) for verdict in verdicts],
        "production_cidrs": [str(cidr) for cidr in network.production],
    }


def _entries(params: dict[str, Any], clients: Clients) -> list[MapEntry]:
    if params["ip_map_entries"] is not None:
        return [item_to_entry(item) for item in params["ip_map_entries"]]
    table = IpMapTable(clients("dynamodb"), params["ip_map_table"])
    return table.read_entries(table.entry_ids())


def _result(verdict: SubnetIsolation) -> dict[str, Any]:
    return {
        "subnet_id": verdict.subnet_id,
        "vpc_id": verdict.vpc_id,
        "state": verdict.state,
        "paths": [asdict(path) for path in verdict.paths],
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "ip_map_table": {"type": "str"},
            "ip_map_entries": {"type": "list", "elements": "dict"},
            "servers": {"type": "list", "elements": "str"},
            "production_cidrs": {"type": "list", "elements": "str", "default": []},
            "isolation": {"type": "dict", "default": {}},
        },
        run,
        mutually_exclusive=[("ip_map_table", "ip_map_entries")],
        required_one_of=[("ip_map_table", "ip_map_entries")],
    )


if __name__ == "__main__":
    main()
