# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validation: is a launched instance what the plan expects?

Source: EC2 API Reference, Instance and InstanceStatus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .ip_map import MapEntry
from .records import ServerRecord
from .source_servers import device_index

OK = "ok"
PENDING = "pending"
FAILED = "failed"

NOT_SIZED = "NONE"
"""Right-sizing that leaves the instance type alone."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """C(ok), C(pending) (look again later) or C(failed), and why; the instance's type when it is C(ok)."""

    outcome: str
    reasons: tuple[str, ...]
    instance_type: str | None = None


def expected_of(
    entries: Iterable[MapEntry], profile: str, probes: Iterable[str] = (), *, any_address: bool = False
) -> dict[str, Any]:
    """Return what a server with these IP map entries must have after a launch in C(profile).

    The result goes into L(records.ServerRecord.expected); L(expected_of_template) adds to it.

    Args:
        entries: The server's entries.
        profile: Network profile of the run.
        probes: Names of the probes that it has to pass.
        any_address: AWS chooses its addresses: those of the profile are not free.
    """
    return {
        "probes": list(probes),
        "interfaces": [
            {
                "interface": entry.interface,
                "subnet_id": target.subnet_id,
                "address": None if any_address else target.address,
                "security_groups": sorted(target.security_groups),
            }
            for entry in sorted(entries, key=lambda entry: entry.interface)
            if (target := entry.profiles.get(profile)) is not None
        ],
    }


def expected_of_template(
    configuration: Mapping[str, Any], data: Mapping[str, Any], alternatives: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what a launch from a template's version must have, beside its interfaces.

    Empty for a server that is launched into an existing instance, which keeps what it has. Right-sizing decides about
    the instance type itself.

    Args:
        configuration: DRS's launch configuration of the server.
        data: The version's data as EC2 describes them.
        alternatives: Instance types that are taken where there is no capacity.
    """
    if (configuration.get("launchIntoInstanceProperties") or {}).get("launchIntoEC2InstanceID"):
        return {}
    sized = configuration.get("targetInstanceTypeRightSizingMethod", NOT_SIZED) != NOT_SIZED
    declared = data.get("InstanceType")
    profile = data.get("IamInstanceProfile") or {}
    return {
        "instance_types": [] if sized or not declared else [declared, *alternatives],
        "instance_profile": profile.get("Name") or str(profile.get("Arn") or "").rsplit("/", 1)[-1],
        "tags": {
            tag["Key"]: tag["Value"]
            for specification in data.get("TagSpecifications") or []
            if specification.get("ResourceType") == "instance"
            for tag in specification.get("Tags") or []
        },
    }


def check_server(
    record: ServerRecord,
    instance: Mapping[str, Any] | None,
    instance_status: Mapping[str, Any] | None,
    expected: Mapping[str, Any],
) -> CheckResult:
    """Check one launched server.

    Args:
        record: The server's record.
        instance: Its item of DescribeInstances, None when EC2 does not know it (yet).
        instance_status: Its item of DescribeInstanceStatus, None when there is none (yet).
        expected: L(expected_of) its IP map entries.
    """
    if instance is None:
        return CheckResult(PENDING, (f"EC2 does not show instance {record.instance_id or '(id not known yet)'}",))
    state = instance.get("State", {}).get("Name", "")
    if state not in {"pending", "running"}:
        return CheckResult(FAILED, (f"the instance is {state or 'in no known state'}, not running",))
    differences = [*_differences(instance, expected), *_differences_of_template(instance, expected)]
    if differences:
        return CheckResult(FAILED, tuple(differences))
    if state == "pending":
        return CheckResult(PENDING, ("the instance is starting",))
    waiting = _status_checks_not_passed(instance_status or {})
    if waiting:
        return CheckResult(PENDING, tuple(waiting))
    return CheckResult(OK, (), instance.get("InstanceType"))


def _differences(instance: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    actual = {device_index(interface): interface for interface in instance.get("NetworkInterfaces", [])}
    differences: list[str] = []
    into = expected.get("instance_id")
    if into and instance.get("InstanceId") != into:
        differences.append(f"it is {instance.get('InstanceId')}, not {into}, which it was to be launched into")
    for wanted in expected.get("interfaces", []):
        name = f"interface {wanted['interface']}"
        interface = actual.get(wanted["interface"])
        if interface is None:
            differences.append(f"{name} is missing")
            continue
        if interface.get("SubnetId") != wanted["subnet_id"]:
            differences.append(f"{name} is in {interface.get('SubnetId')}, not in {wanted['subnet_id']}")
        if wanted["address"] is not None and interface.get("PrivateIpAddress") != wanted["address"]:
            differences.append(f"{name} has {interface.get('PrivateIpAddress')}, not {wanted['address']}")
        groups = sorted(group["GroupId"] for group in interface.get("Groups", []))
        if groups != sorted(wanted["security_groups"]):
            differences.append(
                f"{name} has {', '.join(groups) or 'no security group'}, not {', '.join(wanted['security_groups'])}"
            )
    return differences


def _differences_of_template(instance: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    differences: list[str] = []
    types = expected.get("instance_types") or []
    if types and instance.get("InstanceType") not in types:
        differences.append(f"it is a {instance.get('InstanceType')}, not a {' or '.join(types)}")
    wanted = expected.get("instance_profile")
    profile = str((instance.get("IamInstanceProfile") or {}).get("Arn") or "").rsplit("/", 1)[-1]
    if wanted and profile != wanted:
        differences.append(
            f"it has {f'instance profile {profile}' if profile else 'no instance profile'}, not {wanted}"
        )
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    for key, value in (expected.get("tags") or {}).items():
        if key not in tags:
            differences.append(f"it has no tag {key}")
        elif tags[key] != value:
            differences.append(f"its tag {key} is {tags[key]!r}, not {value!r}")
    return differences


def _status_checks_not_passed(instance_status: Mapping[str, Any]) -> list[str]:
    """Return the status checks that have not passed; one that fails during a slow first boot may pass later."""
    checks = (("system", "SystemStatus"), ("instance", "InstanceStatus"))
    found = [(name, instance_status.get(member, {}).get("Status", "not reported")) for name, member in checks]
    return [f"the {name} status check is {status}" for name, status in found if status != "ok"]
