#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the servers of a plan are on their way home."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dr_failback_info
short_description: Where servers are on their way home after a failover, and what comes next
version_added: 0.1.0
description:
  - Tells of every server where it is in the cycle of failover and failback, by what AWS shows now and not by what a run
    has recorded, and what comes next, is waited for, or forbids to go on.
  - What a failback would do next is decided by the same code that the orchestrator's functions ask, so this is the dry
    run of a failback.
  - Reads Elastic Disaster Recovery and EC2 in O(region) and in every account and Region where the servers are at home.
    Reads only.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.accounts
  - disaster_recovery.aws.orchestrator
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  name:
    description: Name of a published plan whose servers are looked at, in the order of its waves.
    type: str
  plan:
    description: The document of a plan, published or not, as one of O(disaster_recovery.aws.dr_plan#module:plans).
    type: dict
  match:
    description:
      - Which source servers are looked at, by those of O(region). All conditions that are given must hold.
      - Without it and without a plan, all source servers of the account and Region that lead away from home.
    type: dict
    suboptions:
      tags:
        description: Tags that a source server must have, with these values.
        type: dict
      servers:
        description: Server keys.
        type: list
        elements: str
      source_server_ids:
        description: Ids of source servers.
        type: list
        elements: str
notes:
  - O(region) is the Region that recovers. Another account is reached by its role of O(accounts). A server whose home
    cannot be read is V(refused), with the reason.
  - Where a server is at home that is protected from zone to zone of one Region, table C(PREFIX-ip-map) says.
seealso:
  - module: disaster_recovery.aws.dr_execution
  - module: disaster_recovery.aws.drs_recovery_instance_info
"""

EXAMPLES = r"""
- name: Look where the servers of a plan are, and what a failback would do next
  disaster_recovery.aws.dr_failback_info:
    region: us-west-2
    name: sample-estate
    accounts: "{{ dr_accounts }}"
  register: way_home

- name: Show it
  ansible.builtin.debug:
    msg: "{{ way_home.lines }}"

- name: Look at one server
  disaster_recovery.aws.dr_failback_info:
    region: us-west-2
    match: {servers: [pay-db-1.example.internal]}
"""

RETURN = r"""
servers:
  description: The servers, of a plan in the order of its waves, else by server key.
  returned: always
  type: list
  elements: dict
  contains:
    server_key:
      description: Identity of the server.
      returned: always
      type: str
      sample: pay-db-1.example.internal
    wave:
      description: Number of its wave, counted from 1; null without a plan.
      returned: always
      type: int
    wave_name:
      description: Name of its wave; null without a plan.
      returned: always
      type: str
    kind:
      description: >-
        How it gets home, V(cross_region), V(cross_zone), V(on_premises) or V(extended).
      returned: always
      type: str
    stage:
      description:
        - V(protected) is not recovered, or through with everything. V(recovered) runs at the recovery site.
          V(reversing) is being replicated back, V(in_sync) can be launched at home, V(launching) is being launched.
        - V(returned) runs at home, V(protecting_again) is being replicated to the recovery site again,
          V(protected_again) is protected, and something is left over that has to go.
        - V(refused) cannot go on without a person, see RV(servers[].refusal).
      returned: always
      type: str
      sample: reversing
    action:
      description: >-
        What is done next, V(reverse_replication), V(launch), V(protect_again), V(stop_returning), V(stop_failback),
        V(terminate_recovered), V(forget_returned), V(disconnect_returning), V(delete_returning) or V(end_original).
        Null while something is waited for, and when nothing is left to do.
      returned: always
      type: str
    waiting:
      description: What is waited for, null when nothing is.
      returned: always
      type: str
    refusal:
      description: Why it cannot go on without a person, null when it can.
      returned: always
      type: str
    progress:
      description: The replication that is waited for, null when none is.
      returned: always
      type: dict
      contains:
        source_server_id:
          description: The source server that replicates.
          returned: always
          type: str
        state:
          description: State of the replication.
          returned: always
          type: str
          sample: INITIAL_SYNC
        error:
          description: Why it is stalled, null when it is not, or DRS does not say.
          returned: always
          type: str
        lag:
          description: Seconds that the data are behind, null when DRS tells none.
          returned: always
          type: float
        total_bytes:
          description: Size of all disks.
          returned: always
          type: int
        left_bytes:
          description: What is still to be copied, compared or caught up with.
          returned: always
          type: int
        percent:
          description: How much of what its state does is done, null where bytes do not tell.
          returned: always
          type: int
        eta:
          description: When it will be through, by DRS or else by its pace so far; null when neither tells.
          returned: always
          type: str
    protecting_server_id:
      description: The source server that protects it.
      returned: always
      type: str
    recovered_instance_id:
      description: The recovery instance that runs it at the recovery site, null when there is none.
      returned: always
      type: str
    returning_server_id:
      description: The source server that replicates it back, null when there is none.
      returned: always
      type: str
    returned_instance_id:
      description: The recovery instance that its launch at home made, null when there is none (any more).
      returned: always
      type: str
    original_instance_id:
      description: The instance that it was before its failover, null when nothing tells it (any more).
      returned: always
      type: str
    account_id:
      description: Account where it is at home, null when it is not at home in AWS.
      returned: always
      type: str
    region:
      description: Region where it is at home, null when it is not at home in AWS.
      returned: always
      type: str
    line:
      description: All of that for a person.
      returned: always
      type: str
      sample: "pay-db-1.example.internal: recovered; next: replicate it back to where it came from"
counts:
  description: How many servers are in each stage, in the order of the cycle.
  returned: always
  type: dict
  sample: {recovered: 12, refused: 1}
lines:
  description: The line of every server.
  returned: always
  type: list
  elements: str
unread:
  description: Accounts and Regions where servers are at home that did not answer.
  returned: always
  type: list
  elements: dict
  contains:
    account_id: {description: The account., returned: always, type: str}
    region: {description: The Region., returned: always, type: str}
    reason: {description: Why., returned: always, type: str}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._failback import read_positions
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import (
    ACCOUNTS_SPEC,
    MATCH_SPEC,
    Clients,
    run_module,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import ORCHESTRATOR_SPEC, runs_table
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_view import count_stages, describe
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import FAILBACK
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, parse_plan, unknown_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A server that is looked at; C(wave) and C(wave_name) are None without a plan."""

    source_server_id: str
    wave: int | None = None
    wave_name: str | None = None


def run(params: Item, clients: Clients, _check_mode: bool) -> Item:
    """Look where the servers are."""
    who = caller(clients("sts"))
    plan = _plan(params, clients)
    wanted = _of_plan(plan, clients) if plan else _matching(params["match"], clients)
    ends_original = plan is not None and plan.failback.original_instance == OriginalInstance.TERMINATE
    ids = [server.source_server_id for server in wanted]
    found, errors = read_positions(
        ids, clients, params["accounts"], who, prefix=params["prefix"], end_original=ends_original
    )
    servers = []
    for server in wanted:
        if server.source_server_id in found:
            facts, position = found[server.source_server_id]
            where = {"wave": server.wave, "wave_name": server.wave_name}
            servers.append({**where, **describe(facts, position, who.now)})
    unread = [
        {"account_id": place.account_id, "region": place.region, "reason": error.message}
        for place, error in errors.items()
    ]
    lines = [server["line"] for server in servers]
    return {"changed": False, "servers": servers, "counts": count_stages(servers), "lines": lines, "unread": unread}


def _plan(params: Item, clients: Clients) -> Plan | None:
    if params["plan"] is not None:
        return parse_plan(params["plan"])
    if params["name"] is None:
        return None
    table = runs_table(params, clients)
    found = table.get_plan(params["name"])
    if found is None:
        raise unknown_plan(params["name"], [item["name"] for item in table.list_plans()])
    return parse_plan(found["plan"], where=f"plan {params['name']}")


def _of_plan(plan: Plan, clients: Clients) -> Sequence[Wanted]:
    servers = [server for server in read_source_servers(clients("drs")) if server.replication_direction != FAILBACK]
    return [
        Wanted(planned.server.source_server_id, planned.wave, plan.waves[planned.wave - 1].name)
        for planned in resolve(plan, servers).servers
    ]


def _matching(match: Mapping[str, Any] | None, clients: Clients) -> Sequence[Wanted]:
    servers = selected_servers(clients("drs"), match, unique_keys=False)
    return [Wanted(server.source_server_id) for server in servers if server.replication_direction != FAILBACK]


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            **ORCHESTRATOR_SPEC,
            "accounts": ACCOUNTS_SPEC,
            "name": {"type": "str"},
            "plan": {"type": "dict"},
            "match": MATCH_SPEC,
        },
        run,
        needs_drs=True,
        mutually_exclusive=[("name", "plan", "match")],
    )


if __name__ == "__main__":
    main()
