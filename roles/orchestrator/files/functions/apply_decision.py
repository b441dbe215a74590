# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ApplyDecision: take the answer to a pause (or the default, when nobody answered) and apply it to the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from _records import declared_wave, end_wave, read_plan, read_records, read_run, read_wave, store
from _runtime import Call, Result, function, runs
from _turns import wake_waves
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError, NotFoundError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import step_records, waves
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Decision, PauseStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import left_out
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_protection import left_as_they_are
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus

ABOUT_STEPS = frozenset({"run-step", "approve-before", "approve-after"})
"""Steps of pauses at which every decision is about a step that the plan declares."""

ABOUT_SERVERS = frozenset({"prepare-wave", "reconcile-wave", "validate", "wave"})
"""Steps at which a decision other than abort is about the wave's servers."""


def _answered(call: Call) -> Mapping[str, Any]:
    """Return the latest pause of the step with its decision."""
    asked = [
        pause
        for pause in runs().pauses(call.run_id)
        if pause["step"] == call.event["step"] and pause["wave"] == call.wave
    ]
    if not asked:
        raise NotFoundError(f"Run {call.run_id} was never paused at step {call.event['step']} of wave {call.wave}")
    pause = asked[-1]
    if call.event.get("expired"):
        pause = runs().expire_pause(call.run_id, pause["pause_id"], at=call.now)
    if pause["status"] == PauseStatus.OPEN:
        raise ConflictError(
            f"Pause {pause['pause_id']} of run {call.run_id} was ended without a recorded decision: "
            "decide with playbook decide, not by answering the task"
        )
    return pause


def _apply_to_wave(call: Call, wave: int, decision: Decision, plan: Plan) -> None:
    before = read_records(call, wave)
    changed = waves.apply_decision(before, decision, validating=call.event["step"] == "validate")
    store(call, before, changed)
    if decision is Decision.RETRY:
        again: dict[str, Any] = {"status": "running", "ended_at": None}
        if read_wave(call).get("timer_started_at"):
            again["timer_started_at"] = call.at
        runs().update_wave(call.run_id, wave, again)
    elif call.event["step"] == "wave":
        end_wave(call, plan, wave)
        wake_waves(call)


def _apply_to_step(call: Call, wave: int, decision: Decision, pause: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    steps = declared_wave(read_plan(run), wave).steps
    records = step_records.records_of(wave, steps, run["mode"], runs().get_steps(call.run_id, wave))
    if any(record.pause_id == pause["pause_id"] for record in records):
        return
    if decision is Decision.SKIP:
        servers = read_records(call, wave)
        store(call, servers, waves.apply_decision(servers, decision))
    asked = next(record for record in records if not record.finished)
    by, why = pause["decided_by"], pause["decision_reason"]
    after = step_records.decided(asked, decision, by=by, why=why, pause_id=pause["pause_id"], now=call.now)
    runs().put_steps(call.run_id, [after])


def _abort(call: Call, pause: Mapping[str, Any]) -> None:
    """Let every wave know: those that wait start nothing, those that run wait for DRS's jobs and end."""
    told = {"by": pause["decided_by"], "at": pause["decided_at"], "reason": pause["decision_reason"]}
    runs().update_run(call.run_id, {"aborting": told})
    wake_waves(call)


def _check_plan_again(call: Call) -> None:
    """Let the final validation look again at servers that it failed; what failed in a wave was decided there."""
    before = read_records(call)
    again: list[ServerRecord] = [
        replace(record, status=ServerStatus.LAUNCHED.value, reason="")
        for record in before
        if record.status == ServerStatus.FAILED and record.instance_id and not record.accepted
    ]
    store(call, before, again)
    runs().update_run(call.run_id, {"validation_started_at": call.at})


def _apply(call: Call, pause: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    step, decision = call.event["step"], Decision(pause["decision"])
    if step in ABOUT_STEPS and call.wave is not None:
        _apply_to_step(call, call.wave, decision, pause, run)
    if decision is Decision.ABORT:
        _abort(call, pause)
    elif step in ABOUT_SERVERS and call.wave is not None:
        _apply_to_wave(call, call.wave, decision, read_plan(run))
    elif step == "prepare-failback" and decision is Decision.SKIP:
        before = read_records(call)
        store(call, before, left_out(before))
    elif step == "protect-again" and decision is Decision.SKIP:
        before = read_records(call)
        store(call, before, left_as_they_are(before, f"{pause['decided_by']}: {pause['decision_reason']}"))
    elif step == "final-validation" and decision is Decision.RETRY:
        _check_plan_again(call)
    elif step == "final-validation":
        before = read_records(call)
        store(call, before, waves.apply_decision(before, decision, validating=True))
        runs().update_run(call.run_id, {"validation_ended_at": call.at})


@function("apply-decision")
def handler(call: Call) -> Result:
    """Return C({decision}). Applying the same decision again changes nothing."""
    run = read_run(call)
    pause = _answered(call)
    told = {
        name: pause[name]
        for name in ("pause_id", "step", "wave", "decision", "decided_by", "decided_at", "decision_reason")
    }
    runs().append_event(call.run_id, EventKind.DECISION_MADE.value, told, call.now)
    _apply(call, pause, run)
    return {"decision": pause["decision"]}
