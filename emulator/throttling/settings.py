"""Reading `throttling`: for each service, whether and how it limits requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import botocore.session

from emulator.throttling import published
from emulator.throttling.buckets import Limit


class ThrottlingError(ValueError):
    """Limits that cannot be; the message says why."""


@dataclass(frozen=True)
class Published:
    """The limits that AWS publishes of this service."""


@dataclass(frozen=True)
class Own:
    """Limits by pattern of operations, the longest that fits; what no pattern fits is not limited."""

    limits: Mapping[str, Limit]


Setting = Published | Own | None

DEFAULTS: Mapping[str, Setting] = {}
"""No service limits requests."""


def read_settings(document: Any) -> dict[str, Setting]:
    """Read settings by service: `published`, false, or `{operation: [burst, tokens a second]}`.

    Raises:
        ThrottlingError: a service, an operation or a number that cannot be.
    """
    if not isinstance(document, dict):
        raise ThrottlingError(f"throttling is {document!r}: give services and their limits")
    return {service: _read_service(service, value) for service, value in document.items()}


def show_setting(setting: Setting) -> Any:
    """Return a setting as `read_settings` reads it."""
    if setting is None:
        return False
    if isinstance(setting, Published):
        return "published"
    return {operation: [limit.burst, limit.rate] for operation, limit in setting.limits.items()}


def _read_service(service: Any, value: Any) -> Setting:
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        raise ThrottlingError(f"throttling.{service}: botocore has no service {service}")
    if value is False:
        return None
    if value == "published":
        if service not in published.SERVICES:
            known = ", ".join(published.SERVICES)
            raise ThrottlingError(f"throttling.{service}: AWS publishes no limits of it; only of {known}")
        return Published()
    if not isinstance(value, dict) or not value:
        raise ThrottlingError(
            f"throttling.{service} is {value!r}: give published, false, or operations with [burst, tokens a second]"
        )
    operations = session.get_service_model(service).operation_names
    return Own({name: _read_limit(f"throttling.{service}", name, limit, operations) for name, limit in value.items()})


def _read_limit(path: str, name: Any, value: Any, operations: list[str]) -> Limit:
    if not isinstance(name, str) or not any(fnmatchcase(operation, name) for operation in operations):
        raise ThrottlingError(f"{path}: it has no operation {name}; write it as in the API: StartRecovery, Describe*")
    if not isinstance(value, list) or len(value) != 2 or not all(_is_number(item) for item in value):
        raise ThrottlingError(f"{path}.{name} is {value!r}: give [burst, tokens a second]")
    burst, rate = value
    if burst < 1 or int(burst) != burst or rate <= 0:
        raise ThrottlingError(
            f"{path}.{name} is {value!r}: burst is a whole number from 1, tokens a second more than 0"
        )
    return Limit(int(burst), float(rate))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
