"""Which errors a Retry or Catch matches: the wildcards of AWS, and the errors that no wildcard reaches.

`States.TaskFailed` stands for every error but `States.Timeout`, `States.ALL` for every error; neither for
`States.Runtime`, which always fails the execution, nor for `States.DataLimitExceeded`. A missed heartbeat is reported
as `States.Timeout`; `States.HeartbeatTimeout` in a Retry or Catch means only that. An error that comes from a branch,
an iteration, a Fail state, a function or an answer to a token may have any name; moto makes States.Runtime of
`States.…`.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.completion import replace

_STATES = "moto.stepfunctions.parser.asl.component.state."
_MODULES_WITH_NAMES_FROM_OUTSIDE = (
    "exec.state_map.iteration.iteration_worker",
    "exec.state_task.service.state_task_service_callback",
    "exec.state_task.service.state_task_service_lambda",
    "exec.state_task.state_task_lambda",
    "fail.state_fail",
)


class HeartbeatName(StatesErrorName):
    """The name of a missed heartbeat."""

    def __init__(self) -> None:
        super().__init__(typ=StatesErrorNameType.StatesTimeout)


def matches(error: str | None, wanted: set[str], *, heartbeat: bool = False) -> bool:
    """Tell whether an error (perhaps a missed heartbeat) is one of the wanted names."""
    if error == "States.Runtime":
        return False
    if error in wanted or (heartbeat and "States.HeartbeatTimeout" in wanted):
        return True
    if error == "States.DataLimitExceeded":
        return False
    return "States.ALL" in wanted or ("States.TaskFailed" in wanted and error != "States.Timeout")


def _eval_body(self: ErrorEqualsDecl, env: Environment) -> None:
    error = env.stack.pop()
    wanted = {str(name.error_name) for name in self.error_names}
    name = error.error_name if error is not None else None
    env.stack.append(matches(name, wanted, heartbeat=isinstance(error, HeartbeatName)))


def _with_heartbeats(original: Callable[..., FailureEvent]) -> Callable[..., FailureEvent]:
    def from_error(self: StateTaskServiceCallback, env: Environment, ex: Exception) -> FailureEvent:
        event: Any = original(self, env=env, ex=ex)
        if isinstance(ex, HeartbeatTimeoutError):
            event.error_name = HeartbeatName()
        return event  # type: ignore[no-any-return]

    return from_error


def install() -> None:
    """Match errors as AWS does."""
    replace(ErrorEqualsDecl, _eval_body=_eval_body)
    for name in _MODULES_WITH_NAMES_FROM_OUTSIDE:
        replace(importlib.import_module(_STATES + name), CustomErrorName=ErrorName)
    replace(StateTaskServiceCallback, _from_error=_with_heartbeats(StateTaskServiceCallback._from_error))
