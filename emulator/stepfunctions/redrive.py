"""RedriveExecution: an execution that has failed, was aborted or timed out goes on in the state where it stopped.

The same definition, input and ARN; what had succeeded is kept, also branches and iterations; history is appended.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.responses import StepFunctionResponse

from emulator.clock import CLOCK
from emulator.completion import add
from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.events import status_changed
from emulator.stepfunctions.limits import LARGEST_HISTORY
from emulator.stepfunctions.moments import iso
from emulator.stepfunctions.threads import Thread

_PERIOD = timedelta(days=14)
_LONGEST = timedelta(days=365)
_TOKENS_KEPT = 10
_TOKEN_LIFE = timedelta(minutes=15)


def why_not(execution: Any) -> str | None:
    """Return why an execution cannot be redriven, in AWS's words; None if it can."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    if len(execution.exec_worker.env.event_manager._history_event_list) >= LARGEST_HISTORY - 1:
        return "Execution history event limit exceeded"
    if CLOCK.now() - execution.start_date > _LONGEST:
        return "Execution has exceeded the max execution time"
    if CLOCK.now() - execution.stop_date > _PERIOD:
        return "Execution redrivable period exceeded"
    return None


def _redrive_execution(self: StepFunctionResponse) -> ActionResult:
    backend: Any = self.stepfunction_backend
    execution = backend.describe_execution(self._get_param("executionArn"))
    tokens: OrderedDict[str, datetime] = execution.__dict__.setdefault("redrive_tokens", OrderedDict())
    token = self._get_param("clientToken")
    if token in tokens and CLOCK.now() - tokens[token] <= _TOKEN_LIFE:
        return ActionResult({"redriveDate": execution.redrive_date})
    reason = why_not(execution)
    if reason is not None:
        raise api_error("ExecutionNotRedrivable", f"Execution Not Redrivable: '{execution.exec_arn}': {reason}")
    role = next(machine.roleArn for machine in backend.state_machines if machine.name == execution.state_machine.name)
    _go_on(execution, role)
    if token:
        tokens[token] = execution.redrive_date
        if len(tokens) > _TOKENS_KEPT:
            tokens.popitem(last=False)
    return ActionResult({"redriveDate": execution.redrive_date})


def _go_on(execution: Any, role_arn: str) -> None:
    before = execution.exec_worker.env
    execution.redrive_count += 1
    execution.redrive_date = CLOCK.now()
    execution.role_arn = role_arn
    before.progress.resume()
    worker = execution.new_worker(before.progress)
    env = worker.env
    history = env.event_manager
    history._history_event_list = before.event_manager._history_event_list
    history._event_id_gen = before.event_manager._event_id_gen
    env.event_history_context = EventHistoryContext(previous_event_id=history._history_event_list[-1]["id"])
    env.states.context_object.context_object_data["Execution"]["RedriveTime"] = iso(execution.redrive_date)
    execution.stop_date = execution.output = execution.error = execution.cause = None
    execution.exec_worker = worker
    execution.exec_status = ExecutionStatus.RUNNING
    status_changed(execution)
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type="ExecutionRedriven",
        event_details={"executionRedrivenEventDetails": {"redriveCount": execution.redrive_count}},
    )
    Thread(target=_run, args=(worker,)).start()


def _run(worker: Any) -> None:
    worker._get_evaluation_entrypoint().eval(worker.env)
    worker._execution_communication.terminated()


def install() -> None:
    """Add the operation."""
    add(StepFunctionResponse, redrive_execution=_redrive_execution)
