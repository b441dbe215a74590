# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DRS jobs that matter to a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from _runtime import client
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import Job, job_from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, told_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time

LONGEST_JOB = timedelta(days=2)
"""Jobs that were created longer than this before the run are over; they are not read."""


def read_jobs(run: Mapping[str, Any], places: Iterable[Place | None]) -> list[Job]:
    """Return the jobs of places, whoever started them: all of them count against servers and quotas there."""
    since = format_time(parse_time(run["requested_at"]) - LONGEST_JOB)
    return [
        job_from_drs(item, place)
        for place in places
        for item in drs.describe_jobs(client("drs", place=place), from_date=since)
    ]


def job_facts(job: Job) -> dict[str, Any]:
    """Return what events tell of a job."""
    return {
        "job_id": job.job_id,
        "attempt": job.attempt,
        "batch": job.batch,
        "created_at": format_time(job.created_at) if job.created_at else None,
        "ended_at": format_time(job.ended_at) if job.ended_at else None,
        **told_place(job.place),
        "servers": {server_id: participant.launch_status for server_id, participant in job.participants.items()},
    }
