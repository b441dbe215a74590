"""`states:startExecution.sync` and `.sync:2`: the parent rests until its child ends; a parent that ends ends its child.

moto asks for the child's status in a loop of real seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from emulator.completion import replace
from emulator.stepfunctions import executions


def _eval_sync(
    self: StateTaskServiceSfn,
    env: Any,
    sync_resolver: Callable[[], Any],
    timeout_seconds: int | None,
    callback_endpoint: CallbackEndpoint,
    heartbeat_endpoint: Any,
) -> Any:
    del self, timeout_seconds, heartbeat_endpoint
    child = env.emulated_child
    executions.when_ended(child, callback_endpoint.interrupt_all)
    while env.is_running():
        result = sync_resolver()
        if result:
            return result
        callback_endpoint.wait()
    if child.status == "RUNNING":
        executions.stop(child, error=None, cause="The execution that waited for this one has ended.")
    return None


def _remember_child(build: Callable[..., Any]) -> Callable[..., Any]:
    def remember(self: StateTaskServiceSfn, env: Any, **arguments: Any) -> Any:
        arn = env.stack[-1]["ExecutionArn"]
        parts = arn.split(":")
        env.emulated_child = stepfunctions_parser_backends[parts[4]][parts[3]].describe_execution(arn)
        return build(self, env=env, **arguments)

    return remember


def _error_name(original: Callable[..., Any]) -> Callable[..., Any]:
    """Name API errors as AWS does: `StepFunctions.ExecutionAlreadyExistsException`, never with `Exception` twice."""

    def named(self: StateTaskServiceSfn, env: Environment, ex: Exception) -> Any:
        if isinstance(ex, ClientError):
            code = ex.response["Error"]["Code"]
            ex.response["Error"]["Code"] = code.removesuffix("Exception")
        return original(self, env=env, ex=ex)

    return named


def install() -> None:
    """Let parents rest."""
    task = StateTaskServiceSfn
    replace(
        task,
        _eval_sync=_eval_sync,
        _build_sync_resolver=_remember_child(task._build_sync_resolver),
        _build_sync2_resolver=_remember_child(task._build_sync2_resolver),
        _from_error=_error_name(task._from_error),
    )
