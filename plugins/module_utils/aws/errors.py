# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One small family of errors, so that a module and a function can each end in their own way.

A module turns them into C(fail_json), a function into a named error that the state machine matches.
This module util is private to the collection.
"""

from __future__ import annotations

from typing import Any

try:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as BotocoreConnectionError
except ImportError:
    pass  # AnsibleAWSModule says that botocore is missing

NOT_FOUND_CODES = frozenset(
    {
        "ExecutionDoesNotExist",
        "NotFoundException",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)

TRANSIENT_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
        "Unavailable",
    }
)


TOO_MANY_REQUESTS = 429  # every service has its own code for it


class AwsError(Exception):
    """AWS refused a request, or could not be reached.

    Args:
        message: What happened and what to do, complete, for a person.
        code: AWS error code (C(ConflictException)), or the name of botocore's exception.
        operation: API operation (C(StartRecovery)), empty where there was none.
        response: botocore's parsed error response.
    """

    def __init__(self, message: str, *, code: str = "", operation: str = "", response: dict[str, Any] | None = None):
        super().__init__(message)
        self.message = message
        self.code = code
        self.operation = operation
        self.response = response or {}


class TransientError(AwsError):
    """The same request may succeed later: a throttle, a server's own failure, a broken connection."""


class InvalidRequestError(AwsError):
    """The caller asked for something that cannot be: nothing was written."""


class ConflictError(AwsError):
    """The resource is in a state that does not allow the request (C(ConflictException), a failed condition)."""


class NotFoundError(AwsError):
    """The resource does not exist."""


class NotReachableError(AwsError):
    """An account has no role for these credentials, or does not let them assume it: that needs a person."""


class UninitializedError(AwsError):
    """DRS is not initialised in this account and Region."""


def from_client_error(error: ClientError) -> AwsError:
    """Translate one answer of AWS into this family, keeping code, operation and response."""
    code = error.response.get("Error", {}).get("Code", "")
    text = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    operation = error.operation_name
    kind: type[AwsError] = AwsError
    message = f"{operation}: {code}: {text}"
    if code == "UninitializedAccountException":
        kind = UninitializedError
        message = (
            f"{operation}: Elastic Disaster Recovery is not initialised in this account and Region ({code}). "
            "Initialise it there first (console, or the InitializeService API), or correct the Region."
        )
    elif code in TRANSIENT_CODES or status == TOO_MANY_REQUESTS or status >= 500:
        kind = TransientError
    elif code in {"ConflictException", "ConditionalCheckFailedException", "TransactionCanceledException"}:
        kind = ConflictError
    elif code in NOT_FOUND_CODES:
        kind = NotFoundError
    return kind(message, code=code, operation=operation, response=dict(error.response))


def translate(error: Exception, what: str) -> AwsError:
    """Translate any exception of boto3 raised while doing C(what); an L(AwsError) is handed through."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, ClientError):
        return from_client_error(error)
    if isinstance(error, (BotocoreConnectionError, HTTPClientError)):
        return TransientError(f"{what}: cannot reach AWS: {error}", code=type(error).__name__)
    if isinstance(error, BotoCoreError):
        return AwsError(f"{what}: {error}", code=type(error).__name__)
    raise error
