"""Recovery instances: list, terminate, disconnect, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import compute, failback, render
from ..errors import ConflictError, ValidationError, not_found
from ..job_flow import TERMINATE, new_job, schedule_job
from ..models import DRSBackend
from ..paging import answer, page
from ..state import Participant, RecoveryInstance
from ..terminating import forget_instance
from ..timeline import termination_offsets
from .jobs import check_job_quotas


def find(backend: DRSBackend, instance_id: str) -> RecoveryInstance:
    """Return a recovery instance of this store, or raise ResourceNotFoundError."""
    if instance_id not in backend.instances:
        raise not_found("Recovery Instance", instance_id)
    return backend.instances[instance_id]


def describe_recovery_instances(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer DescribeRecoveryInstances; the state is that of the EC2 instance."""
    filters = request.get("filters") or {}
    found = (
        item
        for item in backend.instances.values()
        if (not filters.get("recoveryInstanceIDs") or item.instance_id in filters["recoveryInstanceIDs"])
        and (not filters.get("sourceServerIDs") or item.server_id in filters["sourceServerIDs"])
    )
    chosen, token = page(found, lambda item: [item.instance_id], request)
    shown = [render.recovery_instance(item, compute.state(backend, item.instance_id), now) for item in chosen]
    return answer("items", shown, token)


def terminate_recovery_instances(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer TerminateRecoveryInstances: a job that terminates the instances and drops their records."""
    ids = request["recoveryInstanceIDs"]
    if len(set(ids)) < len(ids):
        raise ValidationError("A Recovery Instance is listed more than once")
    unknown = [instance_id for instance_id in ids if instance_id not in backend.instances]
    if unknown:
        raise ConflictError(f"Recovery Instance {unknown[0]} does not exist", resourceId=unknown[0])
    records = [backend.instances[instance_id] for instance_id in ids]
    ending = [item.instance_id for item in records if item.terminating]
    if ending:
        raise ConflictError(f"Recovery Instance {ending[0]} is already being terminated", resourceId=ending[0])
    failing_back = [item.instance_id for item in records if failback.in_progress(item)]
    if failing_back:
        raise ConflictError(
            f"Recovery Instance {failing_back[0]} cannot be terminated during failback", resourceId=failing_back[0]
        )
    check_job_quotas(backend, [item.server_id for item in records], TERMINATE)
    participants = [
        Participant(item.server_id, offsets=termination_offsets(), recovery_instance_id=item.instance_id)
        for item in records
    ]
    job = new_job(backend, TERMINATE, "TERMINATE_RECOVERY_INSTANCES", now, participants)
    for item in records:
        item.terminating = True
    schedule_job(backend, job)
    return {"job": render.job(job)}


def disconnect_recovery_instance(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DisconnectRecoveryInstance."""
    item = find(backend, request["recoveryInstanceID"])
    if item.terminating:
        raise ConflictError(f"Recovery Instance {item.instance_id} is being terminated", resourceId=item.instance_id)
    if failback.reversed_now(item):
        raise ConflictError(
            f"Recovery Instance {item.instance_id} cannot be disconnected, its replication is reversed",
            resourceId=item.instance_id,
        )
    if failback.in_progress(item):
        raise ConflictError(
            f"Recovery Instance {item.instance_id} cannot be disconnected during failback", resourceId=item.instance_id
        )
    item.disconnected = True
    return {}


def delete_recovery_instance(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteRecoveryInstance: the record of a disconnected or reversed one goes; the EC2 instance stays."""
    item = find(backend, request["recoveryInstanceID"])
    if item.terminating:
        raise ConflictError(f"Recovery Instance {item.instance_id} is being terminated", resourceId=item.instance_id)
    if not item.disconnected and not failback.reversed_now(item):
        raise ConflictError(
            f"Recovery Instance {item.instance_id} must be disconnected before it is deleted",
            resourceId=item.instance_id,
        )
    forget_instance(backend, item.instance_id)
    return {}


OPERATIONS = {
    "DescribeRecoveryInstances": describe_recovery_instances,
    "TerminateRecoveryInstances": terminate_recovery_instances,
    "DisconnectRecoveryInstance": disconnect_recovery_instance,
    "DeleteRecoveryInstance": delete_recovery_instance,
}
