"""The steps of an execution of a recovery plan: get, list, change or skip, retry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import ConflictError, ValidationError
from ..models import DRSBackend
from ..paging import answer, page
from ..recovery_plans import lookup, progress, render
from ..recovery_plans.contents import check_servers, read_servers
from ..recovery_plans.state import Execution, ExecutionServer, ExecutionStep
from ..settings import SETTINGS
from .recovery_plan_executions import refuse_second


def get_recovery_plan_execution_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer GetRecoveryPlanExecutionStep."""
    _, step = lookup.execution_step(backend, request["recoveryPlanExecutionStepArn"])
    return {"recoveryPlanExecutionStep": render.execution_step(step)}


def list_recovery_plan_execution_steps(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListRecoveryPlanExecutionSteps, in their order."""
    execution = lookup.execution(backend, request["recoveryPlanExecutionArn"])
    status = (request.get("filter") or {}).get("status")
    found = (step for step in execution.steps if status is None or step.status == status)
    chosen, token = page(found, lambda step: [step.index], request)
    return answer("recoveryPlanExecutionSteps", [render.execution_step_summary(step) for step in chosen], token)


def update_recovery_plan_execution_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer UpdateRecoveryPlanExecutionStep: skip the step, or change what it will do."""
    execution, step = lookup.execution_step(backend, request["recoveryPlanExecutionStepArn"])
    asked = [name for name in ("status", "servers", "waitDurationMinutes") if name in request]
    if len(asked) != 1:
        raise ValidationError("Exactly one of status, servers and waitDurationMinutes must be given")
    if execution.status not in ("CREATED", "IN_PROGRESS") and not execution.stopped:
        raise ConflictError(
            f"Recovery plan execution {execution.execution_id} is in status {execution.status}; "
            "its steps cannot be changed",
            resourceId=execution.execution_id,
        )
    if asked == ["status"]:
        _skip(backend, execution, step, request["status"], now)
    else:
        _change(backend, execution, step, request)
        step.updated = now
    return {"recoveryPlanExecutionStep": render.execution_step(step)}


def _skip(backend: DRSBackend, execution: Execution, step: ExecutionStep, status: str, now: datetime) -> None:
    if status != "SKIPPED":
        raise ValidationError(f"The status of a step can only be set to SKIPPED, not to {status}")
    stopping = ("FAILED", "TIMED_OUT") if SETTINGS.plan_skips_timed_out_steps else ("FAILED",)
    if step.status not in ("NOT_STARTED", *stopping):
        raise ConflictError(f"Step {step.index} is in status {step.status} and cannot be skipped", resourceId=step.arn)
    resumes = execution.stopped and step.status in stopping
    if resumes:
        refuse_second(backend, execution.plan_arn)
    progress.change(step, "SKIPPED", now)
    if resumes:
        progress.resume(backend, execution, now)


def _change(backend: DRSBackend, execution: Execution, step: ExecutionStep, request: dict[str, Any]) -> None:
    if step.is_wait != ("waitDurationMinutes" in request):
        raise ValidationError("servers are of SERVER type steps, waitDurationMinutes of WAIT type steps")
    if step.status != "NOT_STARTED":
        raise ConflictError(f"Step {step.index} is in status {step.status} and cannot be changed", resourceId=step.arn)
    if step.is_wait:
        step.wait_minutes = request["waitDurationMinutes"]
        return
    servers = read_servers(backend, request["servers"])
    kept = [server.server_id for other in execution.steps if other is not step for server in other.servers]
    check_servers([*kept, *(server.server_id for server in servers)])
    step.servers = [ExecutionServer(server.arn, server.impact_level) for server in servers]


def retry_recovery_plan_execution_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer RetryRecoveryPlanExecutionStep: only what failed of a FAILED step, in a FAILED execution."""
    execution, step = lookup.execution_step(backend, request["recoveryPlanExecutionStepArn"])
    if step.is_wait:
        raise ValidationError("Only SERVER type steps can be retried")
    if step.status != "FAILED":
        raise ConflictError(f"Step {step.index} is in status {step.status} and cannot be retried", resourceId=step.arn)
    if execution.status != "FAILED":
        raise ConflictError(
            f"Recovery plan execution {execution.execution_id} is in status {execution.status}; "
            "only steps of FAILED executions can be retried",
            resourceId=execution.execution_id,
        )
    refuse_second(backend, execution.plan_arn)
    progress.retry(backend, execution, step, now)
    return {"recoveryPlanExecutionStep": render.execution_step(step)}


OPERATIONS = {
    "GetRecoveryPlanExecutionStep": get_recovery_plan_execution_step,
    "ListRecoveryPlanExecutionSteps": list_recovery_plan_execution_steps,
    "UpdateRecoveryPlanExecutionStep": update_recovery_plan_execution_step,
    "RetryRecoveryPlanExecutionStep": retry_recovery_plan_execution_step,
}
