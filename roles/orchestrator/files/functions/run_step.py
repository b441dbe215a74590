# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RunStep: bring a phase of a wave one step further, and say what the state machine has to do now.

Functions of the plan are called by the state machine, which may wait longer than a function lives; it hands what they
answered to the next call. Automations are started here, with a client token, and looked at until they end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from _notices import error_text
from _records import begin_wave, declared_wave, read_plan, read_records, read_run, read_wave
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import automations
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import step_records
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.step_records import StepRecord, StepStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_seconds, parse_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.wave_steps import (
    CONTINUE,
    RUN_KEY,
    Approval,
    Automation,
    FunctionCall,
    Step,
)

POLL_SECONDS = 30
NOTHING: Mapping[str, Any] = {"seconds": 0, "reason": "", "asks": "run-step", "target": "", "request": {}, "number": 0}


def _result(outcome: str, **more: Any) -> Result:
    return {**NOTHING, "outcome": outcome, **more}


class Phase:
    """One call about a phase of a wave."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.run = read_run(call)
        self.wave = read_wave(call)
        self.name = str(call.event["phase"])
        self.plan = read_plan(self.run)
        self.declared = declared_wave(self.plan, self.wave["wave"])
        self.servers = read_records(call, self.wave["wave"])
        stored = runs().get_steps(call.run_id, self.wave["wave"])
        planned = step_records.records_of(self.wave["wave"], self.declared.steps, self.run["mode"], stored)
        self.records = {record.number: record for record in planned if record.phase == self.name}

    def go_on(self) -> Result:
        """Go on until there is something to wait for, to call or to ask, or nothing left."""
        self._take_answer()
        if self.run.get("aborting"):
            self._stop_automations()
            return _result("abort", reason="the run is being aborted")
        begin_wave(self.call, self.wave, self.servers)
        for number in self.records:
            while not self.records[number].finished:
                result = self._advance(self._step(number), self.records[number])
                if result is not None:
                    return result
        return _result("done")

    def _advance(self, step: Step, record: StepRecord) -> Result | None:
        """Bring a step further; None when its record has changed and tells what is next."""
        left_out = step_records.reason_left_out(self.name, self.servers)
        if record.status == StepStatus.PENDING and left_out:
            self._end(record, StepStatus.SKIPPED, left_out)
            return None
        if record.status == StepStatus.FAILED:
            return _result("ask", reason=f"{self._title(record)} failed in attempt {record.attempt}: {record.result}")
        if isinstance(step.action, FunctionCall):
            return self._call_function(step.action, record)
        if isinstance(step.action, Automation):
            return self._run_automation(step, step.action, record)
        return self._ask_for_approval(step.action, record)

    def _step(self, number: int) -> Step:
        return self.declared.steps.of(self.name)[number - 1]

    # Functions

    def _take_answer(self) -> None:
        """Record what a function answered, unless that was recorded before."""
        answer = self.call.event.get("answer")
        if not answer:
            return
        record = self.records[answer["number"]]
        if record.status != StepStatus.RUNNING or record.attempt != answer["attempt"]:
            return
        if answer["error"] is None:
            self._end(record, StepStatus.SUCCEEDED, answer["result"])
        else:
            self._fail(self._step(record.number), record, error_text(answer["error"]))

    def _call_function(self, action: FunctionCall, record: StepRecord) -> Result:
        if record.status == StepStatus.RUNNING and record.call != self._this_call and not action.repeatable:
            return _result(
                "ask",
                reason=f"{self._title(record)} was started at {record.started_at}, attempt {record.attempt}, and it is "
                "not known how it ended: the execution that called it did not live to tell. See what it has done",
            )
        if record.status != StepStatus.RUNNING or record.call != self._this_call:
            record = self._start(record)
        about = {
            "run_id": self.call.run_id,
            "plan": self.plan.name,
            "mode": self.run["mode"],
            "wave": self.wave["wave"],
            "wave_name": self.declared.name,
            "phase": self.name,
            "step": record.name,
            "attempt": record.attempt,
            "servers": len(self.servers),
        }
        return _result(
            "invoke",
            target=action.function,
            seconds=action.timeout,
            request={**action.payload, RUN_KEY: about},
            number=record.number,
        )

    # Automations

    def _run_automation(self, step: Step, action: Automation, record: StepRecord) -> Result | None:
        if record.status == StepStatus.PENDING:
            record = self._start(record)
        if record.automation_execution_id is None:
            try:
                execution_id = automations.start(
                    client("ssm"),
                    document=action.document,
                    version=action.version,
                    parameters=action.parameters,
                    token=step_records.client_token(self.call.run_id, record),
                )
            except TransientError:
                raise
            except AwsError as error:
                self._fail(step, record, error.message)
                return None
            record = self._store(step_records.with_automation(record, execution_id))
        return self._look_at_automation(step, action, record)

    def _look_at_automation(self, step: Step, action: Automation, record: StepRecord) -> Result | None:
        status, told = step_records.automation_outcome(automations.get(client("ssm"), self._automation(record)))
        if status == StepStatus.SUCCEEDED:
            self._end(record, status, told)
            return None
        if status == StepStatus.FAILED:
            self._fail(step, record, told)
            return None
        left = (self._started_at(record) + timedelta(seconds=action.timeout) - self.call.now).total_seconds()
        if left <= 0:
            automations.stop(client("ssm"), self._automation(record))
            self._fail(step, record, f"not ended within {format_seconds(action.timeout)} ({told}); it was stopped")
            return None
        reason = f"{self._title(record)}: {told}"
        return _result("wait", seconds=max(1, min(POLL_SECONDS, int(left))), reason=reason)

    def _stop_automations(self) -> None:
        for record in list(self.records.values()):
            if not record.is_under_way:
                continue
            automations.stop(client("ssm"), self._automation(record))
            status, told = step_records.automation_outcome(automations.get(client("ssm"), self._automation(record)))
            if status == StepStatus.SUCCEEDED:
                self._end(record, status, told)
            else:
                self._end(record, StepStatus.FAILED, f"stopped, since the run is being aborted ({told})")

    # Approvals

    def _ask_for_approval(self, action: Approval, record: StepRecord) -> Result:
        if record.status == StepStatus.PENDING:
            self._store(step_records.started(record, self._this_call, self.call.now))
        reason = f"{self._title(record)} asks for approval: {action.message}"
        return _result("ask", asks=f"approve-{self.name}", reason=reason)

    # Records

    @property
    def _this_call(self) -> str:
        """What a call has in common with its repetitions, and with no other."""
        return f"{self.call.event['execution']}@{self.call.at}"

    def _title(self, record: StepRecord) -> str:
        return f"{record.title} {record.phase} wave {self.declared.name}"

    @staticmethod
    def _automation(record: StepRecord) -> str:
        return str(record.automation_execution_id)

    @staticmethod
    def _started_at(record: StepRecord) -> Any:
        return parse_time(str(record.started_at))

    def _start(self, record: StepRecord) -> StepRecord:
        begun = step_records.started(record, self._this_call, self.call.now)
        self._tell(EventKind.STEP_STARTED, begun)
        return self._store(begun)

    def _fail(self, step: Step, record: StepRecord, why: str) -> None:
        self._end(record, StepStatus.FAILED, why, accepted=step.on_failure == CONTINUE)

    def _end(self, record: StepRecord, status: StepStatus, result: str, *, accepted: bool = False) -> None:
        over = step_records.ended(record, status, result, self.call.now, accepted=accepted)
        self._tell(EventKind.STEP_ENDED, over)
        self._store(over)

    def _tell(self, kind: EventKind, record: StepRecord) -> None:
        told = {
            "wave": record.wave,
            "phase": record.phase,
            "name": record.name,
            "what": record.what,
            "attempt": record.attempt,
            "status": str(record.status),
            "result": record.result,
            "automation_execution_id": record.automation_execution_id,
        }
        runs().append_event(self.call.run_id, kind.value, told, self.call.now)

    def _store(self, record: StepRecord) -> StepRecord:
        runs().put_steps(self.call.run_id, [record])
        self.records[record.number] = record
        return record


@function("run-step")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason, asks, target, request, number}).

    C(done), C(abort) and C(wait) as elsewhere; C(invoke): call function C(target) with C(request), for at most
    C(seconds), and hand over what it answered; C(ask): ask an operator, under the name C(asks).
    """
    return Phase(call).go_on()
