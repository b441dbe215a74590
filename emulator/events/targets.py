"""Who gets an event. Each function delivers a text to the target of an ARN; any exception is a failed delivery."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from jsonpath_ng.ext.parser import parse as parse_path
from moto.awslambda.models import lambda_backends
from moto.core.utils import unix_time_millis
from moto.events.utils import EventTemplateParser
from moto.logs.models import logs_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from emulator.auth import Principal
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.modes import NONE
from emulator.iam.request import Need
from emulator.iam.trust import trusts_service

Target = Mapping[str, Any]
Event = dict[str, Any]


class DeliveryError(Exception):
    """A target that cannot get an event."""


def deliver(target: Target, event: Event) -> None:
    """Deliver an event to a target, transformed as the target wants it."""
    _DELIVERIES[service_of(target)](target, input_of(target, event))


def is_known(target: Target) -> bool:
    """Tell whether this module delivers to a target."""
    return service_of(target) in _DELIVERIES


def service_of(target: Target) -> str:
    """Return the service of a target's ARN."""
    return str(target["Arn"]).split(":")[2]


def input_of(target: Target, event: Event) -> str:
    """Return what a target gets: the event, a part of it, a constant, or what a template makes of it."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        found = parse_path(target["InputPath"]).find(event)
        return json.dumps(found[0].value if found else None)
    if target.get("InputTransformer"):
        transformer = target["InputTransformer"]
        whole: Any = {**event, "ingestion-time": event["time"]}
        return json.dumps(
            EventTemplateParser.parse(transformer["InputTemplate"], transformer.get("InputPathsMap", {}), whole)
        )
    return json.dumps(event)


def _place(target: Target) -> tuple[str, str, str]:
    _, _, _, region, account, resource = str(target["Arn"]).split(":", 5)
    return account, region, resource


def _to_function(target: Target, text: str) -> None:
    account, region, _ = _place(target)
    lambda_backends[account][region].invoke(target["Arn"], None, text, {"X-Amz-Invocation-Type": "Event"}, {})


def _to_state_machine(target: Target, text: str) -> None:
    account, region, _ = _place(target)
    if ENFORCEMENT.mode != NONE:
        _require_role(target, account, region)
    stepfunctions_parser_backends[account][region].start_execution(target["Arn"], execution_input=text)


def _require_role(target: Target, account: str, region: str) -> None:
    role = str(target.get("RoleArn"))
    if not trusts_service(role, "events.amazonaws.com", account):
        raise DeliveryError(f"EventBridge may not assume role {role}")
    need = Need("states:StartExecution", target["Arn"])
    denial = ENFORCEMENT.require([need], Principal.of_role(role, "EventBridge"), region)
    if denial is not None:
        raise DeliveryError(denial.message)


def _to_topic(target: Target, text: str) -> None:
    account, region, _ = _place(target)
    sns_backends[account][region].publish(text, arn=target["Arn"])


def _to_queue(target: Target, text: str) -> None:
    account, region, name = _place(target)
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    sqs_backends[account][region].send_message(name, text, group_id=group)


def _to_log_group(target: Target, text: str) -> None:
    account, region, resource = _place(target)
    name = resource.removeprefix("log-group:").removesuffix(":*")
    backend = logs_backends[account][region]
    if name not in backend.groups:
        raise DeliveryError(f"there is no log group {name}")
    stream = str(uuid.uuid4())
    backend.create_log_stream(name, stream)
    backend.put_log_events(name, stream, [{"timestamp": int(unix_time_millis()), "message": text}])


_DELIVERIES: Mapping[str, Callable[[Target, str], None]] = {
    "lambda": _to_function,
    "states": _to_state_machine,
    "sns": _to_topic,
    "sqs": _to_queue,
    "logs": _to_log_group,
}
