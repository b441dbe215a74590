# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open: check the request, and write the run with the plan as it is now."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from _runtime import Call, Result, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    InvalidRequestError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import plans, probes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import runs as run_rules
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import APPROVE_FAILBACK, Decision
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.drill_policy import check_hold
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time

PERMITTED = ("STEP_FUNCTIONS", "STEP_DOCUMENTS")
"""Environment variables that tell what steps of waves may use, as lists in JSON."""

REQUIRED = ("plan", "mode", "execution_arn", "requested_by", "requested_at")


def _check(call: Call) -> None:
    run_rules.check_run_id(call.run_id)
    for name in REQUIRED:
        value = call.event.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidRequestError(f"The request's {name} is {value!r}: it must be a text that is not empty")
    run_rules.check_mode(call.event["mode"])


def _incident_at(call: Call) -> datetime | None:
    given = call.event.get("incident_at")
    if given is None:
        return None
    try:
        moment = parse_time(given)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"The request's incident_at is {given!r}: {error}") from error
    if moment > call.now:
        raise InvalidRequestError(f"The request's incident_at {given} is in the future (it is {call.at})")
    return moment


def _drill(call: Call) -> bool:
    """Return whether a failback is only rehearsed."""
    given = call.event.get("drill")
    if not isinstance(given, bool | None):
        raise InvalidRequestError(f"The request's drill is {given!r}: it must be true or false")
    if given and call.event["mode"] != "failback":
        raise InvalidRequestError(
            "The request's drill is true: only a failback can be rehearsed, other drills are mode test"
        )
    return bool(given)


def _hold(call: Call, plan: Plan) -> int:
    """Return the seconds that a drill's instances stay for testers: the run's own, else the plan's."""
    given = call.event.get("hold")
    if not run_rules.is_drill(call.event):
        if given:
            raise InvalidRequestError(f"The request's hold is {given!r}: only a drill can be held")
        return 0
    return plan.drill.hold if given is None else check_hold(given, "request")


def _hold_left(call: Call, run: Mapping[str, Any]) -> int:
    """Return the seconds of the hold that are left: one that an earlier execution began ends when it was to end."""
    if not run.get("hold_until"):
        return int(run.get("hold") or 0)
    return max(0, int((parse_time(run["hold_until"]) - call.now).total_seconds()))


def _begin(call: Call, run: Mapping[str, Any]) -> str:
    """Return where an execution begins: at the beginning, unless the run is closed, or an earlier one has come far.

    A failback whose waves have begun is not judged anew: half of it is at home.
    """
    if run["closed_at"]:
        return "clean-up"
    waves = runs().get_waves(call.run_id)
    if run.get("aborting"):
        return "waves" if waves else "clean-up"
    if run["mode"] != "failback" or not any(wave["started_at"] for wave in waves):
        return "correlate"
    if not all(wave["ended_at"] for wave in waves):
        return "prepare-failback"
    return "after-validation" if run.get("validation_ended_at") else "waves"


def _approval(call: Call, run: Mapping[str, Any], plan: Plan) -> bool:
    """Return whether a person has to let the waves of a failback begin."""
    if run["mode"] != "failback" or run_rules.is_drill(run) or not plan.failback.approval:
        return False
    approved = (APPROVE_FAILBACK, Decision.CONTINUE)
    return all((pause["step"], pause.get("decision")) != approved for pause in runs().pauses(call.run_id))


def _check_execution(call: Call, existing: Mapping[str, Any] | None) -> None:
    """Refuse an execution with another name than its run, unless it is the one that goes on with the run."""
    arn = call.event["execution_arn"]
    name = arn.rsplit(":", 1)[1]
    if name != call.run_id and (existing is None or existing["execution_arn"] != arn):
        raise InvalidRequestError(
            f"Execution {name} cannot execute run {call.run_id}: name the execution like the run, or go on with a run "
            "by module dr_execution, state resumed"
        )


def _published(name: str) -> Plan:
    published = runs().get_plan(name)
    if published is None:
        known = ", ".join(item["name"] for item in runs().list_plans()) or "none"
        raise InvalidRequestError(
            f"There is no plan {name!r} (known plans: {known}). Publish it first: playbook configure, module dr_plan."
        )
    plan = plans.parse_plan(published["plan"], where=f"published plan {name}")
    problems = Problems()
    problems.extend(plans.not_permitted(plan, *(json.loads(os.environ[name]) for name in PERMITTED)))
    problems.raise_if_any()
    return plan


def _check_probes(plan: Plan, mode: str) -> None:
    """Refuse a plan whose network probes nobody could make in this mode."""
    needing = probes.need_network(plan.probes, mode)
    profile = run_rules.profile_of(mode)
    if needing and profile not in probes.parse_networks(os.environ["PROBE_NETWORKS"]):
        raise InvalidRequestError(
            f"The probes {', '.join(needing)} of plan {plan.name} are made from inside the network of {profile}, "
            f"and no function is deployed there: declare dr_probe_networks.{profile} and run playbook deploy, "
            "or take the probes out of this mode"
        )


@function("open-run")
def handler(call: Call) -> Result:
    """Return C({plan, waves, decision_timeout, hold, approval, begin, aborted}).

    C(waves) are in the order in which they may start, C(hold) are the seconds that a drill is held, C(approval) tells
    whether a person has to let the waves begin, C(begin) is where the execution begins: C(correlate),
    C(prepare-failback), C(waves), C(after-validation) or C(clean-up), and C(aborted) tells whether it only ends what an
    earlier one has begun.

    The same request again gets the same answer.
    """
    _check(call)
    existing = runs().get_run(call.run_id)
    _check_execution(call, existing)
    plan = plans.parse_plan(existing["plan"]) if existing else _published(call.event["plan"])
    _check_probes(plan, call.event["mode"])
    requested_at, incident_at = parse_time(call.event["requested_at"]), _incident_at(call)
    try:
        run, _created = runs().open_run(
            run_id=call.run_id,
            plan=plan.to_document(),
            mode=call.event["mode"],
            requested_at=requested_at,
            requested_by=call.event["requested_by"],
            execution_arn=call.event["execution_arn"],
            incident_at=incident_at,
            hold=_hold(call, plan),
            drill=_drill(call),
        )
    except ConflictError as error:
        raise InvalidRequestError(error.message) from error
    opened = {
        "plan": plan.name,
        "plan_digest": plans.digest(plan),
        "mode": call.event["mode"],
        "requested_by": call.event["requested_by"],
        "incident_at": format_time(incident_at) if incident_at else None,
        "drill": run_rules.is_drill(call.event),
    }
    if not (existing and existing.get("resumed")):
        runs().append_event(call.run_id, EventKind.RUN_OPENED.value, opened, requested_at)
    return {
        "plan": plan.name,
        "waves": plans.start_order(plans.for_mode(plan, call.event["mode"])),
        "decision_timeout": plan.decision.timeout,
        "hold": _hold_left(call, run),
        "approval": _approval(call, run, plan),
        "begin": _begin(call, run),
        "aborted": bool(run["closed_at"] or run.get("aborting")),
    }
