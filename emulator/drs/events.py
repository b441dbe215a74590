"""The events that DRS puts on the default bus of EventBridge, best effort [facts 7.10].

There is none for the end of a job, and none for the scheduled recovery snapshots, which nobody takes here: they are
computed when somebody looks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..events.bus import BUS
from .models import DRSBackend
from .state import Job, Participant

SOURCE = "aws.drs"


def launch_result(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    """Tell that a server's launch has ended."""
    state = "RECOVERY_LAUNCH_SUCCEEDED" if part.status == "LAUNCHED" else "RECOVERY_LAUNCH_FAILED"
    detail = {"state": state, "job-id": job.job_id, "is-drill": "TRUE" if job.is_drill else "FALSE"}
    _put("DRS Source Server Launch Result", backend.arn("source-server", part.server_id), detail, when)


def snapshot_taken(backend: DRSBackend, server_id: str, when: datetime) -> None:
    """Tell that a recovery snapshot was taken for a launch."""
    _put("DRS PIT Snapshot Taken", backend.arn("source-server", server_id), {"state": "SUCCEEDED"}, when)


def stalled_change(server_arn: str, when: datetime, before: str, after: str) -> None:
    """Tell that the replication of a server has come to a stall, or goes on again, if it did either."""
    if (before == "STALLED") == (after == "STALLED"):
        return
    detail = {"state": "STALLED" if after == "STALLED" else "NOT_STALLED"}
    _put("DRS Source Server Data Replication Stalled Change", server_arn, detail, when)


def failback_change(instance_arn: str, state: str, when: datetime) -> None:
    """Tell where a failback is: FAILBACK_IN_PROGRESS, FAILBACK_COMPLETED or FAILBACK_ERROR."""
    _put("DRS Recovery Instance Failback State Change", instance_arn, {"state": state}, when)


def _put(detail_type: str, arn: str, detail: dict[str, Any], when: datetime) -> None:
    _, _, _, region, account, _ = arn.split(":", 5)
    BUS.put((account, region), when, SOURCE, detail_type, [arn], detail)
