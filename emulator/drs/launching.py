"""Launching recovery instances: the steps of a server's launch, in drills and recoveries, and in conversion jobs."""

from __future__ import annotations

from datetime import datetime

from . import compute, events, existing_instances, failback, launch_actions
from .job_flow import CONVERT, StepFailedError, add_server_steps, log, record_result, take_fault
from .models import DRSBackend, drs_backends
from .settings import SETTINGS
from .shared_keys import key_problem
from .snapshots import latest_point, snapshots
from .staging import origin
from .state import HALTED_STATES, Job, Participant, RecoveryInstance, SourceServer
from .terminating import forget_instance, remove_instance


def older_instance(backend: DRSBackend, server: SourceServer) -> str | None:
    """Return the instance that the next launch of a server replaces, even when its record was deleted.

    None when the server is launched into that very instance again.
    """
    instance_id = server.launched_instance_id
    if instance_id is not None and instance_id == existing_instances.target_of(server):
        return None
    if instance_id is None or compute.state(backend, instance_id) in ("TERMINATED", "NOT_FOUND"):
        return server.recovery_instance_id
    return instance_id


def _cleanup_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:  # noqa: ARG001
    log(job, when, "CLEANUP_START", part)


def _cleanup_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    fault = take_fault(backend, part, "CLEANUP")
    if fault:
        raise StepFailedError("CLEANUP_FAIL", fault.raw_error)
    server = backend.servers[part.server_id]
    older = older_instance(backend, server)
    if older and server.launched_into_existing:
        forget_instance(backend, older)  # DRS did not make it, so it stays
    elif older:
        try:
            remove_instance(backend, older)
        except compute.Ec2RefusalError as error:
            event = "CLEANUP_FAIL" if SETTINGS.relaunch_of_protected == "fails" else "SERVER_SKIPPED"
            raise StepFailedError(event, str(error)) from error
    log(job, when, "CLEANUP_END", part)


def _snapshot_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    log(job, when, "SNAPSHOT_START", part)
    if _replicating(backend, part).replication.state in HALTED_STATES:
        for name in part.offsets:
            part.offsets[name] += SETTINGS.previous_snapshot_after


def _snapshot_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    fault = take_fault(backend, part, "SNAPSHOT")
    if fault:
        raise StepFailedError("SNAPSHOT_FAIL", fault.raw_error)
    server = _replicating(backend, part)
    if server.replication.state not in HALTED_STATES:
        part.point_in_time = latest_point(server, when)
        log(job, when, "SNAPSHOT_END", part)
        events.snapshot_taken(backend, part.server_id, when)
        return
    previous = snapshots(server, part.server_id, when)
    if not previous:
        raise StepFailedError("USING_PREVIOUS_SNAPSHOT_FAILED")
    part.point_in_time = previous[-1].moment
    log(job, when, "USING_PREVIOUS_SNAPSHOT", part)


def _conversion_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    if job.recovers:
        _require_network(backend, part)
    log(job, when, "CONVERSION_START", part)
    if part.server_id in job.staging:
        return  # the job in the staging account converts
    try:
        part.conversion_server_id = compute.launch_conversion_server(backend, backend.servers[part.server_id], job)
    except compute.Ec2RefusalError as error:
        raise StepFailedError("CONVERSION_FAIL", str(error)) from error


def _conversion_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    if part.server_id in job.staging:
        prepared = _prepared(job, part)
        part.conversion_server_id = prepared.conversion_server_id
        if prepared.status == "FAILED":
            raise StepFailedError("CONVERSION_FAIL", "The snapshot could not be converted in the staging account")
        problem = key_problem(_replicating(backend, part), backend.account_id)
        if problem:
            raise StepFailedError("CONVERSION_FAIL", problem)
    elif part.conversion_server_id:
        try:
            compute.terminate(backend, part.conversion_server_id)
        except compute.Ec2RefusalError as error:
            raise StepFailedError("CONVERSION_FAIL", str(error)) from error
    fault = take_fault(backend, part, "CONVERSION")
    if fault:
        raise StepFailedError("CONVERSION_FAIL", fault.raw_error)
    log(job, when, "CONVERSION_END", part, conversionServerID=part.conversion_server_id)
    if job.kind == CONVERT:
        part.status = "LAUNCHED"


