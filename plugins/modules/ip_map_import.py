#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Import an address plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ip_map_import
short_description: Change addresses of the IP map as a CSV file says
version_added: 0.1.0
description:
  - Reads an address plan that M(disaster_recovery.aws.ip_map_export) wrote and that people edited. Nothing is written
    unless O(apply=true).
  - Where the column C(address) has another address than the IP map, the interface gets that one. It stays through later
    runs of M(disaster_recovery.aws.ip_map), until O(addresses) names another, or it is given up.
  - V(map) in the column C(address) gives an imported address up, for what O(subnet_map) says.
  - The columns C(server_key), C(interface), C(profile), C(address) and C(version) are needed. Lines may be missing, in
    any order, and other columns may be added. C(subnet_id), C(cidr) and C(rule) cannot be changed in this way.
  - The file may be as spreadsheets write it, with or without a byte order mark, in UTF-8 or UTF-16, with comma,
    semicolon or tab.
  - Every problem is named with file, line and column in one message, and nothing is written then. Refused are servers,
    interfaces and profiles that the map does not have, entries that were changed since the export, addresses outside of
    their subnet, reserved ones, and those that another server, interface or line has or that EC2 knows to be in use.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.accounts
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
  path:
    description: The file to read, on the host that the module runs on.
    type: path
    required: true
  subnet_map:
    required: true
  apply:
    description: Whether the addresses are written. Otherwise it is only shown what would be.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.ip_map_export
  - module: disaster_recovery.aws.ip_map
"""

EXAMPLES = r"""
- name: Show what an address plan would change
  disaster_recovery.aws.ip_map_import:
    region: us-west-2
    table: disaster-recovery-ip-map
    path: addresses.csv
    subnet_map: "{{ dr_subnet_map }}"
    addresses: "{{ dr_addresses }}"
  register: address_plan

- name: Write it
  disaster_recovery.aws.ip_map_import:
    region: us-west-2
    table: disaster-recovery-ip-map
    path: addresses.csv
    subnet_map: "{{ dr_subnet_map }}"
    addresses: "{{ dr_addresses }}"
    apply: true
"""

RETURN = r"""
applied:
  description: Whether addresses were written, or would be outside check mode.
  returned: success
  type: bool
summary:
  description: A line for every address that changes.
  returned: success
  type: list
  elements: str
  sample: ["pay-db-1.example.internal/0 failover: 10.20.1.11 (keep_host_part) -> 10.20.1.80 (imported)"]
entries:
  description: The entries that change as they are afterwards.
  returned: success
  type: list
  elements: dict
changes:
  description: Entries (server key and interface) that were updated, or would be.
  returned: success
  type: dict
  sample:
    created: []
    updated: [pay-db-1.example.internal/0]
    deleted: []
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._ip_map import apply_changes
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils._network_plan import (
    NETWORK_PLAN_SPEC,
    read_network_plan,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import read_interfaces
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    Changes,
    MapEntry,
    imported_addresses,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_csv import PlanRow, parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_review import (
    Edit,
    changes_of,
    imported_with,
    located,
    only_edited,
    review,
    summary_lines,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import (
    check_held,
    check_in_use,
    target_subnets,
)


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Check the plan as a whole, and write it when that is asked for."""
    problems = Problems()
    rows = _read_rows(Path(params["path"]), problems)
    problems.raise_if_any()
    table = IpMapTable(clients("dynamodb"), params["table"])
    stored = table.find(Search())
    edits = review(rows, stored, problems)
    changes = _plan(params, clients, edits, stored, problems) if edits else Changes((), (), (), ())
    problems.raise_if_any()
    result = apply_changes(table, changes, clients, check_mode or not params["apply"])
    if "failed" in result:
        return result
    return {
        **result,
        "changed": result["changed"] and params["apply"],
        "applied": result["changed"] and params["apply"],
        "summary": summary_lines(changes),
    }


def _read_rows(path: Path, problems: Problems) -> list[PlanRow]:
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.add(str(path), "path", f"cannot be read: {error.strerror}")
        return []
    return parse_plan(content, path.name, problems)


def _plan(
    params: dict[str, Any], clients: Clients, edits: Sequence[Edit], stored: Sequence[MapEntry], problems: Problems
) -> Changes:
    """Return what to write: what the next run of M(disaster_recovery.aws.ip_map) would want with these addresses."""
    keys = {edit.row.server_key for edit in edits}
    plan = read_network_plan({**params, "match": None}, clients, problems)
    plan = replace(
        plan,
        servers=[server for server in plan.servers if server.key in keys],
        overrides=[override for override in plan.overrides if override.server_key in keys],
    )
    if not plan.complete:
        return Changes((), (), (), ())
    found = Problems()
    planned = plan.entries(found, stored, imported_with(edits, imported_addresses(stored)))
    changes = changes_of(edits, stored, planned, found)
    edited = only_edited(changes, edits)
    subnets = {target.subnet_id for entry in edited for target in entry.profiles.values()}
    declared = target_subnets(plan.subnet_map, subnets)
    in_use = read_interfaces(plan.accounts, plan.with_home_subnets(declared, edited))
    check_in_use(edited, in_use, plan.recovery_instances, found)
    check_held(edited, [entry for entry in stored if entry.server_key not in keys], found)
    problems.extend(located(found, edits))
    return changes


def main() -> NoReturn:
    """Entry point."""
    network_plan = {name: option for name, option in NETWORK_PLAN_SPEC.items() if name != "match"}
    run_module(
        {
            **network_plan,
            "subnet_map": {**network_plan["subnet_map"], "required": True},
            "table": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "apply": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
