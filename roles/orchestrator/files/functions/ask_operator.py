# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AskOperator: store the pause with its task token, and tell people what happened and how to decide."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from _records import read_plan, read_run
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import call as aws_call
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import decisions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import RunStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

SUBJECT_LENGTH = 100
"""Characters of a notice's subject. Source: SNS API Reference, Publish."""


def _error_text(error: Mapping[str, Any]) -> str:
    """Return what a person needs of an error that the state machine caught: its name and message, no stack trace."""
    cause = error.get("Cause") or ""
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError):
        message = cause
    return f"{error.get('Error')}: {message}"


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
        " -e dr_reason='<why>'",
        "",
        f"Without an answer until {pause['deadline']} the decision is: {pause['default']}.",
    ]
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
            "reason": call.event.get("reason") or _error_text(error or {"Error": "unknown"}),
            "details": {"error": error.get("Error")} if error else {},
            "options": list(decisions.options_for(step)),
            "default": decisions.default_for(step, policy.default),
            "asked_at": call.at,
            "deadline": format_time(call.now + timedelta(seconds=policy.timeout)),
            "task_token": call.event["task_token"],
        },
    )
    told = {name: pause[name] for name in ("pause_id", "step", "wave", "reason", "options", "default", "deadline")}
    runs().append_event(call.run_id, EventKind.RUN_PAUSED.value, told, call.now)
    runs().update_run(call.run_id, {"status": RunStatus.WAITING.value})
    aws_call(
        client("sns").publish,
        "publish the notice",
        TopicArn=os.environ["TOPIC_ARN"],
        Subject=f"Decision needed: {call.run_id}"[:SUBJECT_LENGTH],
        Message=_notice(run, pause),
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "decision_needed"},
            "run_id": {"DataType": "String", "StringValue": call.run_id},
        },
    )
    return {"pause_id": pause["pause_id"]}
