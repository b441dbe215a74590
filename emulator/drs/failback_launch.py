"""The launch back onto the machine of a failback client: the steps of its job, and how a client comes to be there."""

from __future__ import annotations

from datetime import datetime

from . import events, failback, replication
from .identifiers import identifier
from .job_flow import StepFailedError, add_server_steps, log, take_fault
from .models import DRSBackend
from .replication import CONTINUOUS
from .settings import SETTINGS
from .staging import origin
from .state import Failback, Job, Participant, Phase, RecoveryInstance, Replication
from .timeline import JOB_START


def pair_client(
    backend: DRSBackend, item: RecoveryInstance, now: datetime, *, original_server: bool, error: str | None
) -> None:
    """Boot the failback client on a machine and pair it with a recovery instance.

    Args:
        backend: the store of the instance.
        item: the recovery instance.
        now: the present moment.
        original_server: whether it is the source server's own machine: its disks are compared, not copied, and its
            agent is gone while the client runs.
        error: of the enumeration FailbackReplicationError, when the initiation shall fail.
    """
    copying = Replication("INITIATING", 0.0, now, now, protected_since=now if original_server else None)
    client_id = identifier("fbc", item.instance_id, now.isoformat())
    item.failback = Failback(
        failback.IN_PROGRESS, now, client_id=client_id, original_server=original_server, replication=copying
    )
    course = replication.failing(error, failback.CLIENT_STEPS) if error else _course(item, now)
    replication.begin(backend, item.instance_id, copying, course, now)
    server = backend.servers.get(item.server_id)
    replicating = origin(server) if server else None
    if replicating and original_server:
        replication.lose_agent(replicating, now)


def _course(item: RecoveryInstance, now: datetime) -> tuple[Phase, ...]:
    initiating = Phase("INITIATING", SETTINGS.initiation_step_seconds * len(failback.CLIENT_STEPS))
    disks = item.machine.disks
    if item.failback.original_server:
        return initiating, Phase("RESCAN", replication.rescan_seconds(item.instance_id, disks, now)), CONTINUOUS
    throttling = failback.configuration(item)["bandwidthThrottling"]
    seconds = replication.copy_seconds(item.instance_id, disks, now, throttling)
    return initiating, Phase("INITIAL_SYNC", seconds), CONTINUOUS


def launch_offsets(item: RecoveryInstance) -> dict[str, float]:
    """Return when each step of a failback launch is due, in seconds from the creation of the job."""
    length = SETTINGS.failback_launch_seconds * (SETTINGS.windows_factor if item.machine.is_windows else 1.0)
    return {
        "failback_conversion_start": JOB_START + 1,
        "failback_conversion_end": JOB_START + length / 2,
        "failback_launch_start": JOB_START + length / 2 + 0.6,
        "failback_launch_end": JOB_START + length,
    }


def _conversion_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:  # noqa: ARG001
    log(job, when, "CONVERSION_START", part)


def _conversion_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    _fail_when_told(backend, part, when, "CONVERSION", "CONVERSION_FAIL")
    log(job, when, "CONVERSION_END", part)


def _launch_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    log(job, when, "LAUNCH_START", part)
    _fail_when_told(backend, part, when, "LAUNCH", "LAUNCH_FAILED")


def _launch_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    item = _instance(backend, part)
    item.failback.state = failback.COMPLETED
    events.failback_change(item.arn, failback.COMPLETED, when)
    if item.failback.replication:
        replication.enter(item.failback.replication, (Phase("STOPPED", replication.ENDLESS),), when)
    part.status = "LAUNCHED"
    log(job, when, "LAUNCH_END", part)
    server = backend.servers.get(part.server_id)
    replicating = origin(server) if server else None
    if replicating and replicating.replication.state == "STALLED" and item.failback.original_server:
        replication.rescan(backend, replicating, when)


def _fail_when_told(backend: DRSBackend, part: Participant, when: datetime, phase: str, event: str) -> None:
    fault = take_fault(backend, part, phase)
    if fault:
        item = _instance(backend, part)
        item.failback.state = failback.ERROR
        events.failback_change(item.arn, failback.ERROR, when)
        raise StepFailedError(event, fault.raw_error)


def _instance(backend: DRSBackend, part: Participant) -> RecoveryInstance:
    return backend.instances[part.recovery_instance_id or ""]


add_server_steps(
    failback_conversion_start=_conversion_start,
    failback_conversion_end=_conversion_end,
    failback_launch_start=_launch_start,
    failback_launch_end=_launch_end,
)
