"""The course of automation executions: one step after the other, on the virtual clock.

A fault rule `automation_failure` makes a step fail at its end. Cancelling takes a moment, as on AWS: the status is
`Cancelling` first.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulator.clock import CLOCK
from emulator.faults.registry import FAULTS
from emulator.faults.rules import Occasion
from emulator.kept import keep_table

from .documents import DocumentStep
from .errors import refusal

Place = tuple[str, str]
CANCELLING_SECONDS = 2
ENDED = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})


@dataclass
class Execution:
    """One execution of a document.

    `request` is what asked for it, by which a client token is told from one that was used for something else.
    """

    execution_id: str
    place: Place
    document: str
    version: str
    parameters: dict[str, list[str]]
    steps: tuple[DocumentStep, ...]
    executed_by: str
    started: datetime
    request: Mapping[str, Any]
    status: str = "InProgress"
    ended: datetime | None = None
    failure: str | None = None
    runs: list[dict[str, Any]] = field(default_factory=list)


_EXECUTIONS: dict[str, Execution] = {}
_TOKENS: dict[tuple[Place, str], str] = {}
keep_table("automation executions", _EXECUTIONS)
keep_table("client tokens of automations", _TOKENS)


def known(place: Place, token: str | None, request: Mapping[str, Any]) -> Execution | None:
    """Return the execution that a client token has started, None when it has started none.

    Raises:
        SSMException: it has started another one.
    """
    execution_id = _TOKENS.get((place, token.lower())) if token else None
    if execution_id is None:
        return None
    if _EXECUTIONS[execution_id].request != request:
        raise refusal("IdempotentParameterMismatch", "The client token was used with other parameters.")
    return _EXECUTIONS[execution_id]


def start(execution: Execution, token: str | None) -> None:
    """Begin an execution."""
    _EXECUTIONS[execution.execution_id] = execution
    if token:
        _TOKENS[execution.place, token.lower()] = execution.execution_id
    _next_step(execution, execution.started)


def new_id(place: Place) -> str:
    """Return the id of a new execution, which depends on how many there were."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((*place, str(len(_EXECUTIONS))))))


def find(place: Place, execution_id: str) -> Execution:
    """Return an execution.

    Raises:
        SSMException: there is none.
    """
    execution = _EXECUTIONS.get(execution_id)
    if execution is None or execution.place != place:
        raise refusal("AutomationExecutionNotFoundException", f"Automation execution {execution_id} does not exist.")
    return execution


def listed(place: Place) -> list[Execution]:
    """Return the executions of an account and Region, newest first."""
    return [execution for execution in reversed(_EXECUTIONS.values()) if execution.place == place]


def cancel(execution: Execution) -> None:
    """Cancel an execution that has not ended.

    Raises:
        SSMException: it has.
    """
    if execution.status in ENDED:
        text = f"Automation execution {execution.execution_id} is {execution.status} and cannot be stopped."
        raise refusal("InvalidAutomationStatusUpdateException", text)
    execution.status = "Cancelling"
    CLOCK.call_later(CANCELLING_SECONDS, functools.partial(_cancelled, execution.execution_id))


def _cancelled(execution_id: str) -> None:
    execution = _EXECUTIONS[execution_id]
    if execution.status == "Cancelling":
        _end_run(execution, "Cancelled", CLOCK.now())
        _end(execution, "Cancelled", CLOCK.now())


def _next_step(execution: Execution, now: datetime) -> None:
    if len(execution.runs) == len(execution.steps):
        _end(execution, "Success", now)
        return
    step = execution.steps[len(execution.runs)]
    status = "Waiting" if step.seconds is None else "InProgress"
    execution.status = status
    execution.runs.append({"name": step.name, "action": step.action, "status": status, "started": now})
    if step.seconds is not None:
        when = now + timedelta(seconds=step.seconds)
        CLOCK.call_at(when, functools.partial(_step_is_over, execution.execution_id, len(execution.runs)))


def _step_is_over(execution_id: str, number: int) -> None:
    execution, now = _EXECUTIONS[execution_id], CLOCK.now()
    if execution.status != "InProgress" or len(execution.runs) != number:
        return
    step = execution.steps[number - 1]
    account, region = execution.place
    traits = {"account": account, "region": region, "document": execution.document, "step": step.name}
    fault = FAULTS.take(Occasion("automation", traits))
    if fault is None:
        _end_run(execution, "Success", now)
        _next_step(execution, now)
        return
    text = fault.parameters.get("message", "a fault rule of the embedded AWS")
    execution.failure = f"Step fails when it is executing the action {step.action} of step {step.name}. {text}"
    _end_run(execution, "Failed", now)
    _end(execution, "Failed", now)


def _end_run(execution: Execution, status: str, now: datetime) -> None:
    if execution.runs:
        execution.runs[-1].update(status=status, ended=now)


def _end(execution: Execution, status: str, now: datetime) -> None:
    execution.status, execution.ended = status, now
