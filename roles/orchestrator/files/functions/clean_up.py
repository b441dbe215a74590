# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CleanUp of a drill: terminate its instances, and nothing else, and let the templates launch a failover again.

An instance is terminated only when all three agree: DRS calls it a drill instance, one of this run's jobs launched it,
and this run's records have the server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from _drill import drill_instances, held, launch_jobs, with_instances
from _instances import read_instances
from _jobs import read_jobs
from _launch import FORWARD, resting_profile, set_back
from _records import read_records, store
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    InvalidRequestError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.leftovers import attached_to, find_leftovers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import admit
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import TERMINATE, Job
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.leftovers import Leftover
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, by_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus, is_drill
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

Item = dict[str, Any]

POLL_SECONDS = 30
JOB_POLL_SECONDS = 120
LONGEST_JOB_WAIT = 6 * 3600
"""Seconds that jobs which launch are waited for before a person is asked."""

LEFTOVERS_IN_EVENT = 500
"""An item of DynamoDB holds 400 KB; the others are counted."""

ATTEMPTS = 3
"""Terminations in a row that changed nothing before a person is asked."""


def _left(records: Sequence[ServerRecord]) -> dict[str, Mapping[str, Any]]:
    """Return the instances of the drill that EC2 has not terminated yet, as EC2 has them, by id."""
    found = read_instances(record for record in records if record.own_instance_id)
    return {name: instance for name, instance in found.items() if instance["State"]["Name"] != "terminated"}


def _nothing(reason: str) -> Result:
    return {"outcome": "done", "seconds": 0, "reason": f"nothing to clean up: {reason}"}


def _terminating(jobs: Iterable[Job], own: Collection[str]) -> dict[str, set[str]]:
    """Return the instances, by job, of jobs that terminate some of the drill's instances and no others."""
    found = {}
    for job in jobs:
        ids = {participant.recovery_instance_id or "" for participant in job.participants.values()}
        if job.active and job.type == TERMINATE and ids and ids <= set(own):
            found[job.job_id] = ids
    return found


def _wait(reason: str, seconds: int = POLL_SECONDS) -> Result:
    return {"outcome": "wait", "seconds": seconds, "reason": reason}


def _ask(reason: str) -> Result:
    return {"outcome": "ask", "seconds": 0, "reason": reason}


def _terminate(
    call: Call,
    run: Item,
    records: Sequence[ServerRecord],
    left: Mapping[str, Mapping[str, Any]],
    own: Sequence[str],
    jobs: Sequence[Job],
) -> Result:
    """Terminate what the live quotas admit: it is not known whether DRS counts these jobs, so they are counted."""
    progress = _progress(run)
    foreign = sorted(set(left) - set(own))
    if foreign and not own:
        if all(left[name]["State"]["Name"] == "shutting-down" for name in foreign):
            return _wait(f"{len(foreign)} drill instances are shutting down")
        return _ask(
            f"DRS does not call these drill instances of this run: {', '.join(foreign)}. They are left alone. "
            "Look at them, and terminate them by hand if they are what they seem to be"
        )
    under_way = _terminating(jobs, own)
    begins = not set(under_way) & set(progress["job_ids"])
    unchanged = len(left) == progress["left"]
    if begins and not under_way and unchanged and progress["attempts"] >= ATTEMPTS:
        runs().update_run(call.run_id, {"clean_up": {**progress, "attempts": 0}})
        return _ask(f"DRS did not terminate these instances in {ATTEMPTS} attempts: {', '.join(own)}")
    # Those that a call started which did not live to tell, else those that may start now.
    started = {job_id: ids for job_id, ids in under_way.items() if job_id not in progress["job_ids"]}
    waiting = [record for record in records if record.instance_id in set(own).difference(*under_way.values())]
    if waiting and not started:
        _remember_attached(call, records, left)
        started = _start(call, run, waiting, jobs)
    if started:
        told = {"instances": sorted(set().union(*started.values())), "jobs": sorted(started)}
        runs().append_event(call.run_id, EventKind.CLEAN_UP_STARTED.value, told, call.now)
        progress["job_ids"] = [*progress["job_ids"], *told["jobs"]]
        if begins:
            progress |= {"attempts": progress["attempts"] + 1 if unchanged else 1, "left": len(left)}
        runs().update_run(call.run_id, {"clean_up": progress})
    return _wait(f"{len(left)} drill instances are left")


def _start(call: Call, run: Item, waiting: Iterable[ServerRecord], jobs: Sequence[Job]) -> dict[str, set[str]]:
    """Terminate what may be terminated now; return the instances by job, also of a job that turns out to be there."""
    started: dict[str, set[str]] = {}
    for place, there in by_place(waiting).items():
        own = {record.source_server_id: record.instance_id or "" for record in there}
        active = [job.participants for job in jobs if job.active and job.place == place]
        started |= _start_at(call, run, place, own, active)
    return started


