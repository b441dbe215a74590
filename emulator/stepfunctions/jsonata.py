"""JSONata in state machines: moto's interpreter has no evaluator; this one is jsonata-python.

Values are bound as variables instead of being written into the expression's text, so no data can change its meaning.
Results are checked as AWS does: an expression that returns nothing, or a function, is a States.QueryEvaluationError.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jsonata.jsonata import Jsonata
from jsonata.utils import Utils
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata, StringVariableSample
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.clock import CLOCK
from emulator.completion import replace
from emulator.stepfunctions.moments import iso

_LONGEST_EVALUATION = 20_000  # real milliseconds; AWS allows 1,000 of its own evaluator, which is much faster


class QueryError(Exception):
    """An expression that cannot be evaluated; the message is the cause AWS would give."""


def evaluate(expression: str, variables: dict[str, Any]) -> Any:
    """Evaluate a JSONata expression.

    Args:
        expression: The text between `{%` and `%}`.
        variables: JSON values by name, without the dollar sign.

    Raises:
        QueryError: the expression is wrong, fails, or returns nothing or a function.
    """
    text = expression.strip()
    try:
        can_run_for_ever = "function" in text or "λ" in text
        compiled = Jsonata(text, timeout=_LONGEST_EVALUATION if can_run_for_ever else None)
        compiled.output_convert_nulls = False
        for name, function in _functions().items():
            compiled.register_lambda(name, function)
        bindings = {name: _to_jsonata(value) for name, value in variables.items()}
        result = compiled.evaluate(None, bindings)
    except RecursionError as error:
        raise QueryError(f"The JSONata expression '{text}' is nested too deeply.") from error
    except Exception as error:
        raise QueryError(f"The JSONata expression '{text}' failed: {error}") from error
    if result is None:
        raise QueryError(f"The JSONata expression '{text}' returned nothing (undefined).")
    return _from_jsonata(result, text)


def compile_error(expression: str) -> str | None:
    """Return why an expression cannot be compiled, or None."""
    try:
        Jsonata(expression.strip())
    except Exception as error:  # noqa: BLE001 - jsonata-python raises many kinds for a wrong text
        return str(error)
    return None


def _functions() -> dict[str, Callable[..., Any]]:
    now = CLOCK.now()
    return {
        "eval": _no_eval,
        "hash": lambda text, name: hashlib.new(name.replace("-", "").lower(), text.encode()).hexdigest(),
        "millis": lambda: int(now.timestamp() * 1000),
        "now": lambda *_picture: iso(now),
        "parse": lambda text: _to_jsonata(json.loads(text)),
        "partition": lambda array, size: [array[i : i + int(size)] for i in range(0, len(array), int(size))],
        "random": lambda *seed: random.Random(seed[0] if seed else None).random(),
        "range": lambda first, last, step: list(range(int(first), int(last) + (1 if step > 0 else -1), int(step))),
        "uuid": lambda: str(uuid.uuid4()),
    }


def _no_eval(*_arguments: Any) -> Any:
    raise ValueError("$eval is not there in Step Functions; use $parse")


def _to_jsonata(value: Any) -> Any:
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: _to_jsonata(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_jsonata(item) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    return value


def _from_jsonata(value: Any, text: str) -> Any:
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _from_jsonata(item, text) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_from_jsonata(item, text) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise QueryError(f"The JSONata expression '{text}' returned an unsupported result type.")


def _variables(env: Environment) -> dict[str, Any]:
    store = env.variable_store
    return {**store._outer_scope, **store._inner_scope, "states": env.states._states_data}


def _eval_jsonata(self: StringJSONata | StringVariableSample, env: Environment) -> None:
    expression = self.expression
    try:
        env.stack.append(evaluate(expression, _variables(env)))
    except QueryError as error:
        raise evaluation_failed(env, str(error)) from error


def evaluation_failed(env: Environment, cause: str) -> FailureEventException:
    """Return the failure of a state whose expression is wrong."""
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details: Any = {
        "evaluationFailedEventDetails": {"error": name.error_name, "cause": cause, "state": env.next_state_name}
    }
    return FailureEventException(
        FailureEvent(env=env, error_name=name, event_type=HistoryEventType.EvaluationFailed, event_details=details)
    )


def install() -> None:
    """Evaluate JSONata expressions and variable references."""
    replace(StringJSONata, _eval_body=_eval_jsonata)
    replace(StringVariableSample, _eval_body=_eval_jsonata)
