# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a run as the functions read, change and tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from _clients import home
from _runtime import Call, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import NotFoundError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import (
    plans,
    probe_results,
    probes,
    validation,
    waves,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, Wave
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import (
    ServerRecord,
    record_from_item,
    record_to_item,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import PlannedServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import (
    ServerStatus,
    WaveStatus,
    is_failback_drill,
    profile_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.step_records import StepStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

Item = dict[str, Any]
UNFINISHED = frozenset({WaveStatus.PENDING, WaveStatus.RUNNING})
Event = tuple[str, Mapping[str, Any]]

TOLD: Mapping[str, EventKind] = {
    ServerStatus.LAUNCHED: EventKind.SERVER_LAUNCHED,
    ServerStatus.VALIDATED: EventKind.SERVER_VALIDATED,
    ServerStatus.FAILED: EventKind.SERVER_FAILED,
    ServerStatus.SKIPPED: EventKind.SERVER_SKIPPED,
    ServerStatus.CLEANED_UP: EventKind.SERVER_CLEANED_UP,
}
"""The event that tells of a server's new status."""


def read_run(call: Call) -> Item:
    """Return the run, or raise L(NotFoundError)."""
    run = runs().get_run(call.run_id)
    if run is None:
        raise NotFoundError(f"There is no run {call.run_id} in table {runs().name}")
    return run


def read_plan(run: Mapping[str, Any]) -> Plan:
    """Return the plan as the run began with it, in the order of its mode."""
    return plans.for_mode(plans.parse_plan(run["plan"], where=f"plan of run {run['run_id']}"), run["mode"])


def read_wave(call: Call) -> Item:
    """Return the record of the event's wave, or raise L(NotFoundError)."""
    for item in runs().get_waves(call.run_id):
        if item["wave"] == call.wave:
            return item
    raise NotFoundError(f"Run {call.run_id} has no wave {call.wave}")


def declared_wave(plan: Plan, number: int) -> Wave:
    """Return the declaration of a wave (counted from 1)."""
    return plan.waves[number - 1]


def read_records(call: Call, wave: int | None = None) -> list[ServerRecord]:
    """Return the server records of one wave, or of the whole run."""
    return [_located(record_from_item(item)) for item in runs().get_servers(call.run_id, wave)]


def _located(record: ServerRecord) -> ServerRecord:
    """A place has one name only: None is that of the orchestrator, however the record says it."""
    if record.place is None:
        return record
    here = home()
    place = Place(record.account_id or here.account_id, record.region or here.region)
    return replace(record, **(place._asdict() if place != here else {"account_id": None, "region": None}))


def planned_record(
    planned: PlannedServer, run: Mapping[str, Any], plan: Plan, entries: Iterable[MapEntry]
) -> ServerRecord:
    """Return the record with which a server of a plan begins.

    Args:
        planned: The server.
        run: The run.
        plan: Its plan.
        entries: The server's IP map entries.
    """
    asked = probes.names_for(plan.probes, planned.server, plan.groups, run["mode"])
    return ServerRecord(
        server_key=planned.server.key,
        wave=planned.wave,
        source_server_id=planned.server.source_server_id,
        critical=planned.critical,
        is_windows=planned.server.is_windows,
        attempts_allowed=1 + plan.waves[planned.wave - 1].retries,
        expected=validation.expected_of(entries, profile_of(run["mode"]), asked, any_address=is_failback_drill(run)),
    )


def store(call: Call, before: Iterable[ServerRecord], after: Sequence[ServerRecord]) -> None:
    """Tell of the new statuses, then write the records that changed."""
    known = {record.server_key: record for record in before}
    changed = [record for record in after if known.get(record.server_key) != record]
    tell(call, known.values(), changed)
    if changed:
        runs().put_servers(call.run_id, [record_to_item(record) for record in changed])


def tell(call: Call, before: Iterable[ServerRecord], after: Iterable[ServerRecord]) -> None:
    """Tell of the new statuses of servers; one that is new was pending before."""
    statuses = {record.server_key: record.status for record in before}
    told = [
        (TOLD[record.status].value, _summary(record))
        for record in after
        if record.status in TOLD and statuses.get(record.server_key, ServerStatus.PENDING) != record.status
    ]
    if told:
        runs().append_events(call.run_id, told, call.now)


def _summary(record: ServerRecord) -> Item:
    probed = {"probes": probe_results.evidence(record)} if record.probes else {}
    return {
        **probed,
        "server_key": record.server_key,
        "wave": record.wave,
        "source_server_id": record.source_server_id,
        "instance_id": record.instance_id,
        "instance_type": record.instance_type,
        "job_id": record.job_id,
        "attempts": record.attempts,
        "reason": record.reason,
    }


def begin_wave(call: Call, wave: Item, servers: Sequence[ServerRecord]) -> None:
    """Tell that a wave has begun, unless it was told before."""
    if wave["started_at"]:
        return
    begun = {"wave": wave["wave"], "name": wave["name"], "servers": len(servers)}
    runs().append_event(call.run_id, EventKind.WAVE_STARTED.value, begun, call.now)
    runs().update_wave(call.run_id, wave["wave"], {"status": WaveStatus.RUNNING.value, "started_at": call.at})


def timer_started(wave: Mapping[str, Any]) -> datetime:
    """Return when the wave's time began: after the steps before it, or at the latest decision to retry."""
    return parse_time(wave.get("timer_started_at") or wave["started_at"])


def tolerated(wave: Wave, records: Iterable[ServerRecord]) -> int:
    """Return how many critical servers of a wave may fail."""
    return wave.tolerated(sum(record.critical for record in records))


def end_wave(call: Call, plan: Plan, number: int, *, aborted: bool = False) -> str:
    """Give a wave the status that its servers and steps amount to, and return it; one that has ended stays as it is."""
    wave = next(item for item in runs().get_waves(call.run_id) if item["wave"] == number)
    if wave["ended_at"]:
        return str(wave["status"])
    records = read_records(call, number)
    max_failures = tolerated(declared_wave(plan, number), records)
    status = waves.wave_status(records, max_failures=max_failures, aborted=aborted)
    if status in UNFINISHED:
        status = WaveStatus.FAILED
    failed_steps = any(step.status == StepStatus.FAILED for step in runs().get_steps(call.run_id, number))
    if status == WaveStatus.SUCCEEDED and failed_steps:
        status = WaveStatus.SUCCEEDED_WITH_FAILURES
    data = {"wave": number, "name": wave["name"], "status": str(status)}
    runs().append_event(call.run_id, EventKind.WAVE_ENDED.value, data, call.now)
    runs().update_wave(call.run_id, number, {"status": str(status), "ended_at": call.at})
    return str(status)
