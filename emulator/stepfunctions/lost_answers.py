"""A call without an answer is `Drs.SdkClientException`, `Lambda.SdkClientException`: a Retry or Catch sees that error.

moto makes States.Runtime of it, which ends the execution.
https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import HTTPClientError
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.completion import replace

_OPTIMISED = {"dynamodb": "DynamoDB", "events": "EventBridge", "sns": "SNS", "sqs": "SQS", "states": "StepFunctions"}


def _from_error(original: Callable[..., FailureEvent]) -> Callable[..., FailureEvent]:
    def from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        if not (isinstance(ex, HTTPClientError) and isinstance(self, StateTaskService)):
            return original(self, env=env, ex=ex)
        error = f"{_service(self)}.SdkClientException"
        details: Any = {
            "taskFailedEventDetails": {
                "resource": self._get_sfn_resource(),
                "resourceType": self._get_sfn_resource_type(),
                "error": error,
                "cause": f"Unable to execute HTTP request: {ex}",
            }
        }
        event: Any = "TaskFailed"
        return FailureEvent(env=env, error_name=CustomErrorName(error), event_type=event, event_details=details)

    return from_error


def _service(task: Any) -> str:
    if isinstance(task, StateTaskServiceAwsSdk):
        return task._normalise_service_error_name(task.resource.api_name)
    name = str(task.resource.service_name)
    return _OPTIMISED.get(name, name.capitalize())


def install() -> None:
    """Name the error."""
    replace(StateTask, _from_error=_from_error(StateTask._from_error))
