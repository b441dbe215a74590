"""How each service says that it is throttled or out of order, or that the caller may not do this.

Sources: the errors that botocore's models declare; "Common errors" of the API references of the services that declare
none; the EC2 Developer Guide; for DRS, facts 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model

from emulator.apicall import ApiCall, error_response

RATE = "Rate exceeded"

# (code, HTTP status, message) where the service differs from the rule of its protocol.
_THROTTLED = {
    "ec2": ("RequestLimitExceeded", 503, "Request limit exceeded."),
    "lambda": ("TooManyRequestsException", 429, RATE),
    "s3": ("SlowDown", 503, "Please reduce your request rate."),
    "service-quotas": ("TooManyRequestsException", 400, RATE),
    "sqs": ("RequestThrottled", 403, "Request is throttled."),
}
_THROTTLED_BY_PROTOCOL = {
    "rest-json": ("ThrottlingException", 429, RATE),
    "json": ("ThrottlingException", 400, RATE),
    "smithy-rpc-v2-cbor": ("ThrottlingException", 400, RATE),
}
_THROTTLED_OTHERWISE = ("Throttling", 400, RATE)
_TABLE_THROTTLED = "The level of configured provisioned throughput for the table was exceeded."

_FAILED_TEXT = "The request processing has failed because of an unknown error, exception or failure."
_FAILED = {
    "drs": ("InternalServerException", 500),
    "dynamodb": ("InternalServerError", 500),
    "ec2": ("InternalError", 500),
    "iam": ("ServiceFailure", 500),
    "kms": ("KMSInternalException", 500),
    "lambda": ("ServiceException", 500),
    "logs": ("ServiceUnavailableException", 503),
    "s3": ("InternalError", 500),
    "sns": ("InternalError", 500),
    "ssm": ("InternalServerError", 500),
}
_FAILED_OTHERWISE = ("InternalFailure", 500)

_DENIED = {"ec2": ("UnauthorizedOperation", 403), "sns": ("AuthorizationError", 403)}
_DENIED_BY_PROTOCOL = {
    "rest-json": ("AccessDeniedException", 403),
    "json": ("AccessDeniedException", 400),
    "smithy-rpc-v2-cbor": ("AccessDeniedException", 400),
}
_DENIED_OTHERWISE = ("AccessDenied", 403)


@dataclass(frozen=True)
class Refusal:
    """An error answer, before it is written in a protocol.

    Attributes:
        retry_after: Seconds, for the header Retry-After.
        members: What the error holds besides its message.
    """

    code: str
    message: str
    status: int
    retry_after: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)


def throttled(call: ApiCall, message: str | None = None, retry_after: int | None = None) -> Refusal:
    """Return how this service refuses a call that comes too soon."""
    code, status, text = _THROTTLED.get(call.service) or _THROTTLED_BY_PROTOCOL.get(call.protocol, _THROTTLED_OTHERWISE)
    if call.service == "dynamodb" and "ProvisionedThroughputExceededException" in _errors_of(call):
        code, text = "ProvisionedThroughputExceededException", _TABLE_THROTTLED
    return Refusal(code, message or text, status, retry_after)


def failed(call: ApiCall, message: str | None = None, retry_after: int | None = None) -> Refusal:
    """Return how this service says that it is out of order."""
    code, status = _FAILED.get(call.service, _FAILED_OTHERWISE)
    return Refusal(code, message or _FAILED_TEXT, status, retry_after)


def denied(call: ApiCall, message: str) -> Refusal:
    """Return how this service says that the caller may not do this; for the text see `emulator.iam.denials`."""
    code, status = _DENIED.get(call.service) or _DENIED_BY_PROTOCOL.get(call.protocol, _DENIED_OTHERWISE)
    return Refusal(code, message, status)


def declared_status(service: str, code: str) -> int | None:
    """Return the HTTP status that the service's model gives an error, None when the model does not know it."""
    shape = _error_shape(service, code)
    status = shape.metadata.get("error", {}).get("httpStatusCode") if shape else None
    return int(status) if status else None


def render(call: ApiCall, refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
    """Write an error in the protocol of the call: status, headers, body."""
    members = dict(refusal.members)
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    shape = _error_shape(call.service, refusal.code)
    if shape is not None:
        for name, member in shape.members.items():
            if member.serialization.get("location") == "header" and name in members:
                headers[member.serialization["name"]] = str(members.pop(name))
        if call.protocol == "rest-json" and "code" in shape.members:
            members.setdefault("code", refusal.code)
    name = _message_name(call.service, shape)
    return error_response(call.protocol, refusal.code, refusal.message, refusal.status, members, headers, name)


def _message_name(service: str, shape: Any) -> str:
    """Return the member that has the text: as the model has it; Lambda writes it so where the model says nothing."""
    if shape is None:
        return "Message" if service == "lambda" else "message"
    return "Message" if "Message" in shape.members else "message"


@cache
def _error_shape(service: str, code: str) -> Any:
    try:
        model = get_service_model(service)
    except UnknownServiceError:
        return None
    shapes: list[Any] = model.error_shapes
    return next((shape for shape in shapes if code in (shape.name, shape.error_code)), None)


def _errors_of(call: ApiCall) -> set[str]:
    model = get_service_model(call.service)
    if call.operation not in model.operation_names:
        return set()
    return {shape.name for shape in model.operation_model(call.operation).error_shapes}
