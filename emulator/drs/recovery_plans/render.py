"""Recovery plans and executions as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .state import Contents, Execution, ExecutionStep, Failure, Plan, PlanStep


def _date(moment: datetime) -> str:
    """Write a date as the documentation of recovery plans shows it: `2026-08-18T09:00:12Z`, unlike the older API."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plan_summary(item: Plan) -> dict[str, Any]:
    """Return a plan as a list shows it."""
    return {
        "recoveryPlanArn": item.arn,
        "name": item.name,
        "status": item.status,
        "createdAt": _date(item.created),
        "updatedAt": _date(item.updated),
    }


def plan(item: Plan) -> dict[str, Any]:
    """Return a plan."""
    shown = {**plan_summary(item), "tags": dict(item.tags)}
    return shown if item.description is None else {**shown, "description": item.description}


def plan_step(item: PlanStep, owner: Plan) -> dict[str, Any]:
    """Return a step of a plan."""
    return {
        "recoveryPlanStepArn": item.arn,
        "stepOrder": owner.steps.index(item) + 1,
        "stepName": item.name,
        "configuration": _configuration(item.contents),
        "createdAt": _date(item.created),
        "updatedAt": _date(item.updated),
    }


def _configuration(contents: Contents) -> dict[str, Any]:
    if contents.is_wait:
        return {"waitStepConfiguration": {"waitDurationMinutes": contents.wait_minutes}}
    servers = [{"serverArn": server.arn, "impactLevel": server.impact_level} for server in contents.servers]
    return {"serverStepConfiguration": {"servers": servers}}


def execution_summary(item: Execution) -> dict[str, Any]:
    """Return an execution as a list shows it."""
    return {
        "recoveryPlanExecutionArn": item.arn,
        "recoveryPlanArn": item.plan_arn,
        "mode": item.mode,
        "status": item.status,
        "startedAt": _date(item.started),
        **_error_detail(item.failure),
    }


def execution(item: Execution) -> dict[str, Any]:
    """Return an execution."""
    shown = {**execution_summary(item), "tags": dict(item.tags)}
    return shown if item.completed is None else {**shown, "completedAt": _date(item.completed)}


def execution_step_summary(item: ExecutionStep) -> dict[str, Any]:
    """Return a step of an execution as a list shows it."""
    return {
        "recoveryPlanExecutionStepArn": item.arn,
        "stepName": item.name,
        "stepIndex": item.index,
        "status": item.status,
        "configuration": _execution_configuration(item),
        **_error_detail(item.failure),
    }


def execution_step(item: ExecutionStep) -> dict[str, Any]:
    """Return a step of an execution."""
    return {
        **execution_step_summary(item),
        "attempt": item.attempt,
        "createdAt": _date(item.created),
        "updatedAt": _date(item.updated),
    }


def _execution_configuration(item: ExecutionStep) -> dict[str, Any]:
    if item.is_wait:
        return {"waitStepConfiguration": {"waitDurationMinutes": item.wait_minutes}}
    servers = [
        {
            "serverArn": server.arn,
            "impactLevel": server.impact_level,
            **({"jobID": server.job_id} if server.job_id else {}),
        }
        for server in item.servers
    ]
    return {"executionServerStepConfiguration": {"servers": servers}}


def _error_detail(failure: Failure | None) -> dict[str, Any]:
    return {} if failure is None else {"errorDetail": {"message": failure.message, "code": failure.code}}
