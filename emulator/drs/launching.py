"""How jobs go on: each step happens at its moment of virtual time, changes EC2 and the store, and writes the job log.

A server's steps follow one another; a step that fails ends the server's part with launch status FAILED. The job itself
always ends COMPLETED, as on AWS.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ..iam.enforcement import ENFORCEMENT
from . import compute, events, existing_instances, failback, faults, launch_actions
from .identifiers import identifier
from .models import DRSBackend, Due, drs_backends
from .moments import date_string
from .settings import SETTINGS
from .snapshots import latest_point, snapshots
from .staging import origin
from .state import HALTED_STATES, Job, LaunchFault, Participant, RecoveryInstance, SourceServer
from .timeline import ENDED_BEFORE_JOB_END, JOB_END_AFTER, JOB_START

LAUNCH, TERMINATE, CONVERT = "LAUNCH", "TERMINATE", "CREATE_CONVERTED_SNAPSHOT"


class StepFailedError(Exception):
    """A server's part of a job ends here. `event` is the job log's, None when DRS logs nothing."""

    def __init__(self, event: str | None, raw_error: str | None = None):
        super().__init__(raw_error)
        self.event = event
        self.raw_error = raw_error


def new_job(
    backend: DRSBackend,
    kind: str,
    initiated_by: str,
    now: datetime,
    participants: list[Participant],
    tags: dict[str, str] | None = None,
    *,
    is_drill: bool = False,
) -> Job:
    """Create a job in its store; nothing of it is scheduled yet.

    Its id depends on its servers and on how many such jobs there were, not on what other servers' jobs came before.
    """
    backend.jobs_made += 1
    members = (kind, *sorted(part.server_id for part in participants))
    backend.jobs_with[members] += 1
    job_id = identifier("drsjob", backend.account_id, backend.region_name, *members, backend.jobs_with[members])
    job = Job(
        job_id,
        backend.arn("job", job_id),
        backend.jobs_made,
        kind,
        initiated_by,
        now,
        participants,
        dict(tags or {}),
        is_drill,
        caller=None if kind == CONVERT else ENFORCEMENT.principal,
    )
    backend.jobs[job_id] = job
    return job


def schedule_job(backend: DRSBackend, job: Job) -> None:
    """Schedule a job: its start, and the first step of each server."""
    backend.schedule(job.created + timedelta(seconds=JOB_START), job.job_id, "job_start")
    for part in job.participants:
        _schedule_after(backend, job, part, None)


def perform(backend: DRSBackend, due: Due) -> None:
    """Do one step of a job."""
    job = backend.jobs[due.owner]
    if not due.server_id:
        _JOB_STEPS[due.step](backend, job, due.when)
        return
    part = job.participant(due.server_id)
    try:
        with ENFORCEMENT.acting_for(job.caller):
            SERVER_STEPS[due.step.partition("#")[0]](backend, job, part, due.when)
    except StepFailedError as failure:
        _fail(backend, job, part, due.when, failure)
    else:
        _schedule_after(backend, job, part, due)


def remove_instance(backend: DRSBackend, instance_id: str) -> None:
    """Terminate a recovery instance in EC2 and forget it.

    Raises:
        compute.Ec2RefusalError: EC2 keeps it (termination protection).
    """
    compute.terminate(backend, instance_id)
    forget_instance(backend, instance_id)


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


def forget_instance(backend: DRSBackend, instance_id: str) -> None:
    """Drop the record of a recovery instance, whatever EC2 has."""
    record = backend.instances.pop(instance_id, None)
    server = backend.servers.get(record.server_id) if record else None
    if server and server.recovery_instance_id == instance_id:
        server.recovery_instance_id = None


# -- the flow ----------------------------------------------------------------------------------------------------------


def _schedule_after(backend: DRSBackend, job: Job, part: Participant, done: Due | None) -> None:
    names = list(part.offsets)
    position = names.index(done.step) + 1 if done else 0
    if position < len(names):
        name = names[position]
        backend.schedule(job.created + timedelta(seconds=part.offsets[name]), job.job_id, name, part.server_id)
    elif done:
        _finish(backend, job, part, done.when)


def _finish(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    part.finished = True
    if all(item.finished for item in job.participants):
        backend.schedule(when + timedelta(seconds=JOB_END_AFTER), job.job_id, "job_end")


def _fail(backend: DRSBackend, job: Job, part: Participant, when: datetime, failure: StepFailedError) -> None:
    if failure.event:
        log(job, when, failure.event, part, rawError=failure.raw_error)
    part.status = "FAILED"
    if job.recovers:
        if part.conversion_server_id and part.server_id not in job.staging:
            compute.terminate(backend, part.conversion_server_id)
        if part.target_instance_id and not part.launch_into:
            compute.terminate(backend, part.target_instance_id)
        _record_result(backend.servers[part.server_id], "FAILED")
        events.launch_result(backend, job, part, when)
    _tell_execution(backend, job, when)
    _finish(backend, job, part, when)


def _tell_execution(backend: DRSBackend, job: Job, when: datetime) -> None:
    """Have the execution of a recovery plan that started this job, if any, look at it."""
    if job.execution_id:
        backend.schedule(when, job.execution_id, "plan_look")


def log(job: Job, when: datetime, event: str, part: Participant | None = None, **data: Any) -> None:
    """Write an event into the job log."""
    event_data = {"sourceServerID": part.server_id} if part else {}
    event_data.update({key: value for key, value in data.items() if value is not None})
    job.log.append({"logDateTime": date_string(when), "event": event, "eventData": event_data})


def _job_start(backend: DRSBackend, job: Job, when: datetime) -> None:
    job.status = "STARTED"
    log(job, when, "JOB_START")
    for part in job.participants:
        part.status = "IN_PROGRESS"
        if job.recovers:
            server = backend.servers[part.server_id]
            server.last_launch = {**server.last_launch, "status": part.status}


def _job_end(backend: DRSBackend, job: Job, when: datetime) -> None:
    job.status = "COMPLETED"
    job.ended = when - timedelta(seconds=ENDED_BEFORE_JOB_END)
    log(job, when, "JOB_END")
    _tell_execution(backend, job, when)
    if job.kind == TERMINATE and not SETTINGS.terminate_job_keeps_participants:
        job.participants = []


# -- the steps of a server ---------------------------------------------------------------------------------------------


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
    elif part.conversion_server_id:
        compute.terminate(backend, part.conversion_server_id)
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
    problem = existing_instances.problem(
        backend, server.launch_configuration, replicating.machine, part.launch_into
    ) or existing_instances.state_problem(backend, part.launch_into)
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
    _record_result(server, "LAUNCHED")
    failback.record_launch(server, job.job_id, when, is_drill=job.is_drill)
    log(job, when, "LAUNCH_END", part, targetInstanceID=instance_id)
    events.launch_result(backend, job, part, when)


def _launch_action(backend: DRSBackend, job: Job, part: Participant, when: datetime) -> None:
    fault = take_fault(backend, part, "LAUNCH_ACTION") if part.action_runs else None
    if not launch_actions.go_on(part, job.job_id, fault, when):
        part.status = "FAILED"
        _record_result(backend.servers[part.server_id], "FAILED")


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


_JOB_STEPS: dict[str, Callable[[DRSBackend, Job, datetime], None]] = {"job_start": _job_start, "job_end": _job_end}
SERVER_STEPS: dict[str, Callable[[DRSBackend, Job, Participant, datetime], None]] = {
    "cleanup_start": _cleanup_start,
    "cleanup_end": _cleanup_end,
    "snapshot_start": _snapshot_start,
    "snapshot_end": _snapshot_end,
    "conversion_start": _conversion_start,
    "conversion_end": _conversion_end,
    "launch_start": _launch_start,
    "launch_end": _launch_end,
    launch_actions.STEP: _launch_action,
    "terminate_start": _terminate_start,
    "terminate_end": _terminate_end,
}


# -- what the steps share ----------------------------------------------------------------------------------------------


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


def take_fault(backend: DRSBackend, part: Participant, phase: str) -> LaunchFault | None:
    """Return the fault that shall happen to a server in this phase of a launch, and use it up."""
    for fault in backend.servers[part.server_id].faults:
        if fault.phase == phase and fault.times > 0:
            fault.times -= 1
            return fault
    return faults.launch_fault(backend, backend.servers[part.server_id], phase)


def _record_result(server: SourceServer, status: str) -> None:
    server.last_launch_result = "SUCCEEDED" if status == "LAUNCHED" else "FAILED"
    server.last_launch = {**server.last_launch, "status": status}
