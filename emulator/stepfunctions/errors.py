"""Errors of the Step Functions API."""

from __future__ import annotations

from moto.core.exceptions import AWSError


def api_error(code: str, message: str) -> AWSError:
    """Return an error of the API: its name and message, with HTTP status 400."""
    return AWSError(message, exception_type=code, status=400)
