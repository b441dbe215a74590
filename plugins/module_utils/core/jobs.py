# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DRS jobs, and the tags by which a run finds its own.

A job never has the status FAILED: it completes, and each participating server says how it went.
Source: DRS API Reference, Job, ParticipatingServer. Enumerations are open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .capacity import lacks_capacity
from .places import Place
from .timestamps import parse_time

TAG_RUN = "dr:run"
TAG_WAVE = "dr:wave"
TAG_ATTEMPT = "dr:attempt"
TAG_BATCH = "dr:batch"

STARTED = "STARTED"
COMPLETED = "COMPLETED"
LAUNCHED = "LAUNCHED"
FAILED = "FAILED"
TERMINATE = "TERMINATE"
BY_FAILBACK = "FAILBACK"
"""C(initiatedBy) of StartFailbackLaunch."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One server's part in a job.

    Attributes:
        recovery_instance_id: May be missing even after a launch.
        error: What the job's log says went wrong, empty until L(with_errors) read it; DRS does not always say.
        no_capacity: EC2 had no capacity for the instance type, by the job's log.
    """

    source_server_id: str
    launch_status: str
    recovery_instance_id: str | None
    error: str = ""
    no_capacity: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A DRS job.

    Attributes:
        participants: By source server id. May be empty: DRS does not always list them.
        attempt: Value of tag C(dr:attempt), 0 when it is not our job.
        batch: Value of tag C(dr:batch), 0 when it is not our job.
        place: Where it runs; None for the place of the orchestrator.
    """

    job_id: str
    type: str
    initiated_by: str
    status: str
    created_at: datetime | None
    ended_at: datetime | None
    participants: Mapping[str, Participant]
    tags: Mapping[str, str]
    attempt: int
    batch: int
    place: Place | None = None

    @property
    def active(self) -> bool:
        """Whether it has not ended; an unknown status counts as not ended."""
        return self.status != COMPLETED

    def belongs_to(self, run_id: str, wave: int) -> bool:
        """Whether this run started it for this wave."""
        return self.tags.get(TAG_RUN) == run_id and self.tags.get(TAG_WAVE) == str(wave)


def job_from_drs(item: Mapping[str, Any], place: Place | None = None) -> Job:
    """Build a job from an item of DescribeJobs or the C(job) of StartRecovery in a place."""
    tags = dict(item.get("tags", {}))
    participants = [
        Participant(
            source_server_id=participant.get("sourceServerID", ""),
            launch_status=participant.get("launchStatus", ""),
            recovery_instance_id=participant.get("recoveryInstanceID") or None,
        )
        for participant in item.get("participatingServers", [])
    ]
    return Job(
        job_id=item["jobID"],
        type=item.get("type", ""),
        initiated_by=item.get("initiatedBy", ""),
        status=item.get("status", ""),
        created_at=_time(item.get("creationDateTime")),
        ended_at=_time(item.get("endDateTime")),
        participants={participant.source_server_id: participant for participant in participants},
        tags=tags,
        attempt=_number(tags.get(TAG_ATTEMPT)),
        batch=_number(tags.get(TAG_BATCH)),
        place=place,
    )


def with_errors(job: Job, log: Iterable[Mapping[str, Any]], capacity_codes: Collection[str] = ()) -> Job:
    """Return C(job) with what its log says went wrong with each server.

    Args:
        log: Items of DescribeJobLogItems.
        capacity_codes: Error codes of EC2 that mean that there is no capacity for an instance type.
    """
    participants = dict(job.participants)
    for item in log:
        data = item.get("eventData") or {}
        error, participant = str(data.get("rawError") or ""), participants.get(data.get("sourceServerID", ""))
        if error and participant:
            no_capacity = lacks_capacity(item.get("event", ""), error, capacity_codes)
            participants[participant.source_server_id] = replace(participant, error=error, no_capacity=no_capacity)
    return replace(job, participants=participants)


def not_seen_yet(job: Job, server_ids: Collection[str]) -> Job:
    """Return C(job) as if it were not through with some servers yet: their results are looked at later."""
    if not server_ids:
        return job
    participants = {
        server_id: replace(participant, launch_status="") if server_id in server_ids else participant
        for server_id, participant in job.participants.items()
    }
    return replace(job, status=STARTED, participants=participants)


def job_tags(run_id: str, wave: int, attempt: int, batch: int) -> dict[str, str]:
    """Return the tags of a job that this run starts for one batch of a wave."""
    return {TAG_RUN: run_id, TAG_WAVE: str(wave), TAG_ATTEMPT: str(attempt), TAG_BATCH: str(batch)}


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
