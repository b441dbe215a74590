# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile: look at this run's jobs, record what became of the servers, start what may start now, say what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from _jobs import job_facts, read_jobs
from _launch import set_profile, with_expected
from _records import declared_wave, read_plan, read_records, read_run, read_wave, store, timer_started, tolerated
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import waves
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import (
    FAILED,
    Job,
    job_from_drs,
    job_tags,
    with_errors,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord, record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus, profile_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import Batch, WavePolicy

QUOTA_EXCEEDED = "ServiceQuotaExceededException"


def _quotas(call: Call, wave: Mapping[str, Any]) -> Quotas:
    """Return the live quotas. Where they are from is recorded once for every wave."""
    quotas, source = drs.read_quotas(client("service-quotas"))
    if not wave.get("quotas"):
        known = {**asdict(quotas), "source": source}
        runs().append_event(call.run_id, EventKind.QUOTAS_READ.value, {"wave": wave["wave"], **known}, call.now)
        runs().update_wave(call.run_id, wave["wave"], {"quotas": known})
    return quotas


def _with_errors(job: Job, before: Iterable[ServerRecord]) -> Job:
    """Return the job with what its log says of failures that the records do not tell of yet."""
    told = {record.source_server_id for record in before if record.status == ServerStatus.FAILED}
    failed = {server_id for server_id, server in job.participants.items() if server.launch_status == FAILED}
    return with_errors(job, drs.describe_job_log_items(client("drs"), job.job_id)) if failed - told else job


def _with_instances(updates: Iterable[ServerRecord]) -> list[ServerRecord]:
    """Add to launched servers their instance and the point in time of their data."""
    updates = list(updates)
    wanted = [
        record.source_server_id
        for record in updates
        if record.status == ServerStatus.LAUNCHED and not (record.instance_id and record.recovery_point_at)
    ]
    if not wanted:
        return updates
    found = {
        (item["sourceServerID"], item["jobID"]): item
        for item in drs.describe_recovery_instances(client("drs"), source_server_ids=wanted)
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


def _prepare(
    call: Call, run: Mapping[str, Any], batch: Batch, records: Iterable[ServerRecord]
) -> dict[str, ServerRecord]:
    """Make a batch ready, and return its records, by server key, with what validation has to find.

    The template versions are set and read back just before the start, not only when the wave began: it may have waited
    for hours, and what launches in the wrong network cannot be called back.
    """
    starting = [record for record in records if record.source_server_id in batch.source_server_ids]
    prepared = with_expected(starting, set_profile(starting, profile_of(run["mode"]), expected=True))
    changed = [
        record_to_item(prepared[record.server_key]) for record in starting if prepared[record.server_key] != record
    ]
    runs().put_servers(call.run_id, changed)
    return prepared


def _start(call: Call, run: Mapping[str, Any], wave: int, batch: Batch) -> Job | None:
    """Start a batch and return its job, also when it turns out to be there; None when others hold its servers."""
    tags = job_tags(call.run_id, wave, batch.attempt, batch.batch)
    try:
        return job_from_drs(
            drs.start_recovery(client("drs"), batch.source_server_ids, is_drill=run["mode"] == "test", tags=tags)
        )
    except AwsError as error:
        if not isinstance(error, ConflictError) and error.code != QUOTA_EXCEEDED:
            raise
        own = [job for job in read_jobs(run) if tags.items() <= job.tags.items()]
        call.log("start refused", batch=batch.batch, error=error.message, own_job=own[0].job_id if own else None)
        return own[0] if own else None


@function("reconcile-wave")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason}). May be repeated: DRS's jobs, found by tag, win over records."""
    run, wave = read_run(call), read_wave(call)
    number = wave["wave"]
    declared = declared_wave(read_plan(run), number)
    before = read_records(call, number)
    jobs = [_with_errors(job, before) if job.belongs_to(call.run_id, number) else job for job in read_jobs(run)]
    step = waves.reconcile(
        before,
        jobs,
        _quotas(call, wave),
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
    for batch in step.starts:
        current.update(_prepare(call, run, batch, current.values()))
        job = _start(call, run, number, batch)
        if job is None:
            continue
        runs().append_event(call.run_id, EventKind.JOB_STARTED.value, {"wave": number, **job_facts(job)}, call.now)
        launching = waves.started(current.values(), batch, job.job_id)
        runs().put_servers(call.run_id, [record_to_item(record) for record in launching])
    return {"outcome": step.outcome, "seconds": step.seconds, "reason": step.reason}
