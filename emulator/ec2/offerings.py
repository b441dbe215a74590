"""Offerings of instance types, filtered as EC2 filters: with wildcards, and by the location that was asked for.

moto compares for equality, so `m5*` finds nothing.
"""

from __future__ import annotations

import fnmatch
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import InstanceTypeOfferingBackend

from ..completion import replace

_KEYS = {"location": "Location", "instance-type": "InstanceType"}


def _matches_filters(
    self: InstanceTypeOfferingBackend,  # noqa: ARG001
    offering: dict[str, Any],
    filters: dict[str, str | list[str]],
    location_type: str,  # noqa: ARG001
) -> bool:
    for name, wanted in filters.items():
        values = [wanted] if isinstance(wanted, str) else wanted  # moto itself gives a text
        if name not in _KEYS:
            raise EC2ClientError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(fnmatch.fnmatchcase(offering[_KEYS[name]], value) for value in values):
            return False
    return True


def install() -> None:
    """Patch moto's offerings."""
    replace(InstanceTypeOfferingBackend, matches_filters=_matches_filters)
