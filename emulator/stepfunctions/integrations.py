"""Which resources a Task may name: what AWS knows and this emulator runs; everything else is refused by name.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import moto.backend_index

from emulator.stepfunctions.sdk_names import operation_model, service_name, state_name

Mistake = tuple[str, str, str]

NOT_EMULATED = "NOT_EMULATED"
_SCHEMA = "SCHEMA_VALIDATION_FAILED"
_TOKEN = ".waitForTaskToken"
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?")
_INTEGRATION = re.compile(r"arn:aws[a-z-]*:states:::(?P<service>[\w-]+):(?P<action>[\w:-]+?)(?P<pattern>\.[\w:]+)?")
_ACTIVITY = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:activity:.+")
_OPTIMISED: dict[str, tuple[set[str], set[str]]] = {  # patterns besides request-response, parameters
    "dynamodb:deleteItem": (set(), set()),
    "dynamodb:getItem": (set(), set()),
    "dynamodb:putItem": (set(), set()),
    "dynamodb:updateItem": (set(), set()),
    "events:putEvents": ({_TOKEN}, {"Entries"}),
    "lambda:invoke": ({_TOKEN}, {"ClientContext", "FunctionName", "InvocationType", "Payload", "Qualifier"}),
    "sns:publish": ({_TOKEN}, set()),
    "sqs:sendMessage": ({_TOKEN}, set()),
    "states:startExecution": ({".sync", ".sync:2", _TOKEN}, {"Input", "Name", "StateMachineArn", "TraceHeader"}),
}


def mistakes(state: dict[str, Any], where: str) -> Iterator[Mistake]:
    """Yield what is wrong with the resource and the parameters of a Task state."""
    resource = state.get("Resource")
    if not isinstance(resource, str):
        yield (_SCHEMA, "A Task has a Resource, which is a constant ARN", f"{where}/Resource")
        return
    if _ACTIVITY.fullmatch(resource):
        yield (NOT_EMULATED, f"Activities are not emulated: {resource}", f"{where}/Resource")
    if _FUNCTION.fullmatch(resource) or _ACTIVITY.fullmatch(resource):
        return
    found = _INTEGRATION.fullmatch(resource)
    if found is None:
        yield (_SCHEMA, f"The resource provided {resource} is not recognized", f"{where}/Resource")
        return
    service, action, pattern = found["service"], found["action"], found["pattern"] or ""
    if service == "aws-sdk":
        problem = _sdk_problem(action, pattern, resource)
        known = set() if problem else _sdk_parameters(action)
    else:
        problem = _optimised_problem(f"{service}:{action}", pattern, resource)
        known = set() if problem else _OPTIMISED[f"{service}:{action}"][1] or _sdk_parameters(f"{service}:{action}")
    if problem:
        yield (*problem, f"{where}/Resource")
    else:
        yield from _parameter_mistakes(state, known, resource, where)


def _optimised_problem(name: str, pattern: str, resource: str) -> tuple[str, str] | None:
    if name not in _OPTIMISED:
        return NOT_EMULATED, f"This integration is not emulated (or is none of AWS's): {resource}"
    if pattern and pattern not in _OPTIMISED[name][0]:
        return _SCHEMA, f"{name} has no pattern {pattern}: {resource}"
    return None


def _sdk_problem(action: str, pattern: str, resource: str) -> tuple[str, str] | None:
    service, _, name = action.partition(":")
    model = operation_model(service_name(service), name)
    if model is None or not name[:1].islower():
        return _SCHEMA, f"The resource provided {resource} is not recognized: no such service or action"
    if pattern and pattern != _TOKEN:
        return _SCHEMA, f"Integrations of the AWS SDK have no pattern {pattern}: {resource}"
    if not _is_emulated(model.service_model.service_name):
        return NOT_EMULATED, f"The service {service} is not emulated: {resource}"
    return None


@cache
def _emulated_services() -> frozenset[str]:
    return frozenset(name.replace("-", "") for name, _ in moto.backend_index.backend_url_patterns)


def _is_emulated(service: str) -> bool:
    return {"lambda": "awslambda"}.get(service, service.replace("-", "")) in _emulated_services()


@cache
def _sdk_parameters(action: str) -> set[str]:
    service, _, name = action.partition(":")
    model = operation_model(service_name(service), name)
    return {state_name(member) for member in model.input_shape.members} if model and model.input_shape else set()


def _parameter_mistakes(state: dict[str, Any], known: set[str], resource: str, where: str) -> Iterator[Mistake]:
    for field in ("Arguments", "Parameters"):
        given = state.get(field)
        if isinstance(given, dict):
            for name in given:
                if name.removesuffix(".$") not in known:
                    yield (_SCHEMA, f"{resource} has no parameter {name}", f"{where}/{field}/{name}")
