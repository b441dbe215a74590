"""Errors of SSM Automation."""

from __future__ import annotations

from moto.ssm.exceptions import SSMException


def refusal(code: str, message: str) -> SSMException:
    """Return an error of the service's model."""
    return SSMException(code, message)
