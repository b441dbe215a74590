# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision at the heart of a run: what a wave needs next.

A controller's loop, not a script: it looks at the records and at DRS's jobs, and says what to write, what to start and
how long to wait. It may be called again at any time, also after a crash between a start and its record: the jobs, found
by their tags, win over the records.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .admission import Quotas
from .batches import Batch, batches
from .jobs import FAILED, LAUNCHED, TERMINATE, Job
from .places import Place
from .records import ServerRecord
from .runs import ServerStatus, WaveStatus
from .timestamps import format_seconds, format_time

DONE = "done"
WAIT = "wait"
ASK = "ask"
ABORT = "abort"

NAMED_IN_REASON = 5
"""Servers that a reason names; the others are counted."""


@dataclass(frozen=True, slots=True)
class WavePolicy:
    """How a wave deals with failures.

    Attributes:
        max_failures: Failed critical servers that the wave tolerates.
        timeout: Seconds from the wave's start until an unfinished server counts as failed.
        windows_timeout: The same as long as a Windows server is unfinished; None for C(timeout).
        poll_seconds: Seconds between two looks at running jobs.
    """

    max_failures: int = 0
    timeout: int = 3600
    windows_timeout: int | None = None
    poll_seconds: int = 30


@dataclass(frozen=True, slots=True)
class WaveStep:
    """What to do next.

    Attributes:
        updates: Records that changed, whole; to be written before anything is started.
        starts: Jobs to start; write L(started) for each that DRS accepted.
        outcome: C(done), C(wait), C(ask), or C(abort) when the run is being aborted and nothing is under way any more.
        seconds: Seconds to wait before the next look; 0 unless C(wait).
        reason: For a person: what is waited for, or why a person is asked.
    """

    updates: tuple[ServerRecord, ...]
    starts: tuple[Batch, ...]
    outcome: str
    seconds: int
    reason: str


def reconcile(
    servers: Sequence[ServerRecord],
    jobs: Sequence[Job],
    quotas: Mapping[Place | None, Quotas],
    policy: WavePolicy,
    *,
    run_id: str,
    wave: int,
    now: datetime,
    wave_started_at: datetime,
    aborting: bool = False,
) -> WaveStep:
    """Decide the next step of a wave.

    Args:
        servers: Records of all servers of the wave.
        jobs: Jobs of the places where the servers are launched: all active ones, whoever started them, and all of this
            run.
        quotas: Limits of each of these places.
        policy: The wave's failure policy.
        run_id: The run.
        wave: Number of the wave, from 1.
        now: The time of this look.
        wave_started_at: When the wave's time began: its start, or the latest C(retry) decision.
        aborting: Whether the run is being aborted: nothing is started, and DRS's jobs, which cannot be cancelled, are
            waited for as long as the wave's time lasts.
    """
    own_jobs = [job for job in jobs if job.belongs_to(run_id, wave) and job.type != TERMINATE]
    records = _after_jobs(servers, own_jobs, now)
    timeout = _timeout(policy, records)
    seconds_left = timeout - (now - wave_started_at).total_seconds()
    if aborting:
        return _abort(servers, records, [job.job_id for job in own_jobs if job.active], policy, seconds_left)
    if seconds_left <= 0:
        return _settle(servers, records, _unfinished(records), policy, timeout)

    active_jobs = _servers_of_active_jobs(jobs, records)
    starts: tuple[Batch, ...] = ()
    all_servers_known = all(active_jobs[job.job_id] for job in own_jobs if job.active)
    if all_servers_known:
        next_batch = 1 + max((job.batch for job in own_jobs), default=0)
        waiting = [record for record in records if _waits_for_start(record)]
        starts = batches(waiting, jobs, active_jobs, quotas, next_batch)
    unfinished = _unfinished(records)
    if not unfinished:
        return _settle(servers, records, [], policy, timeout)
    return WaveStep(
        updates=_changed(servers, records),
        starts=starts,
        outcome=WAIT,
        seconds=max(1, min(policy.poll_seconds, int(seconds_left))),
        reason=_what_is_waited_for(unfinished, starts),
    )


