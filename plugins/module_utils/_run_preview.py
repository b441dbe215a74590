# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would do today.

This module util is private to the collection.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._failback import (
    check_nobody_refused,
    check_something_to_do,
    locate_all,
    most_are_at,
    on_their_way,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils._plans import resolve_plans
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_quotas, read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.run_times import typical_of_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import FAILBACK as LEADS_HOME
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_preview import preview
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.planned_addresses import entries_by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, for_mode
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import ResolvedPlan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import profile_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timeline import estimate

FAILBACK = "failback"


def resolve_plan(plan: Plan, clients: Clients, mode: str) -> ResolvedPlan:
    """Return the servers of a plan; what replicates home after a failover is none of a failback's own."""
    servers = read_source_servers(clients("drs"))
    if mode == FAILBACK:
        servers = [server for server in servers if server.replication_direction != LEADS_HOME]
    return resolve_plans([plan], servers)[plan.name]


def preview_run(
    params: dict[str, Any], clients: Clients, table: RunsTable, plan: Plan, who: Caller, run_id: str
) -> dict[str, Any]:
    """Return what the run that module C(dr_execution) is asked for would do, as L(preview) says it.

    Raises:
        DeclarationError: Naming everything that would make it fail, or ask, before its first launch.
        AwsError: The same, where it is a state of AWS.
    """
    mode, drill = params["mode"], params["drill"]
    resolved = resolve_plan(plan, clients, mode)
    table.check_locks([planned.server.key for planned in resolved.servers], run_id)
    region = clients("drs").meta.region_name
    if mode == FAILBACK:
        located = locate_all(plan, resolved.servers, clients, params["accounts"], who)
        check_something_to_do(plan, located, drill=drill)
        check_nobody_refused(located)
        resolved = on_their_way(resolved, located, drill=drill)
        region = most_are_at(located, who) or region
    keys = [planned.server.key for planned in resolved.servers]
    ip_map = IpMapTable(clients("dynamodb"), f"{params['prefix']}-ip-map")
    entries = entries_by_server(resolved, ip_map.read(keys), profile_of(mode), table=ip_map.name)
    quotas, source = read_quotas(clients("service-quotas", region=region))
    in_order = replace(resolved, plan=for_mode(plan, mode))
    timeline = estimate(in_order, quotas, typical_of_plan(table, plan.name))
    return preview(in_order, entries, timeline, mode=mode, quotas=quotas, quotas_source=source, drill=drill)
