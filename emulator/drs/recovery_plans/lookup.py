"""ARNs of recovery plans, executions and their steps → the things themselves, or ResourceNotFoundException."""

from __future__ import annotations

from ..errors import ResourceNotFoundError
from ..models import DRSBackend
from .state import Execution, ExecutionStep, Plan, PlanStep

PLAN, EXECUTION = "recovery-plan", "recovery-plan-execution"


def step_arn(owner_arn: str, step_id: str) -> str:
    """Return the ARN of a step of a plan or of an execution (AWS's form of it is not public)."""
    return f"{owner_arn}/step/{step_id}"


def plan(backend: DRSBackend, arn: str) -> Plan:
    """Return a plan by its ARN."""
    found = backend.recovery_plans.plans.get(_identifier(arn))
    if found is None or found.arn != arn:
        raise _not_found("Recovery plan", arn, "AWS::DRS::RecoveryPlan")
    return found


def plan_step(backend: DRSBackend, arn: str) -> tuple[Plan, PlanStep]:
    """Return a step of a plan by its ARN, with the plan."""
    owner = backend.recovery_plans.plans.get(_identifier(arn))
    if owner is not None:
        for step in owner.steps:
            if step.arn == arn:
                return owner, step
    raise _not_found("Recovery plan step", arn, "AWS::DRS::RecoveryPlanStep")


def execution(backend: DRSBackend, arn: str) -> Execution:
    """Return an execution by its ARN."""
    found = backend.recovery_plans.executions.get(_identifier(arn))
    if found is None or found.arn != arn:
        raise _not_found("Recovery plan execution", arn, "AWS::DRS::RecoveryPlanExecution")
    return found


def execution_step(backend: DRSBackend, arn: str) -> tuple[Execution, ExecutionStep]:
    """Return a step of an execution by its ARN, with the execution."""
    owner = backend.recovery_plans.executions.get(_identifier(arn))
    if owner is not None:
        for step in owner.steps:
            if step.arn == arn:
                return owner, step
    raise _not_found("Recovery plan execution step", arn, "AWS::DRS::RecoveryPlanExecutionStep")


def _identifier(arn: str) -> str:
    """Return what follows the kind of the resource in an ARN: `rp-1` of `…:recovery-plan/rp-1/step/rps-2`."""
    return arn.rpartition(":")[2].partition("/")[2].partition("/")[0]


def _not_found(what: str, arn: str, kind: str) -> ResourceNotFoundError:
    return ResourceNotFoundError(f"{what} {arn} not found", resourceId=arn, resourceType=kind)
