"""Terminating recovery instances: the steps of TERMINATE jobs, and what the clean-up before a relaunch does too."""

from __future__ import annotations

from datetime import datetime

from . import compute
from .job_flow import StepFailedError, add_server_steps, log
from .models import DRSBackend
from .state import Job, Participant


def remove_instance(backend: DRSBackend, instance_id: str) -> None:
    """Terminate a recovery instance in EC2 and forget it.

    Raises:
        compute.Ec2RefusalError: EC2 keeps it (termination protection).
    """
    compute.terminate(backend, instance_id)
    forget_instance(backend, instance_id)


def forget_instance(backend: DRSBackend, instance_id: str) -> None:
    """Drop the record of a recovery instance, whatever EC2 has."""
    record = backend.instances.pop(instance_id, None)
    server = backend.servers.get(record.server_id) if record else None
    if server and server.recovery_instance_id == instance_id:
        server.recovery_instance_id = None


def _terminate_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:  # noqa: ARG001
    log(job, when, "CLEANUP_START", part)


def _terminate_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    instance_id = part.recovery_instance_id or ""
    try:
        remove_instance(backend, instance_id)
    except compute.Ec2RefusalError as error:
        backend.instances[instance_id].terminating = False
        raise StepFailedError("CLEANUP_FAIL", str(error)) from error
    part.status = "TERMINATED"
    log(job, when, "CLEANUP_END", part)


add_server_steps(terminate_start=_terminate_start, terminate_end=_terminate_end)