def results(
    servers: Sequence[ServerRecord], jobs: Sequence[Job], *, run_id: str, wave: int, now: datetime
) -> list[ServerRecord]:
    """Return the records of a wave's servers whose launch has succeeded or failed since they were written.

    Args:
        servers: Records of all servers of the wave.
        jobs: As in L(reconcile).
        run_id: The run.
        wave: Number of the wave.
        now: The time of this look.
    """
    own_jobs = [job for job in jobs if job.belongs_to(run_id, wave) and job.type != TERMINATE]
    over = {ServerStatus.LAUNCHED, ServerStatus.FAILED}
    return [new for new in _changed(servers, _after_jobs(servers, own_jobs, now)) if new.status in over]


def started(servers: Iterable[ServerRecord], batch: Batch, job_id: str) -> list[ServerRecord]:
    """Return the records of a batch's servers after its job was started (or found to be ours already)."""
    ids = frozenset(batch.source_server_ids)
    return [_launching(record, batch.attempt, job_id) for record in servers if record.source_server_id in ids]


def apply_decision(records: Iterable[ServerRecord], decision: str, *, validating: bool = False) -> list[ServerRecord]:
    """Return the records that an operator's decision changes.

    C(retry): failed servers become pending and may launch once more, the others are looked at again; the caller starts
    the wave's time again. C(skip): unfinished and failed servers become skipped. C(continue): they count as failed, and
    that is accepted. C(abort): unfinished servers are given up.

    Args:
        records: Records of the wave, or of the whole plan.
        decision: C(continue), C(retry), C(skip) or C(abort).
        validating: Whether the step that asked validates: then a server that is only launched is not finished.

    Raises:
        ValueError: The decision is unknown.
    """
    unfinished = {ServerStatus.PENDING, ServerStatus.LAUNCHING}
    if validating:
        unfinished.add(ServerStatus.LAUNCHED)
    decide = {"continue": _accept, "retry": _retry, "skip": _skip, "abort": _give_up}.get(decision)
    if decide is None:
        raise ValueError(f"unknown decision {decision!r}: use continue, retry, skip or abort")
    records = list(records)
    return list(_changed(records, [decide(record, record.status in unfinished) for record in records]))


def wave_status(records: Iterable[ServerRecord], *, max_failures: int = 0, aborted: bool = False) -> str:
    """Return the L(runs.WaveStatus) that the records of a wave amount to."""
    records = list(records)
    if aborted:
        return WaveStatus.ABORTED
    if records and all(record.status == ServerStatus.PENDING and not record.attempts for record in records):
        return WaveStatus.PENDING
    if any(
        record.status in {ServerStatus.PENDING, ServerStatus.LAUNCHING, ServerStatus.LAUNCHED} for record in records
    ):
        return WaveStatus.RUNNING
    if sum(_stops_wave(record) for record in records) > max_failures:
        return WaveStatus.FAILED
    if all(record.recovered or record.was_home for record in records):
        return WaveStatus.SUCCEEDED
    return WaveStatus.SUCCEEDED_WITH_FAILURES


def _after_jobs(servers: Sequence[ServerRecord], own_jobs: Sequence[Job], now: datetime) -> list[ServerRecord]:
    """Return the records with what this run's own jobs say about them."""
    by_id = {job.job_id: job for job in own_jobs}
    latest: dict[str, Job] = {}
    for job in sorted(own_jobs, key=lambda job: (job.attempt, job.batch)):
        latest.update(dict.fromkeys(job.participants, job))
    return [
        _after_job(record, latest.get(record.source_server_id) or by_id.get(record.job_id or ""), now)
        for record in servers
    ]


def _after_job(record: ServerRecord, job: Job | None, now: datetime) -> ServerRecord:
    over = {ServerStatus.VALIDATED, ServerStatus.SKIPPED, ServerStatus.CLEANED_UP}
    if job is None or record.status in over or job.attempt < record.attempts:
        return record
    if job.attempt > record.attempts:
        return _result(_launching(record, job.attempt, job.job_id), job, now)
    if record.launched_at is not None:
        return record
    result = _result(replace(record, job_id=job.job_id), job, now)
    # A server that was given up, or waits for a retry, still counts as launched when its launch succeeds after all.
    return result if record.status == ServerStatus.LAUNCHING or result.status == ServerStatus.LAUNCHED else record


