# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a run, or joining it: the whole request is checked before anything is written.

This module util is private to the collection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._failback import check_something_to_do, locate_all
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import runs_table, state_machine
from ansible_collections.disaster_recovery.aws.plugins.module_utils._plans import declared_plans, publish
from ansible_collections.disaster_recovery.aws.plugins.module_utils._run_preview import (
    Asked,
    preview_run,
    resolve_plan,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import executions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller, caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_locks import plan_lock
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.drill_policy import check_hold
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problem
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, parse_plan, unknown_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK, default_run_id
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time

Item = dict[str, Any]


def start(params: Item, clients: Clients, check_mode: bool) -> Item:
    """Start the run that the options of module C(dr_execution) ask for, or join it.

    In check mode tell what it would do.
    """
    plan, mode, drill = params["plan"], params["mode"], params["drill"]
    declared = _declared(params, plan)
    who = caller(clients("sts"))
    options = _options(params, who)
    table, sfn = runs_table(params, clients), clients("stepfunctions")
    run_id = params["run_id"] or default_run_id(plan, mode, who.now)
    machine = state_machine(params, clients, who, mode)
    result = {"run_id": run_id, "plan": plan, "mode": mode, "drill": drill}

    recorded = table.get_run(run_id)
    _check_same_run(recorded, result)
    arn = recorded["execution_arn"] if recorded else executions.execution_arn(machine, run_id)
    existing = executions.describe(sfn, arn)
    if existing is None:
        _check_unrecorded(recorded)
        _check_unlocked(table, sfn, plan, run_id)
        chosen = declared or _published(table, plan)
        if check_mode:
            not_started = {"execution_arn": arn, "joined": False, "status": "not started"}
            found = preview_run(Asked(params, clients, table, who, run_id), chosen)
            return {"changed": True, **result, **not_started, **found}
        if declared or mode == FAILBACK:
            _check_servers(params, clients, chosen, who)
        if declared:
            publish([declared], table, who, check_mode=False)
    request = {"run_id": run_id, "plan": plan, "requested_by": who.arn, **options}
    execution, joined = (existing, True) if existing else executions.start(sfn, machine, run_id, request)
    if execution["input"].get("plan") != plan:
        raise ConflictError(
            f"run_id: {run_id!r} is the run of another plan, {execution['input'].get('plan')!r}: choose another run id"
        )
    status = (table.get_run(run_id) or {}).get("status") or execution["status"].lower()
    result |= {"changed": not joined, "execution_arn": execution["arn"], "joined": joined, "status": status}
    if joined and "incident_at" in options and execution["input"].get("incident_at") != options["incident_at"]:
        was = execution["input"].get("incident_at") or "not given"
        result["warnings"] = [f"Run {run_id} was started before: its incident time stays as it was then ({was})"]
    return result


def _options(params: Item, who: Caller) -> Item:
    """Return what the request of a run says beside the plan and who asks for it."""
    mode, drill = params["mode"], params["drill"]
    if drill and mode != FAILBACK:
        remedy = "only a failback can be a drill this way: leave it out, the drill of a failover is mode test"
        raise DeclarationError([Problem("true", "drill", remedy)])
    incident_at = _incident_at(params["incident_at"], who.now)
    hold = _hold(params["hold"], is_drill=drill or mode == "test")
    options: Item = {
        "incident_at": format_time(incident_at) if incident_at else None,
        "hold": hold,
        "drill": True if drill else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _check_servers(params: Item, clients: Clients, plan: Plan, who: Caller) -> None:
    """Refuse a plan that does not fit the servers of today, and a failback that has nothing to bring home.

    What only a failback needs is looked at for that alone: nothing else may stop a failover.
    """
    resolved = resolve_plan(plan, clients, params["mode"])
    if params["mode"] == FAILBACK:
        located = locate_all(plan, resolved.servers, clients, params, who)
        check_something_to_do(plan, located, drill=params["drill"])


def _declared(params: dict[str, Any], plan: str) -> Plan | None:
    if params["declared"] is None:
        return None
    (declared,) = declared_plans(lambda: [parse_plan(params["declared"])], params)
    if declared.name != plan:
        raise DeclarationError([Problem(repr(declared.name), "declared.name", f"is not the plan to run, {plan!r}")])
    return declared


def _incident_at(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_time(text)
    except ValueError as error:
        raise DeclarationError([Problem(repr(text), "incident_at", str(error))]) from error
    if moment > now:
        remedy = f"is in the future, it is {format_time(now)} by AWS's clock: give the time of the incident"
        raise DeclarationError([Problem(repr(text), "incident_at", remedy)])
    return moment


def _hold(hold: int | None, *, is_drill: bool) -> int | None:
    if hold is None:
        return None
    if not is_drill:
        remedy = "only a drill can be held (mode test, or a failback with drill): leave it out"
        raise DeclarationError([Problem(str(hold), "hold", remedy)])
    return check_hold(hold, "option")


def _check_same_run(recorded: Item | None, wanted: Item) -> None:
    """Refuse a run id that belongs to a run of another plan or mode, or to a drill when none is asked for."""
    if recorded is None:
        return
    run_id, drill = wanted["run_id"], bool(recorded.get("drill"))
    if (recorded["plan_name"], recorded["mode"]) != (wanted["plan"], wanted["mode"]):
        raise ConflictError(
            f"run_id: {run_id!r} is a run of plan {recorded['plan_name']!r} in mode {recorded['mode']!r}: "
            "choose another run id, or none"
        )
    if drill != wanted["drill"]:
        what = "is a drill" if drill else "is no drill"
        raise ConflictError(
            f"run_id: {run_id!r} {what} of a failback: say drill={str(drill).lower()} (-e dr_drill=…) to join it, "
            "or choose another run id"
        )


def _check_unrecorded(recorded: Item | None) -> None:
    if recorded:
        raise ConflictError(
            f"run_id: {recorded['run_id']!r} began at {recorded['requested_at']}, but Step Functions does not know its "
            "execution any more: choose another run id"
        )


def _check_unlocked(table: RunsTable, sfn: Any, plan: str, run_id: str) -> None:
    other = table.lock_owners([plan_lock(plan)]).get(plan_lock(plan))
    if not other or other == run_id:
        return
    holder = table.get_run(other)
    execution = executions.describe(sfn, holder["execution_arn"]) if holder else None
    if execution and execution["status"] == executions.RUNNING:
        raise ConflictError(
            f"Plan {plan!r} is being run by run {other!r}: join it with that run id, wait for its end, or abort it"
        )
    raise ConflictError(
        f"Plan {plan!r} is locked by run {other!r}, whose execution has ended without closing it. Abort it (state "
        "aborted: a drill is cleaned up), go on with it (resumed) or stop it (stopped): each releases its locks"
    )


def _published(table: RunsTable, name: str) -> Plan:
    found = table.get_plan(name)
    if found is None:
        raise unknown_plan(name, [item["name"] for item in table.list_plans()])
    return parse_plan(found["plan"], where=f"plan {name} of table {table.name}")
