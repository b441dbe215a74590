"""Executions of recovery plans: start, get, list, cancel, delete."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from ...iam.enforcement import ENFORCEMENT
from ..errors import ConflictError, ValidationError
from ..identifiers import identifier
from ..models import DRSBackend
from ..paging import answer, page
from ..recovery_plans import lookup, progress, render, tokens
from ..recovery_plans.state import Execution, ExecutionServer, ExecutionStep, Plan
from ..settings import SETTINGS
from .jobs import checked_servers
from .tags import check_tags


def start_recovery_plan_execution(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer StartRecoveryPlanExecution: it works on a copy of the plan's steps."""
    made = tokens.made_before(backend, "StartRecoveryPlanExecution", request)
    if made:
        return {"recoveryPlanExecution": render.execution(lookup.execution(backend, made))}
    check_tags(request.get("tags") or {})
    plan = lookup.plan(backend, request["recoveryPlanArn"])
    _check_executable(backend, plan)
    pinned = _pinned(plan, request.get("sourceServers") or [])
    execution = _execution(backend, plan, request, pinned, now)
    if SETTINGS.plan_validates_at_start:
        servers = [server for step in execution.steps for server in step.servers]
        checked_servers(backend, progress.job_entries(execution, servers), now)
    backend.recovery_plans.executions[execution.execution_id] = execution
    progress.begin(backend, execution, now)
    tokens.remember(backend, "StartRecoveryPlanExecution", request, execution.arn)
    return {"recoveryPlanExecution": render.execution(execution)}


def _check_executable(backend: DRSBackend, plan: Plan) -> None:
    if plan.deleting:
        raise ConflictError(
            f"Cannot start execution: recovery plan {plan.plan_id} is being deleted.", resourceId=plan.plan_id
        )
    if not plan.steps:
        raise ValidationError(
            f"Recovery plan {plan.plan_id} has no steps. "
            "Add at least one step to the plan before starting an execution."
        )
    if plan.status != "ACTIVE":
        raise ConflictError(
            f"Recovery plan {plan.plan_id} is in status {plan.status} and cannot be executed. "
            "Only ACTIVE plans can be executed.",
            resourceId=plan.plan_id,
        )
    refuse_second(backend, plan.arn)


def refuse_second(backend: DRSBackend, plan_arn: str) -> None:
    """Raise ConflictError when a plan has an active execution."""
    if backend.recovery_plans.active_execution(plan_arn):
        plan_id = plan_arn.rsplit("/", 1)[1]
        raise ConflictError(f"Another execution is already active for plan {plan_id}", resourceId=plan_id)


def _pinned(plan: Plan, entries: list[dict[str, str]]) -> dict[str, str]:
    """Return the recovery snapshots of a request: of no server, or of every server of the plan."""
    named = [entry["sourceServerID"] for entry in entries]
    repeated = [server_id for server_id, times in Counter(named).items() if times > 1]
    if repeated:
        raise ValidationError(f"Source Server {repeated[0]} is listed more than once")
    members = [server.server_id for step in plan.steps for server in step.contents.servers]
    _refuse("Source server IDs not found in plan", [server_id for server_id in named if server_id not in members])
    if entries:
        _refuse("Missing recoverySnapshotID for servers", [item for item in members if item not in named])
    return {entry["sourceServerID"]: entry["recoverySnapshotID"] for entry in entries}


def _refuse(message: str, server_ids: list[str]) -> None:
    if server_ids:
        fields = [{"name": "sourceServers", "message": server_id} for server_id in server_ids]
        raise ValidationError(message, "fieldValidationFailed", fields)


def _execution(
    backend: DRSBackend, plan: Plan, request: dict[str, Any], pinned: dict[str, str], now: datetime
) -> Execution:
    number = backend.recovery_plans.next_number()
    execution_id = identifier("rpe", backend.account_id, backend.region_name, number)
    arn = backend.arn(lookup.EXECUTION, execution_id)
    steps = [
        ExecutionStep(
            lookup.step_arn(arn, identifier("rpes", execution_id, index)),
            index,
            step.name,
            [ExecutionServer(server.arn, server.impact_level) for server in step.contents.servers],
            step.contents.wait_minutes,
            now,
            now,
        )
        for index, step in enumerate(plan.steps, start=1)
    ]
    tags = dict(request.get("tags") or {})
    caller = ENFORCEMENT.principal
    return Execution(execution_id, arn, number, plan.arn, request["mode"], now, pinned, tags, steps, now, caller)


def get_recovery_plan_execution(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer GetRecoveryPlanExecution."""
    execution = lookup.execution(backend, request["recoveryPlanExecutionArn"])
    return {"recoveryPlanExecution": render.execution(execution)}


def list_recovery_plan_executions(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListRecoveryPlanExecutions, newest first; a plan that does not exist has none."""
    plan_arn, status = request.get("recoveryPlanArn"), request.get("status")
    found = (
        item
        for item in backend.recovery_plans.executions.values()
        if (plan_arn is None or item.plan_arn == plan_arn) and (status is None or item.status == status)
    )
    chosen, token = page(found, lambda item: [-item.number], request)
    return answer("recoveryPlanExecutions", [render.execution_summary(item) for item in chosen], token)


def cancel_recovery_plan_execution(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer CancelRecoveryPlanExecution."""
    execution = lookup.execution(backend, request["recoveryPlanExecutionArn"])
    if execution.status not in ("CREATED", "IN_PROGRESS"):
        raise ConflictError(
            f"Recovery plan execution {execution.execution_id} is in status {execution.status} and cannot be cancelled",
            resourceId=execution.execution_id,
        )
    progress.cancel(execution, now)
    return {"recoveryPlanExecution": render.execution(execution)}


def delete_recovery_plan_execution(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteRecoveryPlanExecution: the record goes; jobs and recovery instances stay."""
    execution = lookup.execution(backend, request["recoveryPlanExecutionArn"])
    if execution.active:
        raise ConflictError(
            f"Recovery plan execution {execution.execution_id} is in status {execution.status} and cannot be deleted",
            resourceId=execution.execution_id,
        )
    del backend.recovery_plans.executions[execution.execution_id]
    tokens.forget(backend, execution.arn)
    return {"recoveryPlanExecutionArn": execution.arn}


OPERATIONS = {
    "StartRecoveryPlanExecution": start_recovery_plan_execution,
    "GetRecoveryPlanExecution": get_recovery_plan_execution,
    "ListRecoveryPlanExecutions": list_recovery_plan_executions,
    "CancelRecoveryPlanExecution": cancel_recovery_plan_execution,
    "DeleteRecoveryPlanExecution": delete_recovery_plan_execution,
}
