"""How an execution of a recovery plan goes on: one step after the other, each at its moment of virtual time.

A step that recovers servers starts one job, as StartRecovery does, and ends with it. What waits for time is an entry of
the store's agenda with the id of the execution; an entry that has been overtaken by events does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ...iam.enforcement import ENFORCEMENT
from ..errors import DrsError
from ..models import PERFORMERS, DRSBackend, Due
from ..operations import jobs
from ..settings import SETTINGS
from .state import Execution, ExecutionServer, ExecutionStep, Failure, Plan

LONGEST = timedelta(hours=24)
"""How long an execution may take."""

_PLAN_GONE = "plan_gone"


def begin(backend: DRSBackend, execution: Execution, now: datetime) -> None:
    """Have an execution start with its first step a little later."""
    _limit(backend, execution, now)
    _go_on(backend, execution, now)


def resume(backend: DRSBackend, execution: Execution, now: datetime) -> None:
    """Take up an execution that stopped, at the step after the one that stopped it."""
    _reopen(backend, execution, now)
    _go_on(backend, execution, now)


def retry(backend: DRSBackend, execution: Execution, step: ExecutionStep, now: datetime) -> None:
    """Recover again the servers of a failed step that are not recovered."""
    _reopen(backend, execution, now)
    step.attempt += 1
    step.failure = None
    _refresh(backend, step)
    _recover(backend, execution, step, [server for server in step.servers if server.result != "LAUNCHED"], now)


def cancel(execution: Execution, now: datetime) -> None:
    """Cancel an execution: steps that have not started are skipped, the one at work ends first."""
    running = execution.running_step
    for step in execution.steps:
        if step.status == "NOT_STARTED":
            change(step, "SKIPPED", now)
    if running:
        execution.status = "CANCELLING"
    else:
        _end(execution, "CANCELLED", now)


def change(step: ExecutionStep, status: str, now: datetime) -> None:
    """Give a step another status."""
    step.status = status
    step.updated = now


def job_entries(execution: Execution, servers: list[ExecutionServer]) -> list[dict[str, Any]]:
    """Return the source servers of a request that recovers these, each from its pinned snapshot if it has one."""
    return [
        {"sourceServerID": server.server_id, "recoverySnapshotID": execution.pinned.get(server.server_id)}
        for server in servers
    ]


def delete_plan(backend: DRSBackend, plan: Plan, now: datetime) -> None:
    """Have a plan go a little later."""
    plan.deleting = True
    backend.schedule(now + timedelta(seconds=SETTINGS.plan_delete_seconds), plan.plan_id, _PLAN_GONE)


def _delete_now(backend: DRSBackend, due: Due) -> None:
    del backend.recovery_plans.plans[due.owner]


def _perform(backend: DRSBackend, due: Due) -> None:
    execution = backend.recovery_plans.executions.get(due.owner)
    if execution is not None and execution.active:
        _EXECUTION_STEPS[due.step](backend, execution, due.when)


# -- what happens at a moment ------------------------------------------------------------------------------------------


def _next(backend: DRSBackend, execution: Execution, when: datetime) -> None:
    if execution.status == "CANCELLING" or execution.running_step:
        return
    execution.status = "IN_PROGRESS"
    step = next((item for item in execution.steps if item.status == "NOT_STARTED"), None)
    if step is None:
        _end(execution, "COMPLETED", when)
    elif step.is_wait:
        change(step, "WAITING", when)
        backend.schedule(_wait_end(step), execution.execution_id, "plan_wait_end")
    else:
        _recover(backend, execution, step, step.servers, when)


def _end_wait(backend: DRSBackend, execution: Execution, when: datetime) -> None:
    step = execution.running_step
    if step and step.is_wait and _wait_end(step) <= when:
        change(step, "COMPLETED", when)
        _go_on(backend, execution, when)


def _look(backend: DRSBackend, execution: Execution, when: datetime) -> None:
    """See whether the step at work is decided by what its jobs have come to."""
    step = execution.running_step
    if step is None or step.is_wait:
        return
    ended = _refresh(backend, step)
    failed = [server.server_id for server in step.servers if server.result == "FAILED"]
    critical = [
        server.server_id for server in step.servers if server.result == "FAILED" and server.impact_level == "CRITICAL"
    ]
    if critical and (ended or SETTINGS.plan_step_fails == "at_first_failure"):
        _fail(execution, step, Failure("ServerRecoveryFailed", f"Servers failed: {', '.join(failed)}"), when)
    elif ended:
        change(step, "COMPLETED", when)
        _go_on(backend, execution, when)


def _expire(backend: DRSBackend, execution: Execution, when: datetime) -> None:  # noqa: ARG001
    if when < execution.expires:
        return
    failure = Failure("ExecutionTimedOut", f"The execution took more than {LONGEST // timedelta(hours=1)} hours")
    step = execution.running_step or next((item for item in execution.steps if item.status == "NOT_STARTED"), None)
    if step:
        step.failure = failure
        change(step, "TIMED_OUT", when)
    execution.failure = failure
    _end(execution, SETTINGS.plan_time_out_status, when)


_EXECUTION_STEPS: dict[str, Callable[[DRSBackend, Execution, datetime], None]] = {
    "plan_next": _next,
    "plan_wait_end": _end_wait,
    "plan_look": _look,
    "plan_expire": _expire,
}
PERFORMERS.update({_PLAN_GONE: _delete_now, **dict.fromkeys(_EXECUTION_STEPS, _perform)})


# -- what these share --------------------------------------------------------------------------------------------------


def _go_on(backend: DRSBackend, execution: Execution, when: datetime) -> None:
    if execution.status == "CANCELLING":
        _end(execution, "CANCELLED", when)
    else:
        later = when + timedelta(seconds=SETTINGS.plan_reaction_seconds)
        backend.schedule(later, execution.execution_id, "plan_next")


def _recover(
    backend: DRSBackend, execution: Execution, step: ExecutionStep, servers: list[ExecutionServer], when: datetime
) -> None:
    """Start the job of a step. What StartRecovery refuses fails the step, whatever the impact levels."""
    entries = job_entries(execution, servers)
    try:
        with ENFORCEMENT.acting_for(execution.caller):
            request = {"sourceServers": entries, "isDrill": execution.mode == "DRILL"}
            answer = jobs.start_recovery(backend, request, when)
    except DrsError as error:
        _fail(execution, step, Failure(error.name, error.message), when)
        return
    job_id = answer["job"]["jobID"]
    backend.jobs[job_id].execution_id = execution.execution_id
    for server in servers:
        server.job_id, server.result = job_id, None
    change(step, "EXECUTING", when)


def _refresh(backend: DRSBackend, step: ExecutionStep) -> bool:
    """Take over what the step's jobs have come to, and tell whether all of them have ended."""
    ended = True
    for server in step.servers:
        job = backend.jobs.get(server.job_id or "")
        if server.result is None and job is not None:
            part = job.participant(server.server_id)
            server.result = part.status if part.finished else None
        ended = ended and server.result is not None and (job is None or not job.active)
    return ended


def _fail(execution: Execution, step: ExecutionStep, failure: Failure, when: datetime) -> None:
    step.failure = failure
    change(step, "FAILED", when)
    if execution.status == "CANCELLING":
        _end(execution, "CANCELLED", when)
        return
    execution.failure = Failure(failure.code, f"Step {step.index} ({step.name}) failed: {failure.message}")
    _end(execution, "FAILED", when)


def _end(execution: Execution, status: str, when: datetime) -> None:
    execution.status = status
    execution.completed = when


def _limit(backend: DRSBackend, execution: Execution, now: datetime) -> None:
    execution.expires = now + LONGEST
    backend.schedule(execution.expires, execution.execution_id, "plan_expire", is_deadline=True)


def _reopen(backend: DRSBackend, execution: Execution, now: datetime) -> None:
    _limit(backend, execution, now)
    execution.status = "IN_PROGRESS"
    execution.completed = execution.failure = None


def _wait_end(step: ExecutionStep) -> datetime:
    return step.updated + timedelta(minutes=step.wait_minutes or 0)
