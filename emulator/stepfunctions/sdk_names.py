"""Names in service integrations: state machines write PascalCase, AWS's APIs have names of their own.

moto hands parameters and results through unchanged. Here both directions follow botocore's models:
`SourceServerID` reaches DRS as `sourceServerID`, and its answer `jobID` comes back as `JobID`. Services and errors are
named as in AWS: `aws-sdk:cloudwatchlogs` is botocore's `logs`, and its errors are `CloudWatchLogs.…Exception`.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from emulator.completion import replace
from emulator.stepfunctions.moments import iso

_SESSION = botocore.session.get_session()
_BOTOCORE_NAMES = {
    "cloudwatchlogs": "logs",
    "elasticloadbalancingv2": "elbv2",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}


@cache
def service_name(name: str) -> str:
    """Return botocore's name of a service that a resource ARN names (SDK for Java spelling)."""
    if name in _BOTOCORE_NAMES:
        return _BOTOCORE_NAMES[name]
    services: list[str] = _SESSION.get_available_services()
    if name in services:
        return name
    for service in services:
        if service.replace("-", "") == name:
            return service
    return name


@cache
def operation_model(service: str, action: str) -> OperationModel | None:
    """Return the model of an action (`startRecovery`, `start_recovery`), None if the service has no such action."""
    if service not in _SESSION.get_available_services():
        return None
    model = _SESSION.get_service_model(service)
    wanted = action.replace("_", "").lower()
    for name in model.operation_names:
        if xform_name(name) == action or name.lower() == wanted:
            return model.operation_model(name)
    return None


@cache
def error_prefix(service: str) -> str:
    """Return what AWS puts before an error's name: `Drs`, `DynamoDb`, `Ec2`, `CloudWatchLogs`."""
    service_id = str(_SESSION.get_service_model(service_name(service)).service_id)
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+", service_id)
    return "".join(word[0].upper() + word[1:].lower() for word in words)


def to_service(value: Any, shape: Any) -> Any:
    """Name and encode parameters as the service's model has them."""
    if shape is None:
        return value
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        names = {name.lower(): name for name in shape.members}
        return {
            names.get(key.lower(), key): to_service(item, shape.members.get(names.get(key.lower(), key)))
            for key, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [to_service(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: to_service(item, shape.value) for key, item in value.items()}
    if kind == "string" and not isinstance(value, str):
        return to_json_str(value, separators=(",", ":"))
    if kind == "blob" and not isinstance(value, (bytes, bytearray)):
        return (value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))).encode()
    return value


def from_service(value: Any, shape: Any) -> Any:
    """Name and encode an answer as a state machine sees it."""
    kind = shape.type_name if shape is not None else None
    if isinstance(value, dict):
        if kind == "structure":
            return {state_name(key): from_service(item, shape.members.get(key)) for key, item in value.items()}
        inner = shape.value if kind == "map" else None
        return {key: from_service(item, inner) for key, item in value.items()}
    if isinstance(value, list):
        return [from_service(item, shape.member if kind == "list" else None) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    return value


@cache
def state_name(member: str) -> str:
    """Return how a state machine names a member of a request or an answer."""
    acronym = re.match(r"^([A-Z]{2,})(?=[A-Z][a-z])", member)
    if acronym:
        return acronym.group(1).capitalize() + member[acronym.end() :]
    return member[:1].upper() + member[1:]


def _model_of(task: StateTaskService, service: str | None, action: str | None) -> OperationModel | None:
    return operation_model(task._get_boto_service_name(service), task._get_boto_service_action(action))


def _normalise_parameters(
    self: StateTaskService,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    model = _model_of(self, boto_service_name, service_action_name)
    if model is not None:
        named = to_service(parameters, model.input_shape)
        parameters.clear()
        parameters.update(named)


def _normalise_response(
    self: StateTaskService,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    if not isinstance(response, dict):
        return
    model = _model_of(self, boto_service_name, service_action_name)
    if model is not None:
        named = from_service(response, model.output_shape)
        response.clear()
        response.update(named)


def _service_name(self: StateTaskService, boto_service_name: str | None = None) -> str:
    return service_name(boto_service_name or self.resource.api_name)


def install() -> None:
    """Translate names in every service integration."""
    replace(
        StateTaskService,
        _normalise_parameters=_normalise_parameters,
        _normalise_response=_normalise_response,
        _get_boto_service_name=_service_name,
    )
    replace(StateTaskServiceAwsSdk, _normalise_service_error_name=staticmethod(error_prefix))