def _start_at(
    call: Call, run: Item, place: Place | None, own: Mapping[str, str], active: Sequence[Collection[str]]
) -> dict[str, set[str]]:
    quotas = drs.read_quotas(client("service-quotas", place=place))[0]
    size = min(quotas.servers_per_job, drs.MAX_IDS)
    started: dict[str, set[str]] = {}
    for batch in admit(sorted(own), active, replace(quotas, servers_per_job=size)):
        ids = {own[server_id] for server_id in batch}
        try:
            job = drs.terminate_recovery_instances(client("drs", place=place), sorted(ids))
        except AwsError as error:
            if not drs.is_held_off(error):
                raise
            call.log("termination refused", error=error.message)
            started |= _terminating(read_jobs(run, [place]), ids)
        else:
            started[str(job["jobID"])] = ids
    return started


def _progress(run: Mapping[str, Any]) -> Item:
    begun = {"attempts": 0, "left": 0, "job_ids": [], "looks": 0, "jobs_awaited_since": None}
    return {**begun, **(run.get("clean_up") or {})}


def _remember_attached(call: Call, records: Sequence[ServerRecord], left: Mapping[str, Mapping[str, Any]]) -> None:
    """Record what is attached to the instances: once they are gone, nothing else tells whose it was."""

    def with_attached(record: ServerRecord) -> ServerRecord:
        instance = left.get(record.instance_id or "")
        attached = {*record.attached, *attached_to(instance)} if instance else record.attached
        return replace(record, attached=sorted(attached))

    store(call, records, [with_attached(record) for record in records])


def _await_jobs(call: Call, run: Item, active: Sequence[Job]) -> Result:
    """Wait for jobs that launch: DRS cannot cancel them, and what they launch is to be terminated, too."""
    progress, names = _progress(run), ", ".join(job.job_id for job in active)
    since = progress["jobs_awaited_since"] or call.at
    if (call.now - parse_time(since)).total_seconds() >= LONGEST_JOB_WAIT:
        runs().update_run(call.run_id, {"clean_up": {**progress, "jobs_awaited_since": None}})
        return _ask(f"these DRS jobs of the run still go on, and what they launch cannot be terminated yet: {names}")
    runs().update_run(call.run_id, {"clean_up": {**progress, "jobs_awaited_since": since}})
    return _wait(f"DRS cannot cancel {names}, which is waited for", JOB_POLL_SECONDS)


def _leftovers(records: Iterable[ServerRecord], jobs: Iterable[Job]) -> list[Leftover]:
    """Return what EC2 still has of the drill, at all places of its servers."""
    jobs_there = by_place(jobs)
    left: list[Leftover] = []
    for place, there in by_place(records).items():
        owners = {name: record.server_key for record in there for name in record.attached}
        job_ids = [job.job_id for job in jobs_there.get(place, [])]
        found = find_leftovers(client("ec2", place=place), owners=owners, job_ids=job_ids)
        left += [replace(leftover, region=place.region if place else "") for leftover in found]
    return left


def _end(call: Call, run: Item, records: Sequence[ServerRecord], jobs: Sequence[Job]) -> Result:
    """Look for what the instances left behind, twice, since EC2 takes its time; then restore the templates."""
    left = _leftovers(records, jobs)
    progress = _progress(run)
    if left and not progress["looks"]:
        runs().update_run(call.run_id, {"clean_up": {**progress, "looks": 1}})
        return _wait(f"{len(left)} volumes or network interfaces of the drill are still there")
    cleaned = [
        replace(record, status=ServerStatus.CLEANED_UP.value)
        if record.own_instance_id and record.status == ServerStatus.VALIDATED
        else record
        for record in records
    ]
    store(call, records, cleaned)
    seconds = set_back(call, held(call, cleaned))
    if seconds:
        return _wait("the launch template versions from before the drill are being set again", seconds)
    told = [asdict(leftover) for leftover in left]
    ended = {
        "instances": sum(bool(record.own_instance_id) for record in records),
        "profile": ", ".join(sorted({resting_profile(record) for record in records})) or FORWARD,
        "left_behind": told[:LEFTOVERS_IN_EVENT],
        "left_behind_not_shown": max(0, len(told) - LEFTOVERS_IN_EVENT),
    }
    runs().append_event(call.run_id, EventKind.CLEAN_UP_ENDED.value, ended, call.now)
    runs().update_run(call.run_id, {"clean_up": {**progress, "ended_at": call.at, "left_behind": len(left)}})
    return {"outcome": "done", "seconds": 0, "reason": f"{ended['instances']} drill instances are terminated"}


@function("clean-up")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason}); done when EC2 has terminated every instance of the drill.

    Whatever ended the drill leads here, so there may be nothing to do, or jobs that still launch.
    """
    run = runs().get_run(call.run_id)
    if run is None:
        return _nothing("the run was not opened")
    if not is_drill(run):
        raise InvalidRequestError(f"Run {call.run_id} is a {run['mode']}, not a drill: its instances stay")
    if not any(wave["started_at"] for wave in runs().get_waves(call.run_id)):
        return _nothing("no wave has begun")
    before = read_records(call)
    jobs = read_jobs(run, by_place(before))
    own_jobs = launch_jobs(call, jobs)
    active = [job for job in own_jobs if job.active]
    if active:
        return _await_jobs(call, run, active)
    found = drill_instances(before, own_jobs)
    records = with_instances(before, found)
    store(call, before, records)
    left = _left(records)
    if not left:
        return _end(call, run, records, own_jobs)
    own = sorted(item["recoveryInstanceID"] for item in found.values() if item["recoveryInstanceID"] in left)
    return _terminate(call, run, records, left, own, jobs)