def _result(record: ServerRecord, job: Job, now: datetime) -> ServerRecord:
    """Return the record with what its job says; a job that completed is a success only for servers that launched."""
    participant = job.participants.get(record.source_server_id)
    status = participant.launch_status if participant else ""
    if participant and status == LAUNCHED:
        return replace(
            record,
            status=ServerStatus.LAUNCHED,
            # On premises no instance is launched: the job names the one that is left.
            instance_id=None if record.by_failback_client else participant.recovery_instance_id,
            launched_at=format_time(job.ended_at or now),
            accepted=False,
            reason="",
        )
    if participant and status == FAILED:
        why = f": {participant.error}" if participant.error else ""
        failed = replace(record, status=ServerStatus.FAILED, reason=f"DRS could not launch it in job {job.job_id}{why}")
        if participant.no_capacity and record.instance_type:
            return replace(failed, types_without_capacity=[*record.types_without_capacity, record.instance_type])
        return failed
    if job.active:
        return record
    if participant is None:
        reason = f"job {job.job_id} completed without a result for this server"
    else:
        reason = f"job {job.job_id} completed and left this server with launch status {status or 'none'}"
    return replace(record, status=ServerStatus.FAILED, reason=reason)


def _launching(record: ServerRecord, attempt: int, job_id: str) -> ServerRecord:
    return replace(
        record,
        status=ServerStatus.LAUNCHING,
        attempts=attempt,
        job_id=job_id,
        instance_id=None,
        launched_at=None,
        validated_at=None,
        recovery_point_at=None,
        accepted=False,
        reason="",
        probes={},
    )


def _may_launch_again(record: ServerRecord) -> bool:
    """Whether a failed launch is retried without asking; a server that failed validation has an instance to look at."""
    return (
        record.status == ServerStatus.FAILED
        and not record.accepted
        and record.launched_at is None
        and record.attempts < record.attempts_allowed
    )


def _waits_for_start(record: ServerRecord) -> bool:
    return record.status == ServerStatus.PENDING or _may_launch_again(record)


def _unfinished(records: Iterable[ServerRecord]) -> list[ServerRecord]:
    return [record for record in records if record.status == ServerStatus.LAUNCHING or _waits_for_start(record)]


def _stops_wave(record: ServerRecord) -> bool:
    return record.critical and record.status == ServerStatus.FAILED and not record.accepted


def _servers_of_active_jobs(jobs: Iterable[Job], records: Iterable[ServerRecord]) -> dict[str, Collection[str]]:
    """Return the servers of every active job; our records know those of a job that lists no participants."""
    recorded: dict[str, set[str]] = {}
    for record in records:
        if record.job_id and record.status == ServerStatus.LAUNCHING:
            recorded.setdefault(record.job_id, set()).add(record.source_server_id)
    return {job.job_id: job.participants.keys() | recorded.get(job.job_id, set()) for job in jobs if job.active}


def _settle(
    servers: Sequence[ServerRecord],
    records: Sequence[ServerRecord],
    unfinished: Sequence[ServerRecord],
    policy: WavePolicy,
    timeout: int,
) -> WaveStep:
    """Return the end of the wave's launches: done when its failures are tolerated, else a question."""
    late = {record.server_key for record in unfinished}
    stopping = [record for record in records if _stops_wave(record) or (record.critical and record.server_key in late)]
    if len(stopping) > policy.max_failures:
        reason = f"{_count(len(stopping), 'critical server')} failed"
        if late:
            reason += f" or did not finish within {format_seconds(timeout)}"
        reason += f", the wave tolerates {policy.max_failures}: {_named(stopping)}"
        return WaveStep(_changed(servers, records), (), ASK, 0, reason)
    settled = [_tolerated(record, record.server_key in late, timeout) for record in records]
    launched = sum(record.status in {ServerStatus.LAUNCHED, ServerStatus.VALIDATED} for record in settled)
    return WaveStep(_changed(servers, settled), (), DONE, 0, f"{launched} of {_count(len(settled), 'server')} launched")