def _launch_start(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    _require_network(backend, part)
    log(job, when, "LAUNCH_START", part)
    fault = take_fault(backend, part, "LAUNCH")
    if fault:
        raise StepFailedError("LAUNCH_FAILED", fault.raw_error)
    try:
        part.target_instance_id = _launch(backend, job, part)
    except compute.Ec2RefusalError as error:
        raise StepFailedError("LAUNCH_FAILED", str(error)) from error


def _launch(backend: DRSBackend, job: Job, part: Participant) -> str:
    server = backend.servers[part.server_id]
    replicating = _replicating(backend, part)
    if not part.launch_into:
        return compute.launch_recovery_instance(backend, server, replicating, job)
    problem = existing_instances.launch_problem(
        backend, server.launch_configuration, replicating.machine, part.launch_into
    )
    if problem:
        raise StepFailedError("LAUNCH_FAILED", problem)
    compute.swap_volumes(backend, server, replicating, job, part.launch_into)
    return part.launch_into


def _require_network(backend: DRSBackend, part: Participant) -> None:
    if not part.launch_into and not compute.has_network(backend, backend.servers[part.server_id]):
        raise StepFailedError(None)  # a launch without any subnet ends without an event and without a reason


def _launch_end(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    server = backend.servers[part.server_id]
    instance_id = part.target_instance_id or ""
    if server.launch_configuration["launchDisposition"] == "STARTED":
        try:
            compute.start(backend, instance_id)
        except compute.Ec2RefusalError as error:
            raise StepFailedError("LAUNCH_FAILED", str(error)) from error
    backend.instances[instance_id] = RecoveryInstance(
        instance_id,
        backend.arn("recovery-instance", instance_id),
        server.server_id,
        job.job_id,
        job.is_drill,
        server.machine,
        part.point_in_time or when,
        when,
    )
    part.recovery_instance_id = server.recovery_instance_id = server.launched_instance_id = instance_id
    server.launched_into_existing = part.launch_into is not None
    part.status = "LAUNCHED"
    record_result(server, "LAUNCHED")
    failback.record_launch(server, job.job_id, when, is_drill=job.is_drill)
    log(job, when, "LAUNCH_END", part, targetInstanceID=instance_id)
    events.launch_result(backend, job, part, when)


def _launch_action(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    fault = take_fault(backend, part, "LAUNCH_ACTION") if part.action_runs else None
    if not launch_actions.go_on(part, job.job_id, fault, when):
        part.status = "FAILED"
        record_result(backend.servers[part.server_id], "FAILED")


def _replicating(backend: DRSBackend, part: Participant) -> SourceServer:
    """Return the server whose data count: of an extended one that in the staging account, while it can be reached."""
    server = backend.servers[part.server_id]
    return origin(server) or server


def _prepared(job: Job, part: Participant) -> Participant:
    """Return the part of a staging account's job that prepares this server's snapshot, as of now."""
    account, job_id, server_id = job.staging[part.server_id]
    staging = drs_backends[account][job.arn.split(":")[3]]
    staging.catch_up()
    return staging.jobs[job_id].participant(server_id)


add_server_steps(
    cleanup_start=_cleanup_start,
    cleanup_end=_cleanup_end,
    snapshot_start=_snapshot_start,
    snapshot_end=_snapshot_end,
    conversion_start=_conversion_start,
    conversion_end=_conversion_end,
    launch_start=_launch_start,
    launch_end=_launch_end,
    **{launch_actions.STEP: _launch_action},
)
