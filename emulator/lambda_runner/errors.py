"""Errors of the Lambda API; their HTTP status is that of the service's model."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class InvalidRequestContent(ServiceException):
    """The payload of Invoke is no JSON."""

    code = "InvalidRequestContentException"


class InvalidParameterValue(ServiceException):
    """A setting of a function is not acceptable."""

    code = "InvalidParameterValueException"


class RequestTooLarge(ServiceException):
    """The payload of Invoke, or the package of a function, is too large."""

    code = "RequestTooLargeException"

    def __init__(self, most: int, operation: str):
        super().__init__(f"Request must be smaller than {most} bytes for the {operation} operation")


class TooManyRequests(ServiceException):
    """As many invocations run as are reserved for the function."""

    code = "TooManyRequestsException"
    Reason = "ReservedFunctionConcurrentInvocationLimitExceeded"

    def __init__(self) -> None:
        super().__init__("Rate Exceeded.")
