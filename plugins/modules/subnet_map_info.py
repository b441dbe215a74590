#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the subnet map against AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: subnet_map_info
short_description: Check the subnet map against AWS, and show where every server goes
version_added: 0.1.0
description:
  - Completes the subnet map with what EC2 knows, source networks of subnet ids and ids of security group names, in
    every account and Region that it names.
  - Checks that subnets exist in the account and Region named and have the network declared, that security groups belong
    to their VPCs, that every interface of every server gets an address that it may have and that nobody else uses, and
    that every subnet has enough free addresses for all servers that are mapped there, with fixed and dynamic ones.
  - Shows which rule every address falls under, which further rules hold it, and why these lost.
  - Fails when there are problems. All are listed in one go, each with the variable and key, what to do, and file and
    line where Ansible remembers these.
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
    support: none
  idempotent:
    support: full
options:
  table:
    description:
      - Name of the DynamoDB table of the IP map, in the Region of the module.
      - Addresses that it holds for further servers then count as well, and imported addresses are kept as
        M(disaster_recovery.aws.ip_map) keeps them.
    type: str
  imported_addresses:
    description: What becomes of imported addresses, as for M(disaster_recovery.aws.ip_map).
    type: str
    choices: [keep, replace]
    default: keep
  preliminary:
    description:
      - Whether servers may still be extended into the account, and get other keys by tags.
      - Explicit addresses of servers that do not exist, and two servers with one key, are then no problems.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.ip_map
"""

EXAMPLES = r"""
- name: Check the subnet map
  disaster_recovery.aws.subnet_map_info:
    region: us-west-2
    source_region: us-east-1
    subnet_map: "{{ dr_subnet_map }}"
    addresses: "{{ dr_addresses }}"
    accounts: "{{ dr_accounts }}"
  register: checked

- name: Show servers for which more than one rule could have been meant
  ansible.builtin.debug:
    msg: "{{ item.server_key }}: {{ item.chosen.source_cidr }}, not {{ item.shadowed | map(attribute='source_cidr') }}"
  loop: "{{ checked.servers | selectattr('shadowed') }}"
  loop_control:
    label: "{{ item.server_key }}"
"""

RETURN = r"""
subnet_map:
  description:
    - The complete subnet map in the form of O(subnet_map), with source networks, security group ids, accounts, Regions.
    - Rules whose source network is not known are left out.
  returned: when the options can be read
  type: list
  elements: dict
servers:
  description: Every network interface of every selected server, ordered by server key and interface.
  returned: when the options can be read
  type: list
  elements: dict
  contains:
    server_key:
      description: Key of the server.
      returned: always
      type: str
    source_server_id:
      description: Id of the source server.
      returned: always
      type: str
    interface:
      description: Network interface, 0 is the primary one.
      returned: always
      type: int
    address:
      description: Source address, null when it is not known.
      returned: always
      type: str
    origin:
      description: Account, Region and subnet of the source interface, each empty when it is not known.
      returned: always
      type: dict
      sample: {account_id: "222222222222", region: us-east-1, subnet_id: ""}
    chosen:
      description: The rule that the address falls under, null when there is none or two have the same right.
      returned: always
      type: dict
      sample: {where: "dr_subnet_map[1]", source_cidr: 10.10.1.0/24}
    shadowed:
      description: Rules that hold the address as well, each with the reason why it lost; the next one first.
      returned: always
      type: list
      elements: dict
      sample: [{where: "dr_subnet_map[0]", source_cidr: 10.10.0.0/16, reason: its source prefix is longer}]
    profiles:
      description: Subnet, network, address and rule (how the address was found), by profile.
      returned: always
      type: dict
choices:
  description: A line for every rule that won over another, and why.
  returned: when the options can be read
  type: list
  elements: str
  sample:
    - >-
      dr_subnet_map[1] (10.10.1.0/24) wins over dr_subnet_map[0] (10.10.0.0/16), because its source prefix is longer,
      for 2 interfaces: db-1/0, db-2/0
subnets:
  description: What is needed of every target subnet, in the order of the map.
  returned: when the options can be read
  type: list
  elements: dict
  contains:
    where:
      description: The first target that names the subnet.
      returned: always
      type: str
      sample: dr_subnet_map[0].failover
    subnet_id:
      description: Id of the subnet.
      returned: always
      type: str
    account_id:
      description: Its account.
      returned: always
      type: str
    region:
      description: Its Region.
      returned: always
      type: str
    cidr:
      description: Its network.
      returned: always
      type: str
    usable:
      description: Addresses without the five that AWS reserves.
      returned: always
      type: int
    available:
      description: Addresses that nobody uses.
      returned: always
      type: int
    fixed:
      description: Known addresses that have to be free, without those of the instances that a launch replaces.
      returned: always
      type: int
    dynamic:
      description: Addresses that EC2 will choose.
      returned: always
      type: int
    held_for_others:
      description: Addresses that further servers need which are in the IP map.
      returned: always
      type: int
    needed:
      description: The sum of the three.
      returned: always
      type: int
disconnected:
  description: Keys of selected servers that DRS only remembers (replication state C(DISCONNECTED)); they are left out.
  returned: when the options can be read
  type: list
  elements: str
problems:
  description: Everything that is wrong. The module fails when there is anything.
  returned: always
  type: list
  elements: dict
  contains:
    where:
      description: Variable and key, or the interface and profile that cannot have an address.
      returned: always
      type: str
      sample: dr_subnet_map[0].failover.cidr
    value:
      description: The value there.
      returned: always
      type: str
    remedy:
      description: What is wrong with it and what to do.
      returned: always
      type: str
    file:
      description: File, line and column of the value, empty where Ansible does not remember them.
      returned: when the module is run as a task
      type: str
      sample: /home/me/inventories/prod/group_vars/all/network.yml:14:13
summary:
  description: Counts for the table at the end of a configuration.
  returned: when the options can be read
  type: dict
  contains:
    servers: {description: Servers that the task was about., returned: always, type: int}
    changed: {description: Always 0., returned: always, type: int}
    skipped: {description: Servers that DRS only remembers., returned: always, type: int}
    problems: {description: "The problems, a line each.", returned: always, type: list, elements: str}
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module, told
from ansible_collections.disaster_recovery.aws.plugins.module_utils._network_plan import (
    NETWORK_PLAN_SPEC,
    check_plan,
    read_network_plan,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary as counts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_choices import (
    choice_lines,
    to_declaration,
)


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:  # noqa: ARG001  it only reads
    """Check everything, and tell what was found."""
    problems = Problems()
    plan = read_network_plan(params, clients, problems, preliminary=params["preliminary"])
    stored: list[MapEntry] = []
    if params["table"]:
        stored = IpMapTable(clients("dynamodb"), params["table"]).find(Search())
    checked = check_plan(plan, stored, problems, keep_imported=params["imported_addresses"] == "keep")
    return {
        "changed": False,
        "subnet_map": to_declaration(plan.subnet_map),
        "servers": checked.choices,
        "choices": choice_lines(checked.choices),
        "subnets": [demand.to_dict() for demand in checked.demands],
        "disconnected": plan.disconnected,
        "problems": [],
        "summary": counts(servers=len(plan.servers), skipped=len(plan.disconnected), problems=list(problems)),
        **({"failed": True, **told(problems)} if len(problems) else {}),
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            **NETWORK_PLAN_SPEC,
            "table": {"type": "str"},
            "imported_addresses": {"type": "str", "choices": ["keep", "replace"], "default": "keep"},
            "preliminary": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
