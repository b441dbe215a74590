# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AskOperator: store the pause with its task token, and tell people what happened and how to decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from _notices import error_text, publish
from _records import read_plan, read_run
from _runtime import Call, Result, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import decisions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time


def _notice(run: Mapping[str, Any], pause: Mapping[str, Any]) -> str:
    wave = f", wave {pause['wave']}" if pause["wave"] else ""
    lines = [
        f"Run {run['run_id']} of plan {run['plan_name']} ({run['mode']}) waits for a decision"
        f" at step {pause['step']}{wave}.",
        "",
        f"Why: {pause['reason']}",
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


@function("ask-operator")
def handler(call: Call) -> Result:
    """Store and publish one pause; asked again with another token at the same time it is the same pause."""
    run = read_run(call)
    policy = read_plan(run).decision
    step = call.event["step"]
    error = call.event.get("error")
    pause = runs().create_pause(
        call.run_id,
        {
            "step": step,
            "wave": call.wave,
            "reason": call.event.get("reason") or error_text(error or {"Error": "unknown"}),
            "details": {"error": error.get("Error")} if error else {},
            "options": list(decisions.options_for(step)),
            "default": decisions.default_for(step, policy.default),
            "asked_at": call.at,
            "deadline": format_time(call.now + timedelta(seconds=policy.timeout)),
            "not_by": run["requested_by"] if policy.four_eyes else None,
            "task_token": call.event["task_token"],
        },
    )
    told = {name: pause[name] for name in ("pause_id", "step", "wave", "reason", "options", "default", "deadline")}
    runs().append_event(call.run_id, EventKind.RUN_PAUSED.value, told, call.now)
    publish(call, "decision_needed", f"Decision needed: {call.run_id}", _notice(run, pause))
    return {"pause_id": pause["pause_id"]}
