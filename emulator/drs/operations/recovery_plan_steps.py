"""The steps of a recovery plan: create, get, list, update, delete, reorder."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import ValidationError
from ..identifiers import identifier
from ..models import DRSBackend
from ..paging import answer, page
from ..recovery_plans import lookup, render, tokens
from ..recovery_plans.contents import MOST_STEPS, check_servers, exceeded, read_contents
from ..recovery_plans.state import Contents, Plan, PlanStep
from .recovery_plans import refuse_locked


def create_recovery_plan_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer CreateRecoveryPlanStep: at `stepOrder`, where later steps move up by one, else at the end."""
    made = tokens.made_before(backend, "CreateRecoveryPlanStep", request)
    if made:
        plan, step = lookup.plan_step(backend, made)
        return {"recoveryPlanStep": render.plan_step(step, plan)}
    plan = lookup.plan(backend, request["recoveryPlanArn"])
    refuse_locked(backend, plan)
    if len(plan.steps) >= MOST_STEPS:
        raise exceeded(f"A recovery plan can have at most {MOST_STEPS} steps")
    end = len(plan.steps) + 1
    order = request.get("stepOrder", end)
    if order > end:
        raise ValidationError(f"Step order {order} leaves a gap: the next free one is {end}")
    contents = read_contents(backend, request["configuration"])
    _check_plan_servers(plan, contents)
    step_id = identifier("rps", backend.account_id, backend.region_name, backend.recovery_plans.next_number())
    step = PlanStep(lookup.step_arn(plan.arn, step_id), request["stepName"], contents, now, now)
    plan.steps.insert(order - 1, step)
    plan.updated = now
    tokens.remember(backend, "CreateRecoveryPlanStep", request, step.arn)
    return {"recoveryPlanStep": render.plan_step(step, plan)}


def _check_plan_servers(plan: Plan, contents: Contents, instead_of: PlanStep | None = None) -> None:
    kept = [server.server_id for step in plan.steps if step is not instead_of for server in step.contents.servers]
    check_servers([*kept, *(server.server_id for server in contents.servers)])


def get_recovery_plan_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer GetRecoveryPlanStep."""
    plan, step = lookup.plan_step(backend, request["recoveryPlanStepArn"])
    return {"recoveryPlanStep": render.plan_step(step, plan)}


def list_recovery_plan_steps(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListRecoveryPlanSteps, in their order."""
    plan = lookup.plan(backend, request["recoveryPlanArn"])
    chosen, token = page(enumerate(plan.steps), lambda numbered: [numbered[0]], request)
    return answer("recoveryPlanSteps", [render.plan_step(step, plan) for _, step in chosen], token)


def update_recovery_plan_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer UpdateRecoveryPlanStep: what is absent stays, and a step keeps its type."""
    plan, step = lookup.plan_step(backend, request["recoveryPlanStepArn"])
    refuse_locked(backend, plan)
    contents = step.contents
    if "configuration" in request:
        contents = read_contents(backend, request["configuration"])
        if contents.is_wait != step.contents.is_wait:
            raise ValidationError("The type of a recovery plan step cannot be changed")
        _check_plan_servers(plan, contents, instead_of=step)
    step.name = request.get("stepName", step.name)
    step.contents = contents
    step.updated = plan.updated = now
    return {"recoveryPlanStep": render.plan_step(step, plan)}


def delete_recovery_plan_step(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer DeleteRecoveryPlanStep: later steps move down by one."""
    plan, step = lookup.plan_step(backend, request["recoveryPlanStepArn"])
    refuse_locked(backend, plan)
    plan.steps.remove(step)
    plan.updated = now
    tokens.forget(backend, step.arn)
    return {"recoveryPlanStepArn": step.arn}


def reorder_recovery_plan_steps(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer ReorderRecoveryPlanSteps; the request names every step of the plan once."""
    plan = lookup.plan(backend, request["recoveryPlanArn"])
    refuse_locked(backend, plan)
    by_arn = {step.arn: step for step in plan.steps}
    if sorted(request["orderedStepArns"]) != sorted(by_arn):
        raise ValidationError(f"orderedStepArns must name each of the {len(by_arn)} steps of the recovery plan once")
    plan.steps = [by_arn[arn] for arn in request["orderedStepArns"]]
    plan.updated = now
    return {"recoveryPlanSteps": [render.plan_step(step, plan) for step in plan.steps]}


OPERATIONS = {
    "CreateRecoveryPlanStep": create_recovery_plan_step,
    "GetRecoveryPlanStep": get_recovery_plan_step,
    "ListRecoveryPlanSteps": list_recovery_plan_steps,
    "UpdateRecoveryPlanStep": update_recovery_plan_step,
    "DeleteRecoveryPlanStep": delete_recovery_plan_step,
    "ReorderRecoveryPlanSteps": reorder_recovery_plan_steps,
}
