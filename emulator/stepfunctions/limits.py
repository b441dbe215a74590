"""The hard limits of an execution: payloads of 256 KiB, 25,000 events of history.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html. moto measures a payload as a text with spaces
and escapes, does not measure what goes into a task, and lets histories grow.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.completion import replace

LARGEST_PAYLOAD = 262_144  # bytes of UTF-8
LARGEST_HISTORY = 25_000  # events
HISTORY_IS_FULL = f"The execution reached the maximum number of history events ({LARGEST_HISTORY})."

_STATES = "moto.stepfunctions.parser.asl.component.state."
_MODULES_THAT_MEASURE = (
    _STATES + "state",
    _STATES + "exec.state_task.state_task_lambda",
    _STATES + "exec.state_task.service.state_task_service",
)


def size_of(value: Any) -> int:
    """Return the bytes of a JSON value as the service stores it; of a text, its own."""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return len(value.encode("utf-8", "surrogatepass"))


def fits(value: Any) -> bool:
    """Tell whether a value may be the input, output or result of a state."""
    return size_of(value) <= LARGEST_PAYLOAD


def too_large(env: Environment, cause: str) -> FailureEventException:
    """Return the failure of a state whose data is too large."""
    name = StatesErrorName(typ=StatesErrorNameType.StatesStatesDataLimitExceeded)
    details: Any = {"taskFailedEventDetails": {"error": name.error_name, "cause": cause}}
    return FailureEventException(
        FailureEvent(env=env, error_name=name, event_type=HistoryEventType.TaskFailed, event_details=details)
    )


def _parameters(original: Any) -> Any:
    def parameters(self: StateTask, env: Environment) -> Any:
        evaluated = original(self, env)
        if not fits(evaluated):
            raise too_large(
                env, f"The state/task '{self.name}' has an input larger than the maximum of {LARGEST_PAYLOAD} bytes."
            )
        return evaluated

    return parameters


def install() -> None:
    """Measure as AWS does."""
    for name in _MODULES_THAT_MEASURE:
        replace(importlib.import_module(name), is_within_size_quota=fits)
    for task in (StateTask, StateTaskLambda):
        replace(task, _eval_parameters=_parameters(task._eval_parameters))
