#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read published recovery plans."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dr_plan_info
short_description: Read published disaster recovery plans
version_added: 0.1.0
description:
  - Returns the plans as they are published in the orchestrator's runs table, their versions, and what differs between
    two versions of one.
  - With O(servers=true), tells which source servers each plan means today.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.orchestrator
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: With O(compare), shows the two versions.
  idempotent:
    support: full
options:
  name:
    description: Name of a plan. Without it, all published plans are returned.
    type: str
  version:
    description: Return this version instead of the current one. Versions of a withdrawn plan can be read as well.
    type: int
  versions:
    description: Whether all versions of the plan are returned, the newest first.
    type: bool
    default: false
  compare:
    description: Numbers of two versions. What is in the second and not in the first is C(added).
    type: list
    elements: int
  servers:
    description: Whether the source servers that every returned plan means today are resolved.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.dr_plan
  - module: disaster_recovery.aws.dr_execution_info
"""

EXAMPLES = r"""
- name: Read all published plans, with the servers that they mean today
  disaster_recovery.aws.dr_plan_info:
    region: us-west-2
    servers: true

- name: Read all versions of a plan
  disaster_recovery.aws.dr_plan_info:
    region: us-west-2
    name: sample-estate
    versions: true

- name: Show what differs between two versions
  disaster_recovery.aws.dr_plan_info:
    region: us-west-2
    name: sample-estate
    compare: [1, 2]
"""

RETURN = r"""
plans:
  description: The plans by name, or the versions of one plan, the newest first; with O(compare), the two versions.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the plan.
      returned: always
      type: str
    version:
      description: Number of the version, counted from 1.
      returned: always
      type: int
    current:
      description: Whether it is the version that a run would use now.
      returned: always
      type: bool
    digest:
      description: SHA-256 digest of the plan.
      returned: always
      type: str
    published_at:
      description: When it was published.
      returned: always
      type: str
    published_by:
      description: ARN of the one who published it.
      returned: always
      type: str
    plan:
      description: The plan, every default written out.
      returned: always
      type: dict
    waves:
      description: The waves in the order in which they may start, with their servers.
      returned: when O(servers=true) and the plan can be resolved
      type: list
      elements: dict
      sample: [{wave: 1, name: databases, servers: [{server_key: pay-db-1.example.internal,
                source_server_id: s-1a2b3c4d5e6f7a8b9, critical: true}]}]
    problems:
      description: Why the plan cannot be resolved today, empty when it can.
      returned: when O(servers=true)
      type: list
      elements: str
changes:
  description: What differs between the versions of O(compare), empty when they are equal.
  returned: with O(compare)
  type: list
  elements: dict
  contains:
    path:
      description: Where in the plan.
      returned: always
      type: str
      sample: waves[databases].timeout
    kind:
      description: V(added), V(removed) or V(changed).
      returned: always
      type: str
    before:
      description: What was there, null where something was added.
      returned: always
      type: raw
    after:
      description: What is there now, null where something was removed.
      returned: always
      type: raw
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import (
    ORCHESTRATOR_SPEC,
    listed,
    runs_table,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.document_changes import document_changes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problem
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import (
    parse_plan,
    start_order,
    unknown_plan,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer

Item = dict[str, Any]


def run(params: Item, clients: Clients, _check_mode: bool) -> Item:
    """Read the plans."""
    compared = params["compare"]
    if compared is not None and len(compared) != 2:
        raise DeclarationError([Problem(repr(compared), "compare", "must be the numbers of two versions")])
    table = runs_table(params, clients)
    result: Item = {"changed": False, "plans": _read(table, params)}
    if compared is not None:
        before, after = (found["plan"] for found in result["plans"])
        result["changes"] = [asdict(change) for change in document_changes(before, after)]
        result["diff"] = {"before": before, "after": after}
    if params["servers"]:
        servers = read_source_servers(clients("drs"))
        result["plans"] = [{**found, **_resolved(found, servers)} for found in result["plans"]]
    return result


def _read(table: RunsTable, params: Item) -> list[Item]:
    """Return what is asked for: current plans, one version, or all versions of one plan."""
    name = params["name"]
    current = {item["name"]: item["version"] for item in table.list_plans()}
    if params["version"] is not None:
        found = [(name, _version(table, name, params["version"]))]
    elif params["compare"] is not None:
        found = [(name, _version(table, name, number)) for number in params["compare"]]
    elif params["versions"]:
        found = [(name, item) for item in table.plan_versions(name)]
    else:
        names = sorted(current) if name is None else [name]
        found = [(known, item) for known in names if (item := table.get_plan(known))]
    if name is not None and not found:
        raise unknown_plan(name, list(current))
    return [{"name": known, "current": current.get(known) == item["version"], **item} for known, item in found]


def _version(table: RunsTable, name: str, number: int) -> Item:
    found = table.get_plan_version(name, number)
    if found is None:
        known = [str(item["version"]) for item in table.plan_versions(name)]
        if not known:
            raise unknown_plan(name, [item["name"] for item in table.list_plans()])
        remedy = f"plan {name} has no such version: use one of {listed(known)}"
        raise DeclarationError([Problem(str(number), "version", remedy)])
    return found


def _resolved(found: Item, servers: Sequence[SourceServer]) -> Item:
    """Return the waves of a plan with the servers of today; a plan that does not fit any more is told of."""
    try:
        resolved = resolve(parse_plan(found["plan"], where=f"plan {found['name']}"), servers)
    except DeclarationError as error:
        return {"problems": [str(problem) for problem in error.problems]}
    waves = [
        {
            "wave": number,
            "name": resolved.plan.waves[number - 1].name,
            "servers": [
                {
                    "server_key": planned.server.key,
                    "source_server_id": planned.server.source_server_id,
                    "critical": planned.critical,
                }
                for planned in resolved.wave_servers(number)
            ],
        }
        for number in start_order(resolved.plan)
    ]
    return {"waves": waves, "problems": []}


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            **ORCHESTRATOR_SPEC,
            "name": {"type": "str"},
            "version": {"type": "int"},
            "versions": {"type": "bool", "default": False},
            "compare": {"type": "list", "elements": "int"},
            "servers": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
        mutually_exclusive=[("version", "versions", "compare")],
        required_by={"version": ["name"], "compare": ["name"]},
        required_if=[("versions", True, ("name",))],
    )


if __name__ == "__main__":
    main()
