"""Client tokens: the same request with the same token makes one thing only."""

from __future__ import annotations

from typing import Any

from ..errors import ConflictError
from ..models import DRSBackend
from .state import Token


def made_before(backend: DRSBackend, operation: str, request: dict[str, Any]) -> str | None:
    """Return the ARN of what an earlier call with this request's token made, None when there was none.

    Raises:
        ConflictError: the token was used with other parameters.
    """
    token = backend.recovery_plans.tokens.get(_key(operation, request))
    if token is None or not request.get("clientToken"):
        return None
    if token.request != request:
        raise ConflictError(
            f"Client token {request['clientToken']} was used with different parameters", resourceId=token.arn
        )
    return token.arn


def remember(backend: DRSBackend, operation: str, request: dict[str, Any], arn: str) -> None:
    """Keep what a call with a token made."""
    if request.get("clientToken"):
        backend.recovery_plans.tokens[_key(operation, request)] = Token(request, arn)


def forget(backend: DRSBackend, arn: str) -> None:
    """Forget the tokens of something that is deleted."""
    tokens = backend.recovery_plans.tokens
    for key in [key for key, token in tokens.items() if token.arn == arn]:
        del tokens[key]


def _key(operation: str, request: dict[str, Any]) -> str:
    return f"{operation} {request.get('clientToken')}"
