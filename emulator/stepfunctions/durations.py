"""TimeoutSeconds, HeartbeatSeconds and MaxConcurrency by JSONata: whole numbers, or a States.QueryEvaluationError.

moto cuts fractions off, and answers States.Runtime for what is no number.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.component.common.timeouts.heartbeat import HeartbeatSecondsJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSecondsJSONata
from moto.stepfunctions.parser.asl.component.state.exec.state_map.max_concurrency import MaxConcurrencyJSONata

from emulator.completion import replace
from emulator.stepfunctions.jsonata import evaluation_failed

LARGEST = 99_999_999


def _whole(field: str, least: int) -> Callable[[Any, Any], int]:
    def evaluate(self: Any, env: Any) -> int:
        self.string_jsonata.eval(env=env)
        value = env.stack.pop()
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST:
            return value
        text = f"The field {field} is {value!r}; it is a whole number from {least} to {LARGEST}."
        raise evaluation_failed(env, text)

    return evaluate


def install() -> None:
    """Check what expressions return."""
    replace(TimeoutSecondsJSONata, _eval_seconds=_whole("TimeoutSeconds", 1))
    replace(HeartbeatSecondsJSONata, _eval_seconds=_whole("HeartbeatSeconds", 1))
    replace(MaxConcurrencyJSONata, _eval_max_concurrency=_whole("MaxConcurrency", 0))
