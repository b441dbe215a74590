# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CleanUp of a drill: terminate its instances, and nothing else, and let the templates launch a failover again.

An instance is terminated only when all three agree: DRS calls it a drill instance, one of this run's jobs launched it,
and this run's records have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from _launch import set_back
from _records import read_records, read_run, store
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs, instances
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    InvalidRequestError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import TAG_RUN, TERMINATE, job_from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus

Item = dict[str, Any]

POLL_SECONDS = 30
ATTEMPTS = 3
"""Terminations that are asked of DRS before a person is asked."""


def _gone(instance: Mapping[str, Any] | None) -> bool:
    return instance is None or instance["State"]["Name"] == "terminated"


def _left(records: Sequence[ServerRecord]) -> dict[str, ServerRecord]:
    """Return the records, by instance id, whose instance EC2 has not terminated yet."""
    launched = {record.instance_id: record for record in records if record.instance_id}
    found = instances.describe_instances(client("ec2"), launched)
    return {instance_id: record for instance_id, record in launched.items() if not _gone(found.get(instance_id))}


def _own_drill_instances(call: Call, left: Mapping[str, ServerRecord]) -> list[str]:
    """Return those that DRS calls drill instances and that a job of this run launched."""
    candidates = drs.describe_recovery_instances(client("drs"), ids=list(left))
    jobs = drs.describe_jobs(client("drs"), ids=[item["jobID"] for item in candidates if item.get("jobID")])
    own_jobs = {job.job_id for job in map(job_from_drs, jobs) if job.tags.get(TAG_RUN) == call.run_id}
    return [
        item["recoveryInstanceID"]
        for item in candidates
        if item.get("isDrill") is True
        and item.get("jobID") in own_jobs
        and left[item["recoveryInstanceID"]].job_id == item["jobID"]
    ]


def _terminating(run: Item, own: Sequence[str]) -> list[str]:
    """Return the jobs that terminate these instances and no others: a call started them that did not live to tell."""
    wanted = set(own)
    found = []
    for job in map(job_from_drs, drs.describe_jobs(client("drs"), from_date=run["requested_at"])):
        ids = {participant.recovery_instance_id for participant in job.participants.values()}
        if job.active and job.type == TERMINATE and ids and ids <= wanted:
            found.append(job.job_id)
    return sorted(found)


def _wait(reason: str) -> Result:
    return {"outcome": "wait", "seconds": POLL_SECONDS, "reason": reason}


def _ask(reason: str) -> Result:
    return {"outcome": "ask", "seconds": 0, "reason": reason}


def _terminate(call: Call, run: Item, left: Mapping[str, ServerRecord]) -> Result:
    progress = run.get("clean_up") or {"attempts": 0, "job_ids": []}
    if progress["job_ids"]:
        jobs = [job_from_drs(item) for item in drs.describe_jobs(client("drs"), ids=progress["job_ids"])]
        if any(job.active for job in jobs):
            return _wait(f"{len(left)} drill instances are being terminated")
    own = _own_drill_instances(call, left)
    foreign = sorted(set(left) - set(own))
    if foreign and not own:
        shutting_down = instances.describe_instances(client("ec2"), foreign)
        if all(item["State"]["Name"] == "shutting-down" for item in shutting_down.values()):
            return _wait(f"{len(foreign)} drill instances are shutting down")
        return _ask(
            f"DRS does not call these drill instances of this run: {', '.join(foreign)}. They are left alone. "
            "Look at them, and terminate them by hand if they are what they seem to be"
        )
    if progress["attempts"] >= ATTEMPTS:
        return _ask(f"DRS did not terminate these instances in {ATTEMPTS} attempts: {', '.join(own)}")
    try:
        job_ids = [job["jobID"] for job in drs.terminate_recovery_instances(client("drs"), own)]
    except ConflictError as error:
        call.log("termination refused", error=error.message)
        job_ids = _terminating(run, own)
        if not job_ids:
            return _wait(f"another job holds the drill instances: {error.message}")
    runs().append_event(call.run_id, EventKind.CLEAN_UP_STARTED.value, {"instances": own, "jobs": job_ids}, call.now)
    runs().update_run(call.run_id, {"clean_up": {"attempts": progress["attempts"] + 1, "job_ids": job_ids}})
    return _wait(f"{len(own)} drill instances are being terminated")


@function("clean-up")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason}); done when EC2 has terminated every instance of the drill."""
    run = read_run(call)
    if run["mode"] != "test":
        raise InvalidRequestError(f"Run {call.run_id} is a {run['mode']}, not a test: its instances stay")
    records = read_records(call)
    left = _left(records)
    if left:
        return _terminate(call, run, left)
    cleaned = [
        replace(record, status=ServerStatus.CLEANED_UP.value)
        if record.instance_id and record.status == ServerStatus.VALIDATED
        else record
        for record in records
    ]
    store(call, records, cleaned)
    seconds = set_back(call, cleaned)
    if seconds:
        return {"outcome": "wait", "seconds": seconds, "reason": "the failover profile is being set again"}
    ended = {"instances": sum(bool(record.instance_id) for record in records), "profile": "failover"}
    runs().append_event(call.run_id, EventKind.CLEAN_UP_ENDED.value, ended, call.now)
    return {"outcome": "done", "seconds": 0, "reason": f"{ended['instances']} drill instances are terminated"}
