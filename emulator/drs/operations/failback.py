"""Failback: the launch back onto the machine of a failback client, stopping it, its replication configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import failback, render
from ..errors import ConflictError, ValidationError
from ..failback_launch import launch_offsets
from ..job_flow import LAUNCH, new_job, schedule_job
from ..models import DRSBackend
from ..replication import stop
from ..state import Failback, Participant, RecoveryInstance
from .jobs import check_job_quotas
from .recovery_instances import find
from .tags import check_tags


def start_failback_launch(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer StartFailbackLaunch: a job that converts on the failback clients and boots their machines."""
    ids = request["recoveryInstanceIDs"]
    check_tags(request.get("tags") or {})
    if len(set(ids)) < len(ids):
        raise ValidationError("A Recovery Instance is listed more than once")
    items = [_launchable(backend, instance_id) for instance_id in ids]
    check_job_quotas(backend, [item.server_id for item in items])
    participants = [
        Participant(item.server_id, offsets=launch_offsets(item), recovery_instance_id=item.instance_id)
        for item in items
    ]
    job = new_job(backend, LAUNCH, "FAILBACK", now, participants, request.get("tags"))
    for item in items:
        item.failback.job_id = job.job_id
        item.failback.launch_type = "RECOVERY"
    schedule_job(backend, job)
    return {"job": render.job(job)}


def _launchable(backend: DRSBackend, instance_id: str) -> RecoveryInstance:
    if instance_id not in backend.instances:
        raise ValidationError(f"Recovery Instance {instance_id} does not exist")
    item = backend.instances[instance_id]
    if item.machine.in_aws:
        raise ValidationError(
            f"Recovery Instance {instance_id} originated in EC2; reverse its replication and recover the new source"
            " server in the origin Region"
        )
    state = failback.state(item)
    if state != failback.READY:
        raise ConflictError(f"Recovery Instance {instance_id} is {state}, not {failback.READY}", resourceId=instance_id)
    return item


def stop_failback(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer StopFailback: the state is FAILBACK_NOT_STARTED again, what the instance replicated to is STOPPED."""
    item = find(backend, request["recoveryInstanceID"])
    job = backend.jobs.get(item.failback.job_id or "")
    if job and job.active:
        raise ConflictError(f"Recovery Instance {item.instance_id} is being launched back", resourceId=item.instance_id)
    if item.failback.state == failback.NOT_STARTED:
        return {}
    server = failback.counterpart(item)
    if server and server.replication.state not in ("STOPPED", "DISCONNECTED"):
        stop(server, "STOPPED", now)
    item.failback = Failback()
    return {}


def get_failback_replication_configuration(
    backend: DRSBackend,
    request: dict[str, Any],
    now: datetime,  # noqa: ARG001
) -> dict[str, Any]:
    """Answer GetFailbackReplicationConfiguration."""
    return failback.configuration(find(backend, request["recoveryInstanceID"]))


def update_failback_replication_configuration(
    backend: DRSBackend,
    request: dict[str, Any],
    now: datetime,  # noqa: ARG001
) -> dict[str, Any]:
    """Answer UpdateFailbackReplicationConfiguration: what is absent stays."""
    item = find(backend, request["recoveryInstanceID"])
    item.failback_configuration.update({key: value for key, value in request.items() if key != "recoveryInstanceID"})
    return {}


OPERATIONS = {
    "StartFailbackLaunch": start_failback_launch,
    "StopFailback": stop_failback,
    "GetFailbackReplicationConfiguration": get_failback_replication_configuration,
    "UpdateFailbackReplicationConfiguration": update_failback_replication_configuration,
}
