# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discover: resolve the plan's groups against live source servers, correlate them with the IP map, take the locks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _records import planned_record, read_plan, read_run
from _runtime import Call, Result, client, function, ip_map, runs
from _way_home import discovered
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import chunks
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    InvalidRequestError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_locks import plan_lock
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.planned_addresses import entries_by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord, record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK, WaveStatus, profile_of

SERVERS_IN_EVENT = 1000
"""An item of DynamoDB holds 400 KB, and a server's key may be a name of 255 characters."""


def _records(run: Mapping[str, Any], plan: Plan) -> list[ServerRecord]:
    resolved = resolve(plan, drs.read_source_servers(client("drs")))
    keys = [planned.server.key for planned in resolved.servers]
    entries = entries_by_server(resolved, ip_map().read(keys), profile_of(run["mode"]), table=ip_map().name)
    return [planned_record(planned, run, plan, entries[planned.server.key]) for planned in resolved.servers]


@function("discover")
def handler(call: Call) -> Result:
    """Return C({servers, waves}), both numbers. A run whose waves have begun is not discovered anew."""
    run = read_run(call)
    plan = read_plan(run)
    begun = [wave for wave in runs().get_waves(call.run_id) if wave["status"] != WaveStatus.PENDING]
    if begun:
        return {"servers": len(runs().get_servers(call.run_id)), "waves": len(plan.waves)}
    failback = run["mode"] == FAILBACK
    records = discovered(call, run, plan) if failback else _records(run, plan)
    # The records come before the locks: whoever closes this run finds in them which locks to release.
    runs().put_servers(call.run_id, [record_to_item(record) for record in records])
    runs().put_waves(
        call.run_id,
        [
            {
                "wave": number,
                "name": wave.name,
                "status": WaveStatus.PENDING.value,
                "started_at": None,
                "ended_at": None,
            }
            for number, wave in enumerate(plan.waves, start=1)
        ],
    )
    try:
        runs().take_locks([plan_lock(plan.name), *(record.server_key for record in records)], call.run_id, at=call.now)
    except ConflictError as error:
        raise InvalidRequestError(error.message) from error
    for piece in chunks(records, SERVERS_IN_EVENT):
        found = {
            "servers": {record.server_key: record.source_server_id for record in piece},
            "profile": profile_of(run["mode"]),
            **({"stages": {record.server_key: record.way_home["stage"] for record in piece}} if failback else {}),
        }
        runs().append_event(call.run_id, EventKind.SERVERS_DISCOVERED.value, found, call.now)
    return {"servers": len(records), "waves": len(plan.waves)}