def _timeout(policy: WavePolicy, records: Iterable[ServerRecord]) -> int:
    windows = any(record.is_windows for record in _unfinished(records))
    return policy.windows_timeout if windows and policy.windows_timeout else policy.timeout


def _abort(
    servers: Sequence[ServerRecord],
    records: Sequence[ServerRecord],
    active_jobs: Sequence[str],
    policy: WavePolicy,
    seconds_left: float,
) -> WaveStep:
    """Return what a wave of a run does that is being aborted: wait for its own jobs, start nothing."""
    if active_jobs and seconds_left > 0:
        reason = f"the run is being aborted; DRS cannot cancel {', '.join(active_jobs)}, which is waited for"
        seconds = max(1, min(policy.poll_seconds, int(seconds_left)))
        return WaveStep(_changed(servers, records), (), WAIT, seconds, reason)
    given_up = [_give_up(record, False) for record in records]
    return WaveStep(_changed(servers, given_up), (), ABORT, 0, "the run is being aborted")


def _tolerated(record: ServerRecord, late: bool, timeout: int) -> ServerRecord:
    if not late and record.status != ServerStatus.FAILED:
        return record
    reason = record.reason
    if late:
        reason = f"not launched within {format_seconds(timeout)}" + (f": {reason}" if reason else "")
    return replace(record, status=ServerStatus.FAILED, accepted=True, reason=reason)


def _accept(record: ServerRecord, unfinished: bool) -> ServerRecord:
    if unfinished:
        reason = f"was {record.status} when an operator decided to go on"
        return replace(record, status=ServerStatus.FAILED, accepted=True, reason=reason)
    return replace(record, accepted=True) if record.status == ServerStatus.FAILED else record


def _retry(record: ServerRecord, _unfinished: bool) -> ServerRecord:
    if record.status != ServerStatus.FAILED or record.accepted:
        return record
    allowed = max(record.attempts_allowed, record.attempts + 1)
    return replace(record, status=ServerStatus.PENDING, attempts_allowed=allowed, reason="")


def _skip(record: ServerRecord, unfinished: bool) -> ServerRecord:
    if not unfinished and (record.status != ServerStatus.FAILED or record.accepted):
        return record
    reason = f"skipped by an operator while {record.status}" + (f": {record.reason}" if record.reason else "")
    return replace(record, status=ServerStatus.SKIPPED, reason=reason)


def _give_up(record: ServerRecord, _unfinished: bool) -> ServerRecord:
    if record.status == ServerStatus.PENDING:
        return replace(record, status=ServerStatus.SKIPPED, reason="the run was aborted before its launch")
    if record.status == ServerStatus.LAUNCHING:
        reason = f"the run was aborted while job {record.job_id} launched it"
        return replace(record, status=ServerStatus.FAILED, reason=reason)
    return record


def _changed(before: Sequence[ServerRecord], after: Sequence[ServerRecord]) -> tuple[ServerRecord, ...]:
    return tuple(new for old, new in zip(before, after, strict=True) if new != old)


def _what_is_waited_for(unfinished: Sequence[ServerRecord], starts: Sequence[Batch]) -> str:
    starting = sum(len(batch.source_server_ids) for batch in starts)
    launching = sum(record.status == ServerStatus.LAUNCHING for record in unfinished)
    held = len(unfinished) - launching - starting
    parts = [
        f"{_count(number, 'server')} {what}"
        for number, what in (
            (starting, "starting"),
            (launching, "launching"),
            (held, "waiting for other jobs or quotas"),
        )
        if number
    ]
    return ", ".join(parts)


def _named(records: Sequence[ServerRecord]) -> str:
    names = [f"{record.server_key} ({record.reason or record.status})" for record in records[:NAMED_IN_REASON]]
    more = len(records) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
