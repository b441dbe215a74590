"""Recovery plans: create, get, list, update, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import ConflictError
from ..identifiers import identifier
from ..models import DRSBackend
from ..paging import answer, page
from ..recovery_plans import lookup, progress, render, tokens
from ..recovery_plans.contents import MOST_PLANS, exceeded
from ..recovery_plans.state import Plan
from ..settings import SETTINGS
from .tags import check_tags


def refuse_locked(backend: DRSBackend, plan: Plan) -> None:
    """Raise ConflictError when a plan must not change: it is being deleted or (a setting) executed."""
    if plan.deleting:
        raise ConflictError(f"Recovery plan {plan.plan_id} is being deleted", resourceId=plan.plan_id)
    if SETTINGS.plan_locked_while_executing and backend.recovery_plans.active_execution(plan.arn):
        raise ConflictError(
            f"Recovery plan {plan.plan_id} has an active execution and cannot be changed", resourceId=plan.plan_id
        )


def create_recovery_plan(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer CreateRecoveryPlan."""
    made = tokens.made_before(backend, "CreateRecoveryPlan", request)
    if made:
        return {"recoveryPlan": render.plan(lookup.plan(backend, made))}
    check_tags(request.get("tags") or {})
    store = backend.recovery_plans
    _check_name(backend, request["name"])
    if len(store.plans) >= MOST_PLANS:
        raise exceeded(f"An account can have at most {MOST_PLANS} recovery plans in a Region")
    number = store.next_number()
    plan_id = identifier("rp", backend.account_id, backend.region_name, number)
    plan = Plan(
        plan_id,
        backend.arn(lookup.PLAN, plan_id),
        number,
        request["name"],
        request.get("description"),
        now,
        now,
        dict(request.get("tags") or {}),
    )
    store.plans[plan_id] = plan
    tokens.remember(backend, "CreateRecoveryPlan", request, plan.arn)
    return {"recoveryPlan": render.plan(plan)}


def _check_name(backend: DRSBackend, name: str, but_of: Plan | None = None) -> None:
    others = (plan for plan in backend.recovery_plans.plans.values() if plan is not but_of)
    if SETTINGS.plan_names_unique and any(plan.name == name for plan in others):
        raise ConflictError(f"A recovery plan with the name {name} exists already")


def get_recovery_plan(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer GetRecoveryPlan."""
    return {"recoveryPlan": render.plan(lookup.plan(backend, request["recoveryPlanArn"]))}


def list_recovery_plans(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListRecoveryPlans, oldest first."""
    chosen, token = page(backend.recovery_plans.plans.values(), lambda plan: [plan.number], request)
    return answer("recoveryPlans", [render.plan_summary(plan) for plan in chosen], token)


def update_recovery_plan(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer UpdateRecoveryPlan: what is absent stays."""
    plan = lookup.plan(backend, request["recoveryPlanArn"])
    refuse_locked(backend, plan)
    name = request.get("name", plan.name)
    _check_name(backend, name, but_of=plan)
    plan.name = name
    plan.description = request.get("description", plan.description)
    plan.updated = now
    return {"recoveryPlan": render.plan(plan)}


def delete_recovery_plan(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer DeleteRecoveryPlan: its steps go with it, the records of its executions stay."""
    plan = lookup.plan(backend, request["recoveryPlanArn"])
    if backend.recovery_plans.active_execution(plan.arn):
        raise ConflictError(
            f"Recovery plan {plan.plan_id} has an active execution and cannot be deleted", resourceId=plan.plan_id
        )
    for arn in [plan.arn, *(step.arn for step in plan.steps)]:
        tokens.forget(backend, arn)
    if not plan.deleting:
        progress.delete_plan(backend, plan, now)
    return {"recoveryPlanArn": plan.arn}


OPERATIONS = {
    "CreateRecoveryPlan": create_recovery_plan,
    "GetRecoveryPlan": get_recovery_plan,
    "ListRecoveryPlans": list_recovery_plans,
    "UpdateRecoveryPlan": update_recovery_plan,
    "DeleteRecoveryPlan": delete_recovery_plan,
}
