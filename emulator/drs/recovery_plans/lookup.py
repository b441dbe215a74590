"""ARNs of recovery plans, executions and their steps → the things themselves, or ResourceNotFoundException."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from ..errors import not_found
from ..models import DRSBackend
from .state import Execution, ExecutionStep, Plan, PlanStep

PLAN, EXECUTION = "recovery-plan", "recovery-plan-execution"


class _Named(Protocol):
    arn: str


Item = TypeVar("Item")
Named = TypeVar("Named", bound=_Named)


def step_arn(owner_arn: str, step_id: str) -> str:
    """Return the ARN of a step of a plan or of an execution (AWS's form of it is not public)."""
    return f"{owner_arn}/step/{step_id}"


def plan(backend: DRSBackend, arn: str) -> Plan:
    """Return a plan by its ARN."""
    return _at([_owner(backend.recovery_plans.plans, arn, "Recovery Plan")], arn, "Recovery Plan")


def plan_step(backend: DRSBackend, arn: str) -> tuple[Plan, PlanStep]:
    """Return a step of a plan by its ARN, with the plan."""
    owner = _owner(backend.recovery_plans.plans, arn, "Recovery Plan Step")
    return owner, _at(owner.steps, arn, "Recovery Plan Step")


def execution(backend: DRSBackend, arn: str) -> Execution:
    """Return an execution by its ARN."""
    return _at(
        [_owner(backend.recovery_plans.executions, arn, "Recovery Plan Execution")], arn, "Recovery Plan Execution"
    )


def execution_step(backend: DRSBackend, arn: str) -> tuple[Execution, ExecutionStep]:
    """Return a step of an execution by its ARN, with the execution."""
    owner = _owner(backend.recovery_plans.executions, arn, "Recovery Plan Execution Step")
    return owner, _at(owner.steps, arn, "Recovery Plan Execution Step")


def _owner(items: Mapping[str, Item], arn: str, what: str) -> Item:
    """Return the plan or execution in an ARN: `rp-1` of `…:recovery-plan/rp-1/step/rps-2`."""
    found = items.get(arn.rpartition(":")[2].partition("/")[2].partition("/")[0])
    if found is None:
        raise not_found(what, arn)
    return found


def _at(items: Iterable[Named], arn: str, what: str) -> Named:
    for item in items:
        if item.arn == arn:
            return item
    raise not_found(what, arn)
