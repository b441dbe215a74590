"""Task tokens: every attempt of a task has its own, it can be answered once, and a closed one is Task Timed Out.

moto keeps one token for all attempts, forgets why one is closed, and looks for tokens among running executions only.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from dataclasses import dataclass
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from emulator.completion import replace
from emulator.kept import keep_table
from emulator.stepfunctions.errors import api_error

_MARK = b"embedded-aws-task"


@dataclass
class _Token:
    account: str
    region: str
    endpoint: CallbackEndpoint
    open: bool = True


_TOKENS: dict[str, _Token] = {}
keep_table("task tokens", _TOKENS)
_LOCK = threading.Lock()


def _new_token() -> str:
    return base64.b64encode(_MARK + secrets.token_bytes(64)).decode()


def _looks_like_ours(token: str) -> bool:
    try:
        return base64.b64decode(token, validate=True).startswith(_MARK)
    except ValueError:
        return False


def _evaluate_with_timeout(self: StateTaskServiceCallback, env: Any) -> None:
    if self.resource.condition is None:
        ExecutionState._evaluate_with_timeout(self, env)
        return
    token = _new_token()
    env.states.context_object.context_object_data["Task"] = {"Token": token}
    endpoint = env.callback_pool_manager.add(token)
    env.waits_for = endpoint
    if self.resource.condition == ResourceCondition.WaitForTaskToken:
        details = env.aws_execution_details
        _TOKENS[token] = _Token(details.account, details.region, endpoint)
    try:
        ExecutionState._evaluate_with_timeout(self, env)
    finally:
        with _LOCK:
            if token in _TOKENS:
                _TOKENS[token].open = False
        endpoint.interrupt_all()
        env.waits_for = None


def _find(backend: StepFunctionsParserBackend, token: str) -> _Token:
    known = _TOKENS.get(token)
    if known is not None and (known.account, known.region) == (backend.account_id, backend.region_name):
        return known
    if _looks_like_ours(token):
        raise api_error("TaskDoesNotExist", "Task does not exist")
    raise api_error("InvalidToken", "Invalid Token: 'Invalid token'")


def _closed() -> Exception:
    return api_error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")


def _answer(backend: StepFunctionsParserBackend, token: str, outcome: CallbackOutcome) -> None:
    known = _find(backend, token)
    with _LOCK:
        if not known.open:
            raise _closed()
        known.open = False
    known.endpoint.notify(outcome)


def _succeed(self: StepFunctionsParserBackend, task_token: str, outcome: str) -> None:
    try:
        json.loads(outcome)
    except ValueError as error:
        raise api_error("InvalidOutput", f"Invalid Output: '{error}'") from error
    _answer(self, task_token, CallbackOutcomeSuccess(callback_id=task_token, output=outcome))


def _fail(
    self: StepFunctionsParserBackend, task_token: str, error: str | None = None, cause: str | None = None
) -> None:
    _answer(self, task_token, CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))


def _heartbeat(self: StepFunctionsParserBackend, task_token: str) -> None:
    known = _find(self, task_token)
    if not known.open:
        raise _closed()
    known.endpoint.notify_heartbeat()


def install() -> None:
    """Give every attempt a token, and answer the API as AWS does."""
    replace(StateTaskServiceCallback, _evaluate_with_timeout=_evaluate_with_timeout)
    replace(
        StepFunctionsParserBackend,
        send_task_success=_succeed,
        send_task_failure=_fail,
        send_task_heartbeat=_heartbeat,
    )
