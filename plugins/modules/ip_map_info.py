#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the IP map."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ip_map_info
short_description: Read the IP map, and what it said before
version_added: 0.1.0
description:
  - Reads which address, subnet and security groups the network interfaces of servers have in every network profile.
  - All conditions that are given must hold. Without any, the whole map is read.
  - Nothing is scanned. Entries of servers, of a subnet, and of an address together with its subnet are read by their
    keys. A profile, or an address alone, means that all entries are read, for 3,000 servers some 35 requests.
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
  table:
    description: Name of the DynamoDB table, in the Region of the module.
    type: str
    required: true
  servers:
    description: Server keys. Those that are not in the map are left out of the answer.
    type: list
    elements: str
  subnet_id:
    description: Subnet in which the interface launches, with a fixed or a dynamic address.
    type: str
  network_profile:
    description: Network profile in which it does. Alone, all entries with a target in the profile.
    type: str
    choices: [failover, test, failback]
  address:
    description:
      - IPv4 address that the interface has there.
      - Without O(subnet_id) and O(network_profile), also the address that it has in the source network.
    type: str
  history:
    description:
      - Whether every version of the entries is read as well.
      - With O(servers) alone, or without any condition, those of deleted entries too.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.ip_map
"""

EXAMPLES = r"""
- name: Who gets this address?
  disaster_recovery.aws.ip_map_info:
    region: us-west-2
    table: disaster-recovery-ip-map
    address: 10.20.1.77

- name: Who changed the addresses of a server, and when?
  disaster_recovery.aws.ip_map_info:
    region: us-west-2
    table: disaster-recovery-ip-map
    servers: [pay-db-1.example.internal]
    history: true
"""

RETURN = r"""
entries:
  description: The entries that were found, ordered by server key and interface.
  returned: success
  type: list
  elements: dict
  contains: &entry
    server_key:
      description: Key of the server.
      returned: always
      type: str
    interface:
      description: Network interface, 0 is the primary one.
      returned: always
      type: int
    source:
      description: Source address, subnet, host name, account, instance and instance type.
      returned: always
      type: dict
    profiles:
      description: Subnet, network, address (null when it is dynamic), security groups and rule, by profile.
      returned: always
      type: dict
      sample:
        failover:
          subnet_id: subnet-0123456789abcdef0
          cidr: 10.20.1.0/24
          address: 10.20.1.11
          security_groups: [sg-0123456789abcdef0]
          rule: keep_host_part
    drs:
      description: The source server that the entry was correlated with.
      returned: always
      type: dict
    version:
      description: Version of the entry, counting up from 1, over deletions too.
      returned: always
      type: int
    updated_at:
      description: When this version was written.
      returned: always
      type: str
    updated_by:
      description: ARN of who wrote it.
      returned: always
      type: str
history:
  description:
    - Every version of the entries, ordered by server key and interface, the newest first, the current one included.
    - Each has what an entry has, and C(deleted). Of the version that deleted an entry, RV(history[].updated_at) and
      RV(history[].updated_by) tell when and by whom it was deleted.
  returned: when O(history=true)
  type: list
  elements: dict
  contains:
    <<: *entry
    deleted:
      description: Whether this version deleted the entry.
      returned: always
      type: bool
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import ipv4_addresses
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, entry_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:  # noqa: ARG001  it only reads
    """Read the entries, and their history when it is asked for."""
    search = _search(params)
    table = IpMapTable(clients("dynamodb"), params["table"])
    found = table.find(search)
    result: dict[str, Any] = {"changed": False, "entries": [entry_to_item(entry) for entry in found]}
    if params["history"]:
        result["history"] = _history(table, search, found)
    return result


def _search(params: dict[str, Any]) -> Search:
    address = params["address"]
    problems = Problems()
    if address is not None and not ipv4_addresses([address]):
        problems.add(address, "address", "is no IPv4 address: write it like 10.20.1.77")
    problems.raise_if_any()
    servers = params["servers"]
    return Search(
        servers=None if servers is None else frozenset(key.lower() for key in servers),
        subnet_id=params["subnet_id"],
        profile=params["network_profile"],
        address=address,
    )


def _history(table: IpMapTable, search: Search, found: list[MapEntry]) -> list[dict[str, Any]]:
    ids = {entry.id for entry in found}
    keys = {entry.server_key for entry in found}
    with_deleted = search in (Search(), Search(servers=search.servers))
    if with_deleted:
        keys = (
            set(search.servers)
            if search.servers is not None
            else {key for key, _interface in table.entry_ids(deleted=True)}
        )
    return [
        {**entry_to_item(version.entry), "deleted": version.deleted}
        for version in table.history(sorted(keys))
        if with_deleted or version.entry.id in ids
    ]


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "table": {"type": "str", "required": True},
            "servers": {"type": "list", "elements": "str"},
            "subnet_id": {"type": "str"},
            "network_profile": {"type": "str", "choices": ["failover", "test", "failback"]},
            "address": {"type": "str"},
            "history": {"type": "bool", "default": False},
        },
        run,
    )


if __name__ == "__main__":
    main()
