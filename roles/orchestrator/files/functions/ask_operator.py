# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AskOperator: store the pause with its task token, and tell people what happened and how to decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from _instances import read_instances
from _notices import error_text, publish
from _records import read_plan, read_records, read_run
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import executions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import decisions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Decision
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

HOLD = "hold"
ASKED_ALL_THE_SAME = frozenset({"clean-up", "close-run"})
"""Steps at which a run that is being aborted still needs a person."""

INSTANCES_SHOWN = 50


def _held(call: Call) -> tuple[str, list[str]]:
    """Return why a drill is held, and its instances with their addresses, for a person."""
    records = {record.instance_id: record for record in read_records(call) if record.instance_id}
    found = read_instances(records.values())
    lines = [
        f"{records[instance_id].server_key}: {instance_id}, {_addresses(found[instance_id])}" for instance_id in found
    ]
    more = (
        [f"and {len(lines) - INSTANCES_SHOWN} more: module dr_execution_info returns all"]
        if len(lines) > INSTANCES_SHOWN
        else []
    )
    reason = f"the drill holds {len(lines)} instances for testers; then they are terminated"
    return reason, sorted(lines)[:INSTANCES_SHOWN] + more


def _addresses(instance: Mapping[str, Any]) -> str:
    addresses = [
        listed["PrivateIpAddress"]
        for interface in instance.get("NetworkInterfaces", [])
        for listed in interface.get("PrivateIpAddresses", [])
    ]
    return ", ".join(addresses) or "no address"


def _notice(run: Mapping[str, Any], pause: Mapping[str, Any]) -> str:
    wave = f", wave {pause['wave']}" if pause["wave"] else ""
    lines = [
        f"Run {run['run_id']} of plan {run['plan_name']} ({run['mode']}) waits for a decision"
        f" at step {pause['step']}{wave}.",
        "",
        f"Why: {pause['reason']}",
        *(f"  {line}" for line in pause["details"].get("instances", [])),
        "",
        "Decisions:",
        *(f"  {option}: {decisions.effect(pause['step'], option)}" for option in pause["options"]),
        "",
        "To decide:",
        f"  ansible-playbook disaster_recovery.aws.decide -e dr_run={run['run_id']} -e dr_decision=<decision>"
        " -e \"dr_reason='<why>'\"",
        "",
        f"Without an answer until {pause['deadline']} the decision is: {pause['default']}.",
    ]
    if pause["not_by"]:
        lines += [f"The plan asks for four eyes: {pause['not_by']}, who requested the run, can only abort."]
    return "\n".join(lines)


def _abort(call: Call, pause: Mapping[str, Any], aborting: Mapping[str, Any]) -> None:
    """Answer with the abort that a person has asked for already."""
    pause_id, by, reason = pause["pause_id"], aborting["by"], aborting["reason"]
    answer = {"pause_id": pause_id, "decision": Decision.ABORT.value}
    try:
        runs().answer_pause(call.run_id, pause_id, decision=Decision.ABORT.value, by=by, at=call.now, reason=reason)
        executions.answer_task(client("stepfunctions"), call.event["task_token"], answer)
    except ConflictError as error:  # whoever asked for the abort has answered it
        call.log("answered by another", pause_id=pause_id, error=error.message)


@function("ask-operator")
def handler(call: Call) -> Result:
    """Store and publish one pause; asked again with another token at the same time it is the same pause.

    The pause is stored before the run is read again, and whoever aborts a run writes that before reading its pauses: so
    one of the two answers a pause that begins while the run is being aborted.
    """
    run = read_run(call)
    policy = read_plan(run).decision
    step = call.event["step"]
    error = call.event.get("error")
    reason = call.event.get("reason") or error_text(error or {"Error": "unknown"})
    details: dict[str, Any] = {"error": error.get("Error")} if error else {}
    deadline = format_time(call.now + timedelta(seconds=call.event.get("timeout") or policy.timeout))
    if step == HOLD:
        reason, details["instances"] = _held(call)
        runs().update_run(call.run_id, {"hold_until": deadline})
    pause = runs().create_pause(
        call.run_id,
        {
            "step": step,
            "wave": call.wave,
            "reason": reason,
            "details": details,
            "options": list(decisions.options_for(step)),
            "default": decisions.default_for(step, policy.default),
            "asked_at": call.at,
            "deadline": deadline,
            "not_by": run["requested_by"] if policy.four_eyes and step != HOLD else None,
            "task_token": call.event["task_token"],
        },
    )
    told = {name: pause[name] for name in ("pause_id", "step", "wave", "reason", "options", "default", "deadline")}
    runs().append_event(call.run_id, EventKind.RUN_PAUSED.value, told, call.now)
    aborting = read_run(call).get("aborting")
    if aborting and step not in ASKED_ALL_THE_SAME:
        _abort(call, pause, aborting)
    else:
        subject = "Drill held" if step == HOLD else "Decision needed"
        publish(call, "decision_needed", f"{subject}: {call.run_id}", _notice(run, pause))
    return {"pause_id": pause["pause_id"]}
