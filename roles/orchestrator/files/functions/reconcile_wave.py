# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile: look at this run's jobs, record what became of the servers, start what may start now, say what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from _instances import read_recovery_instances
from _jobs import job_facts, read_jobs
from _launch import SWITCHED, as_prepared, set_instance_types, set_profile, with_settings, with_version
from _premises import start_launch, with_readiness
from _records import declared_wave, read_plan, read_records, read_run, read_wave, store, timer_started, tolerated
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Outcomes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import waves
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.batches import Batch
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import (
    Job,
    job_from_drs,
    job_tags,
    not_seen_yet,
    with_errors,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, by_place, told_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord, record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import (
    ServerStatus,
    is_drill,
    launch_profile_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import WavePolicy

HERE = "orchestrator"
"""Name of the orchestrator's place in records of quotas."""

RESULTS_AT_ONCE = drs.MAX_IDS
"""Launched servers whose instances one call reads: those of one request."""


def _quotas(call: Call, wave: Mapping[str, Any], places: Iterable[Place | None]) -> dict[Place | None, Quotas]:
    """Return the live quotas of places. They are recorded, with their source, once for a wave and when they change."""
    found = {place: drs.read_quotas(client("service-quotas", place=place)) for place in places}
    recorded = wave.get("quotas") or {}
    changed = {}
    for place, (quotas, source) in found.items():
        limits, name = asdict(quotas), str(place or HERE)
        if any(recorded.get(name, {}).get(limit) != value for limit, value in limits.items()):
            changed[name] = {**limits, "source": source}
            told = {"wave": wave["wave"], **told_place(place), **changed[name]}
            runs().append_event(call.run_id, EventKind.QUOTAS_READ.value, told, call.now)
    if changed:
        runs().update_wave(call.run_id, wave["wave"], {"quotas": {**recorded, **changed}})
    return {place: quotas for place, (quotas, _source) in found.items()}


def _look(
    call: Call, run: Mapping[str, Any], wave: Mapping[str, Any], before: Sequence[ServerRecord], codes: Sequence[str]
) -> tuple[list[Job], bool]:
    """Return the jobs with the results that this call takes note of, and whether there are others.

    A look is two reads of DRS at a place at most: all jobs, and either the recovery instances of servers that were
    launched or the log of one job. Further results wait for the next look, which follows at once.
    """
    jobs = read_jobs(run, by_place(before))
    found = waves.results(before, jobs, run_id=call.run_id, wave=wave["wave"], now=call.now)
    launched = [record for record in found if record.status == ServerStatus.LAUNCHED]
    failed_in = sorted({record.job_id or "" for record in found if record.status == ServerStatus.FAILED})
    taken = launched[:RESULTS_AT_ONCE] or [record for record in found if record.job_id in failed_in[:1]]
    keys = {record.server_key for record in taken}
    later: dict[str, list[str]] = {}
    for record in found:
        if record.server_key not in keys:
            later.setdefault(record.job_id or "", []).append(record.source_server_id)
    seen = [not_seen_yet(job, later.get(job.job_id, ())) for job in jobs]
    if not launched and failed_in:
        seen = [_with_errors(job, codes) if job.job_id == failed_in[0] else job for job in seen]
    return seen, bool(later)


def _with_errors(job: Job, codes: Sequence[str]) -> Job:
    return with_errors(job, drs.describe_job_log_items(client("drs", place=job.place), job.job_id), codes)


def _with_instances(updates: Iterable[ServerRecord]) -> list[ServerRecord]:
    """Add to launched servers their instance and the point in time of their data."""
    updates = list(updates)
    wanted = [
        record
        for record in updates
        if record.status == ServerStatus.LAUNCHED
        and not record.by_failback_client
        and not (record.instance_id and record.recovery_point_at)
    ]
    found = {
        (item["sourceServerID"], item["jobID"]): item
        for item in read_recovery_instances(wanted)
        if item.get("sourceServerID") and item.get("jobID")
    }
    return [
        _with_instance(record, found[record.source_server_id, record.job_id])
        if record.job_id and (record.source_server_id, record.job_id) in found
        else record
        for record in updates
    ]


def _with_instance(record: ServerRecord, instance: Mapping[str, Any]) -> ServerRecord:
    point = instance.get("pointInTimeSnapshotDateTime")
    return replace(
        record,
        instance_id=record.instance_id or instance.get("ec2InstanceID") or instance.get("recoveryInstanceID"),
        recovery_point_at=format_time(parse_time(point)) if point else None,
    )


def _tell_of_found_jobs(
    call: Call, jobs: Sequence[Job], before: Iterable[ServerRecord], after: Iterable[ServerRecord]
) -> None:
    """Tell of jobs that a call started which did not live to tell of them."""
    found = {record.job_id for record in after} - {record.job_id for record in before}
    told = [(EventKind.JOB_STARTED.value, {"wave": call.wave, **job_facts(job)}) for job in jobs if job.job_id in found]
    if told:
        runs().append_events(call.run_id, told, call.now)


def _ready(call: Call, run: Mapping[str, Any], starting: Sequence[ServerRecord]) -> dict[str, ServerRecord]:
    """Return the records of servers that launch as they must, by source server id; the others' turn comes.

    Looked at just before the start, not only when the wave began: it may have waited for hours, and what launches in
    the wrong network cannot be called back.
    """
    profile = launch_profile_of(run)
    clients, waiting = with_readiness([record for record in starting if record.by_failback_client])
    store(call, starting, waiting)
    short = [record for record in starting if record.types_without_capacity]
    others = [one for one in starting if not one.types_without_capacity and not one.by_failback_client]
    unchanged = as_prepared(others)
    changed = [record for record in others if record.server_key not in unchanged]
    typed = set_instance_types(short, profile)
    switched = set_profile(changed, profile, most=SWITCHED)
    by_key = {record.server_key: record for record in starting}
    updated = [
        *(with_version(by_key[key], version) for key, version in typed.results.items()),
        *(with_settings(by_key[key], settings) for key, settings in switched.results.items()),
    ]
    _tell_of_types(call, short, updated)
    runs().put_servers(call.run_id, [record_to_item(record) for record in updated])
    Outcomes({}, {**typed.errors, **switched.errors}).raise_if_any(f"set launch template versions of profile {profile}")
    ready = [*clients, *updated, *(record for record in others if record.server_key in unchanged)]
    return {record.source_server_id: record for record in ready}


def _tell_of_types(call: Call, before: Iterable[ServerRecord], after: Iterable[ServerRecord]) -> None:
    known = {record.server_key: record for record in before}
    told = [
        (
            EventKind.INSTANCE_TYPE_CHANGED.value,
            {
                "wave": call.wave,
                "server_key": record.server_key,
                "source_server_id": record.source_server_id,
                "attempt": record.attempts + 1,
                "instance_type": record.instance_type,
                "without_capacity": list(record.types_without_capacity),
                "launch_template": record.launch_template,
            },
        )
        for record in after
        if record.server_key in known and known[record.server_key].instance_type != record.instance_type
    ]
    if told:
        runs().append_events(call.run_id, told, call.now)


def _start(call: Call, run: Mapping[str, Any], wave: int, batch: Batch, members: Sequence[ServerRecord]) -> Job | None:
    """Start a batch and return its job, also when it turns out to be there; None when others hold its servers."""
    tags = job_tags(call.run_id, wave, batch.attempt, batch.batch)
    try:
        if members[0].by_failback_client:
            return job_from_drs(start_launch(members, tags), batch.place)
        there = client("drs", place=batch.place)
        job = drs.start_recovery(there, batch.source_server_ids, is_drill=is_drill(run), tags=tags)
        return job_from_drs(job, batch.place)
    except AwsError as error:
        if not drs.is_held_off(error):
            raise
        own = [job for job in read_jobs(run, [batch.place]) if tags.items() <= job.tags.items()]
        call.log("start refused", batch=batch.batch, error=error.message, own_job=own[0].job_id if own else None)
        return own[0] if own else None


def _start_all(call: Call, run: Mapping[str, Any], batches: Sequence[Batch], records: Iterable[ServerRecord]) -> None:
    wave = call.event["wave"]
    wanted = {server_id for batch in batches for server_id in batch.source_server_ids}
    starting = [record for record in records if record.source_server_id in wanted]
    ready = _ready(call, run, starting) if starting else {}
    for batch in batches:
        members = [ready[server_id] for server_id in batch.source_server_ids if server_id in ready]
        started = replace(batch, source_server_ids=tuple(record.source_server_id for record in members))
        job = _start(call, run, wave, started, members) if members else None
        if job is None:
            continue
        runs().append_event(call.run_id, EventKind.JOB_STARTED.value, {"wave": wave, **job_facts(job)}, call.now)
        launching = waves.started(ready.values(), started, job.job_id)
        runs().put_servers(call.run_id, [record_to_item(record) for record in launching])


@function("reconcile-wave")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason}). May be repeated: DRS's jobs, found by tag, win over records."""
    run, wave = read_run(call), read_wave(call)
    number = wave["wave"]
    declared = declared_wave(read_plan(run), number)
    before = read_records(call, number)
    jobs, more = _look(call, run, wave, before, declared.next_instance_type_on)
    step = waves.reconcile(
        before,
        jobs,
        _quotas(call, wave, by_place(before)),
        WavePolicy(
            max_failures=tolerated(declared, before),
            timeout=declared.timeout,
            windows_timeout=declared.windows_timeout,
        ),
        run_id=call.run_id,
        wave=number,
        now=call.now,
        wave_started_at=timer_started(wave) if wave["started_at"] else call.now,
        aborting=bool(run.get("aborting")),
    )
    updates = _with_instances(step.updates)
    _tell_of_found_jobs(call, [job for job in jobs if job.belongs_to(call.run_id, number)], before, updates)
    store(call, before, updates)
    current = {record.server_key: record for record in (*before, *updates)}
    _start_all(call, run, step.starts, current.values())
    return {"outcome": step.outcome, "seconds": min(step.seconds, 1) if more else step.seconds, "reason": step.reason}
