"""Choose an instance type by requirements, as EC2 does for a launch template with `InstanceRequirements`.

Of the types that a zone offers and that satisfy vCPU, memory, names and burstability, the smallest is taken; EC2 takes
the cheapest. Other requirements are refused rather than ignored.
"""

from __future__ import annotations

import fnmatch
from functools import cache
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES

from . import capacity, errors

_KNOWN = frozenset(
    {"VCpuCount", "MemoryMiB", "AllowedInstanceTypes", "ExcludedInstanceTypes", "BurstablePerformance", "BareMetal"}
)


def choose(region: str, zone: str, requirements: dict[str, Any]) -> str:
    """Return the smallest instance type of a zone that satisfies the requirements.

    Raises:
        EC2ClientError: no type does, or a requirement is not emulated.
    """
    unknown = sorted(set(requirements) - _KNOWN)
    if unknown:
        raise EC2ClientError("InvalidParameterValue", f"The instance requirement {unknown[0]} is not emulated yet.")
    for _, _, name in _by_size():
        if _satisfies(name, requirements) and zone in capacity.zones_of(region, name):
            return name
    raise errors.no_type_fits()


@cache
def _by_size() -> list[tuple[int, int, str]]:
    return sorted(
        (item["VCpuInfo"]["DefaultVCpus"], item["MemoryInfo"]["SizeInMiB"], name)
        for name, item in INSTANCE_TYPES.items()
        if "x86_64" in item["ProcessorInfo"]["SupportedArchitectures"] and "hvm" in item["SupportedVirtualizationTypes"]
    )


def _satisfies(name: str, requirements: dict[str, Any]) -> bool:
    item = INSTANCE_TYPES[name]
    return (
        _between(item["VCpuInfo"]["DefaultVCpus"], requirements.get("VCpuCount"))
        and _between(item["MemoryInfo"]["SizeInMiB"], requirements.get("MemoryMiB"))
        and _listed(name, requirements.get("AllowedInstanceTypes") or ["*"])
        and not _listed(name, requirements.get("ExcludedInstanceTypes") or [])
        and _allowed(item.get("BurstablePerformanceSupported"), requirements.get("BurstablePerformance", "excluded"))
        and _allowed(item.get("BareMetal"), requirements.get("BareMetal", "excluded"))
    )


def _between(number: int, limits: dict[str, Any] | None) -> bool:
    limits = limits or {}
    return int(limits.get("Min") or 0) <= number and (not limits.get("Max") or number <= int(limits["Max"]))


def _listed(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _allowed(has: Any, rule: str) -> bool:
    return rule == "included" or bool(has) == (rule == "required")
