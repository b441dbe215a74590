"""How jobs go on: each step happens at its moment of virtual time, changes EC2 and the store, and writes the job log.

A server's steps follow one another; a step that fails ends the server's part with launch status FAILED. The job itself
always ends COMPLETED, as on AWS. What the steps do is in the modules that add them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ..iam.enforcement import ENFORCEMENT
from . import compute, events, faults
from .identifiers import identifier
from .models import PERFORMERS, DRSBackend, Due
from .moments import date_string
from .settings import SETTINGS
from .state import Job, LaunchFault, Participant, SourceServer
from .timeline import ENDED_BEFORE_JOB_END, JOB_END_AFTER, JOB_START

LOG = logging.getLogger(__name__)

LAUNCH, TERMINATE, CONVERT = "LAUNCH", "TERMINATE", "CREATE_CONVERTED_SNAPSHOT"

ServerStep = Callable[[DRSBackend, Job, Participant, datetime], None]
_SERVER_STEPS: dict[str, ServerStep] = {}


class StepFailedError(Exception):
    """A server's part of a job ends here. `event` is the job log's, None when DRS logs nothing."""

    def __init__(self, event: str | None, raw_error: str | None = None):
        super().__init__(raw_error)
        self.event = event
        self.raw_error = raw_error


def add_server_steps(**steps: ServerStep) -> None:
    """Have these functions do the steps of their names; `#` and a number may follow the name in a part's offsets."""
    _SERVER_STEPS.update(steps)
    PERFORMERS.update(dict.fromkeys(steps, _perform_server_step))


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


def log(job: Job, when: datetime, event: str, part: Participant | None = None, **data: Any) -> None:
    """Write an event into the job log."""
    event_data = {"sourceServerID": part.server_id} if part else {}
    event_data.update({key: value for key, value in data.items() if value is not None})
    job.log.append({"logDateTime": date_string(when), "event": event, "eventData": event_data})


def take_fault(backend: DRSBackend, part: Participant, phase: str) -> LaunchFault | None:
    """Return the fault that shall happen to a server in this phase of a launch, and use it up."""
    for fault in backend.servers[part.server_id].faults:
        if fault.phase == phase and fault.times > 0:
            fault.times -= 1
            return fault
    return faults.launch_fault(backend, backend.servers[part.server_id], phase)


def record_result(server: SourceServer, status: str) -> None:
    """Note on a source server how its latest launch has ended: LAUNCHED or FAILED."""
    server.last_launch_result = "SUCCEEDED" if status == "LAUNCHED" else "FAILED"
    server.last_launch = {**server.last_launch, "status": status}


def _perform_server_step(backend: DRSBackend, due: Due) -> None:
    job = backend.jobs[due.owner]
    part = job.participant(due.server_id)
    try:
        with ENFORCEMENT.acting_for(job.caller):
            _SERVER_STEPS[due.step.partition("#")[0]](backend, job, part, due.when)
    except StepFailedError as failure:
        with ENFORCEMENT.acting_for(None):  # whoever asks at this moment has nothing to do with it
            _fail(backend, job, part, due.when, failure)
    else:
        _schedule_after(backend, job, part, due)


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
            _terminate(backend, part.conversion_server_id)
        if part.target_instance_id and not part.launch_into:
            _terminate(backend, part.target_instance_id)
        record_result(backend.servers[part.server_id], "FAILED")
        events.launch_result(backend, job, part, when)
    _tell_execution(backend, job, when)
    _finish(backend, job, part, when)


def _terminate(backend: DRSBackend, instance_id: str) -> None:
    """Terminate what a failed launch has made; EC2 keeps an instance with termination protection."""
    try:
        compute.terminate(backend, instance_id)
    except compute.Ec2RefusalError as error:
        LOG.warning("instance %s of a failed launch stays: %s", instance_id, error)


def _tell_execution(backend: DRSBackend, job: Job, when: datetime) -> None:
    """Have the execution of a recovery plan that started this job, if any, look at it."""
    if job.execution_id:
        backend.schedule(when, job.execution_id, "plan_look")


def _start_job(backend: DRSBackend, due: Due) -> None:
    job = backend.jobs[due.owner]
    job.status = "STARTED"
    log(job, due.when, "JOB_START")
    for part in job.participants:
        part.status = "IN_PROGRESS"
        if job.recovers:
            server = backend.servers[part.server_id]
            server.last_launch = {**server.last_launch, "status": part.status}


def _end_job(backend: DRSBackend, due: Due) -> None:
    job = backend.jobs[due.owner]
    job.status = "COMPLETED"
    job.ended = due.when - timedelta(seconds=ENDED_BEFORE_JOB_END)
    log(job, due.when, "JOB_END")
    _tell_execution(backend, job, due.when)
    if job.kind == TERMINATE and not SETTINGS.terminate_job_keeps_participants:
        job.participants = []


PERFORMERS.update(job_start=_start_job, job_end=_end_job)
