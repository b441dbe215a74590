# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drill launched: its jobs, found by their tags, its instances, and the servers that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from _instances import read_recovery_instances
from _runtime import Call, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import TAG_RUN, TERMINATE, Job
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord

Item = dict[str, Any]

NEVER_A_DRILLS = ("original_instance_id", "recovered_instance_id")
"""What a server's record of the way home calls instances that were there before the run."""


def launch_jobs(call: Call, jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs that this run started to launch servers, whatever the records tell of them."""
    return [job for job in jobs if job.tags.get(TAG_RUN) == call.run_id and job.type != TERMINATE]


def drill_instances(records: Iterable[ServerRecord], jobs: Iterable[Job]) -> dict[str, Item]:
    """Return the drill instances of this run's servers that its own jobs launched, by server key, as DRS has them.

    All three must agree: DRS calls it a drill instance, a job of the run launched it, and the run's records have the
    server. Never the original instance of a server, nor the one that is production since a failover.
    """
    records, own_jobs = list(records), {job.job_id for job in jobs}
    keys = {record.source_server_id: record.server_key for record in records}
    others = {record.way_home.get(name) for record in records for name in NEVER_A_DRILLS}
    found = read_recovery_instances(records) if own_jobs else []
    return {
        keys[item["sourceServerID"]]: item
        for item in found
        if item.get("isDrill") is True
        and item.get("jobID") in own_jobs
        and item.get("sourceServerID") in keys
        and item.get("ec2InstanceID") not in others
    }


def with_instances(records: Sequence[ServerRecord], found: Mapping[str, Item]) -> list[ServerRecord]:
    """Return the records with instances that were launched after the run had stopped to look: by a job that nobody can
    cancel, for a server that was given up, or by a call that did not live to record it."""

    def known(record: ServerRecord) -> ServerRecord:
        item = found.get(record.server_key)
        if item is None or record.instance_id == item["recoveryInstanceID"]:
            return record
        return replace(record, instance_id=item["recoveryInstanceID"], job_id=item["jobID"])

    return [known(record) for record in records]


def held(call: Call, records: Iterable[ServerRecord]) -> list[ServerRecord]:
    """Return the records of the servers that this run holds: the templates of others are another run's to prepare."""
    records = list(records)
    owners = runs().lock_owners(record.server_key for record in records)
    return [record for record in records if owners.get(record.server_key) == call.run_id]
