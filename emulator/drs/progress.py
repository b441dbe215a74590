"""Replication as the API shows it at a moment: state, lag, what is copied, the steps of the initiation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from .moments import date_string, duration_string
from .replication import INITIATION_STEPS, behind
from .settings import SETTINGS
from .state import ACTIVE_STATES, HALTED_STATES, Disk, Replication

NEXT_ATTEMPT_AFTER = timedelta(minutes=30)
_ENDED = frozenset({"DISCONNECTED", "STOPPED"})
_WITH_BACKLOG = frozenset({"BACKLOG", "RESCAN"}) | HALTED_STATES
_WITH_ETA = frozenset({"INITIAL_SYNC", "RESCAN", "CREATING_SNAPSHOT"})


def data_replication(replication: Replication, disks: Sequence[Disk], now: datetime) -> dict[str, Any]:
    """Return `dataReplicationInfo` of a source server."""
    info = _common(replication, disks, now, INITIATION_STEPS)
    for disk in info["replicatedDisks"]:
        disk["volumeStatus"] = "REGULAR"
    if "dataReplicationInitiation" in info:
        next_attempt = _whole_minute(replication.started + NEXT_ATTEMPT_AFTER)
        info["dataReplicationInitiation"]["nextAttemptDateTime"] = next_attempt
    return info


def reverse_replication(
    replication: Replication, disks: Sequence[Disk], now: datetime, steps: Sequence[str] = INITIATION_STEPS
) -> dict[str, Any]:
    """Return `dataReplicationInfo` of a recovery instance.

    Its shape lacks some members. `lagDuration` is left out: in this shape the model makes it a date, which no source
    shows.
    """
    info = _common(replication, disks, now, steps)
    info.pop("lagDuration", None)
    return info


def _whole_minute(moment: datetime) -> str:
    """Return the date of the minute that follows, as DRS writes a moment that it plans: without microseconds."""
    return (moment.replace(second=0, microsecond=0) + timedelta(minutes=1)).isoformat()


def _common(
    replication: Replication, disks: Sequence[Disk], now: datetime, step_names: Sequence[str]
) -> dict[str, Any]:
    info: dict[str, Any] = {
        "dataReplicationState": replication.state,
        "replicatedDisks": [_disk(disk, len(disks), replication, now) for disk in disks],
    }
    if replication.staging_zone:
        info["stagingAvailabilityZone"] = replication.staging_zone
    if replication.state in _ENDED:
        return info
    info["lagDuration"] = duration_string(behind(replication, now))
    info["dataReplicationInitiation"] = {
        "startDateTime": date_string(replication.started),
        "steps": _steps(replication, now, step_names),
    }
    if replication.until and replication.state in _WITH_ETA:
        info["etaDateTime"] = date_string(replication.until)
    if replication.state == "STALLED":
        info["dataReplicationError"] = {"error": replication.error or "AGENT_NOT_SEEN"}
    return info


def _steps(replication: Replication, now: datetime, names: Sequence[str]) -> list[dict[str, str]]:
    position, status = len(names), "SUCCEEDED"
    failed = (replication.error or "").removeprefix("FAILED_TO_")
    if replication.state == "INITIATING":
        elapsed = (now - replication.since) / timedelta(seconds=1)
        position = min(int(elapsed // SETTINGS.initiation_step_seconds), len(names) - 1) if replication.until else 0
        status = "IN_PROGRESS" if replication.until else "NOT_STARTED"
    elif replication.state == "STALLED" and failed in names:
        position, status = names.index(failed), "FAILED"
    return [
        {"name": name, "status": "SUCCEEDED" if index < position else status if index == position else "NOT_STARTED"}
        for index, name in enumerate(names)
    ]


def _disk(disk: Disk, disks: int, replication: Replication, now: datetime) -> dict[str, Any]:
    total = 0 if replication.state == "DISCONNECTED" else disk.size
    backlog = 0
    if replication.state in _WITH_BACKLOG and replication.protected_since:
        written = behind(replication, now) / timedelta(seconds=1) * SETTINGS.change_bytes_per_second
        backlog = min(total, int(written / disks))
    return {
        "deviceName": disk.device_name,
        "totalStorageBytes": total,
        "replicatedStorageBytes": int(total * _copied(replication, now)),
        "rescannedStorageBytes": int(total * _rescanned(replication, now)),
        "backloggedStorageBytes": backlog,
    }


def _copied(replication: Replication, now: datetime) -> float:
    if replication.state == "INITIAL_SYNC":
        return _passed(replication, now)
    return 1.0 if replication.protected_since or replication.state in ACTIVE_STATES - HALTED_STATES else 0.0


def _rescanned(replication: Replication, now: datetime) -> float:
    if replication.state == "RESCAN":
        return _passed(replication, now)
    if replication.state == "INITIAL_SYNC" or any(phase.state == "RESCAN" for phase in replication.ahead):
        return 0.0
    return _copied(replication, now)


def _passed(replication: Replication, now: datetime) -> float:
    if replication.until is None:
        return 0.0
    return (now - replication.since) / (replication.until - replication.since)
