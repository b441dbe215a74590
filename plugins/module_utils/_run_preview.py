# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would do today.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._failback import (
    Located,
    check_addresses,
    check_nobody_refused,
    check_something_to_do,
    locate_all,
    most_are_at,
    on_their_way,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, told
from ansible_collections.disaster_recovery.aws.plugins.module_utils._plans import resolve_plans
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_quotas, read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.run_times import typical_of_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_view import describe
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import FAILBACK as LEADS_HOME
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_preview import preview
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.planned_addresses import entries_by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, for_mode
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import ResolvedPlan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK, profile_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timeline import estimate

Item = dict[str, Any]


def resolve_plan(plan: Plan, clients: Clients, mode: str) -> ResolvedPlan:
    """Return the servers of a plan; what replicates home after a failover is none of a failback's own."""
    servers = read_source_servers(clients("drs"))
    if mode == FAILBACK:
        servers = [server for server in servers if server.replication_direction != LEADS_HOME]
    return resolve_plans([plan], servers)[plan.name]


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that is asked for: the options of module C(dr_execution), and with what they are looked at."""

    params: Item
    clients: Clients
    table: RunsTable
    who: Caller
    run_id: str


def preview_run(asked: Asked, plan: Plan) -> Item:
    """Return what a run would do: C(resolved_plan), as L(preview) says it.

    Of a failback also C(way_home), where its servers are; that is told of one that could not start, too, which has
    C(failed) and C(msg).

    Raises:
        DeclarationError: Naming everything that would make another run fail before its first launch.
        AwsError: The same, where it is a state of AWS.
    """
    resolved = resolve_plan(plan, asked.clients, asked.params["mode"])
    if asked.params["mode"] != FAILBACK:
        asked.table.check_locks([planned.server.key for planned in resolved.servers], asked.run_id)
        return {"resolved_plan": _preview(asked, resolved, _entries(asked, resolved))}
    located = locate_all(plan, resolved.servers, asked.clients, asked.params, asked.who)
    way_home = [describe(one.facts, one.position, asked.who.now) for one in located]
    try:
        return {"way_home": way_home, "resolved_plan": _preview_failback(asked, resolved, located)}
    except DeclarationError as error:
        return {"way_home": way_home, "changed": False, "failed": True, **told(error.problems)}
    except AwsError as error:
        return {"way_home": way_home, "changed": False, "failed": True, "msg": error.message}


def _preview_failback(asked: Asked, resolved: ResolvedPlan, located: Sequence[Located]) -> Item:
    plan, drill = resolved.plan, asked.params["drill"]
    check_something_to_do(plan, located, drill=drill)
    check_nobody_refused(located)
    asked.table.check_locks([planned.server.key for planned in resolved.servers], asked.run_id)
    going = replace(on_their_way(resolved, located, drill=drill), plan=for_mode(plan, FAILBACK))
    entries = _entries(asked, going)
    if not drill:
        check_addresses(plan, located, chain.from_iterable(entries.values()))
    return _preview(asked, going, entries, most_are_at(located, asked.who))


def _entries(asked: Asked, resolved: ResolvedPlan) -> dict[str, list[MapEntry]]:
    ip_map = IpMapTable(asked.clients("dynamodb"), f"{asked.params['prefix']}-ip-map")
    found = ip_map.read(planned.server.key for planned in resolved.servers)
    return entries_by_server(resolved, found, profile_of(asked.params["mode"]), table=ip_map.name)


def _preview(
    asked: Asked, resolved: ResolvedPlan, entries: Mapping[str, Sequence[MapEntry]], region: str | None = None
) -> Item:
    """Return the preview of a plan whose servers are launched in a Region, by default that of the orchestrator."""
    params, clients, table = asked.params, asked.clients, asked.table
    quotas, source = read_quotas(clients("service-quotas", region=region or clients("drs").meta.region_name))
    return preview(
        resolved,
        entries,
        estimate(resolved, quotas, typical_of_plan(table, resolved.plan.name)),
        mode=params["mode"],
        quotas=quotas,
        quotas_source=source,
        drill=params["drill"],
    )
