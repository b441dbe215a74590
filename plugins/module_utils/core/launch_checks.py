# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does AWS have what launch settings name: instance types, instance profiles, instances that are launched into?

Source: DRS User Guide, "Launch into source instance" (what such an instance must be like).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import Problems
from .launch_desired import DesiredLaunch, launch_into
from .launch_networks import named

ALLOWING_TAG = ("AWSDRS", "AllowLaunchingIntoThisInstance")
LAUNCH_INTO_POLICIES = frozenset({"AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore"})


def instance_types(launches: Iterable[DesiredLaunch]) -> set[str]:
    """Return every instance type that is declared, alternatives among them."""
    return {name for launch in launches for name, _zone, _key in _wanted_types(launch, {})}


def check_instance_types(
    launches: Iterable[DesiredLaunch],
    offered: Mapping[str, Iterable[str]],
    subnets: Mapping[str, Mapping[str, Any]],
    problems: Problems,
) -> None:
    """Find declared instance types that are not offered in the availability zone that they would launch in.

    Args:
        launches: What the servers must launch with.
        offered: Availability zones by instance type (DescribeInstanceTypeOfferings).
        subnets: Items of DescribeSubnets by id.
        problems: Collects what is found, each type and zone once.
    """
    found: dict[tuple[str, str], list[str]] = {}
    zones = {name: set(in_zones) for name, in_zones in offered.items()}
    for launch in launches:
        for name, zone, key in _wanted_types(launch, subnets):
            if name not in zones:
                found.setdefault((name, "is no instance type that EC2 offers in this Region"), []).append(key)
            elif zone is not None and zone not in zones[name]:
                remedy = f"is not offered in {zone}, where it would launch: choose another type or subnet"
                found.setdefault((name, remedy), []).append(key)
    for (name, remedy), keys in found.items():
        problems.add(name, f"instance type of {named(keys)}", remedy)


def check_instance_profiles(
    launches: Iterable[DesiredLaunch], policies: Mapping[str, frozenset[str]], problems: Problems
) -> None:
    """Find declared instance profiles that do not exist.

    Args:
        launches: What the servers must launch with.
        policies: Names of managed policies by instance profile (name or ARN) that exists.
        problems: Collects what is found.
    """
    found: dict[str, list[str]] = {}
    for launch in launches:
        for profile in launch.profiles.values():
            if profile.instance_profile is not None and profile.instance_profile not in policies:
                found.setdefault(profile.instance_profile, []).append(launch.server_key)
    for name, keys in found.items():
        problems.add(name, f"instance profile of {named(keys)}", "no such instance profile in this account: make it")


def instances_launched_into(launches: Iterable[DesiredLaunch]) -> set[str]:
    """Return the instances that servers are declared to be launched into."""
    return {instance_id for launch in launches if (instance_id := launch_into(launch.configuration))}


def check_launch_into(
    launches: Iterable[DesiredLaunch],
    instances: Mapping[str, Mapping[str, Any]],
    policies: Mapping[str, frozenset[str]],
    problems: Problems,
) -> None:
    """Find declared instances that DRS would not launch into. That an instance is stopped counts at the launch only.

    Args:
        launches: What the servers must launch with.
        instances: Items of DescribeInstances by id.
        policies: Names of managed policies by ARN of an instance profile.
        problems: Collects what is found.
    """
    holders: dict[str, str] = {}
    for launch in launches:
        instance_id = launch_into(launch.configuration)
        if instance_id is None:
            continue
        place = f"launch settings of {launch.server_key}, launch_into_instance_id"
        holder = holders.setdefault(instance_id, launch.server_key)
        if holder != launch.server_key:
            problems.add(instance_id, place, f"{holder} is launched into it as well: one server for each instance")
        instance = instances.get(instance_id)
        if instance is None or instance.get("State", {}).get("Name") == "terminated":
            problems.add(instance_id, place, "no such instance in this account and Region")
            continue
        byol = bool(launch.configuration.get("licensing", {}).get("osByol"))
        for remedy in launch_into_remedies(instance, policies, is_windows=launch.server.is_windows, byol=byol):
            problems.add(instance_id, place, remedy)


def launch_into_remedies(
    instance: Mapping[str, Any], policies: Mapping[str, frozenset[str]], *, is_windows: bool, byol: bool
) -> list[str]:
    """Return what keeps DRS from launching a server into an instance, each with what to do; its state does not count.

    Args:
        instance: Its item of DescribeInstances.
        policies: Names of managed policies by ARN of an instance profile.
        is_windows: Whether the server runs Windows.
        byol: Whether the server's own licence of its operating system is used.
    """
    key, value = ALLOWING_TAG
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    windows = instance.get("Platform", "").lower() == "windows"
    tenancy = instance.get("Placement", {}).get("Tenancy")
    boot_mode = instance.get("CurrentInstanceBootMode", "legacy-bios")
    profile = instance.get("IamInstanceProfile", {}).get("Arn")
    lacking = sorted(LAUNCH_INTO_POLICIES - policies.get(profile or "", frozenset()))
    conditions = (
        (tags.get(key) == value, f"does not have the tag {key}={value}: set it to allow launches into the instance"),
        (windows == is_windows, "runs another platform than the source server: choose another instance"),
        (instance.get("Architecture") == "x86_64", "is not of the architecture x86_64: choose another instance"),
        (instance.get("VirtualizationType") == "hvm", "is not of virtualization type hvm: choose another instance"),
        (instance.get("RootDeviceType") == "ebs", "has no EBS root volume: choose another instance"),
        (windows or boot_mode == "legacy-bios", f"boots by {boot_mode}, Linux must boot by BIOS: choose another one"),
        (not (byol and windows) or tenancy == "host", "is not on a dedicated host, as os_byol needs for Windows"),
        (profile is not None, "has no instance profile: DRS needs one with its policies"),
        (profile is None or not lacking, f"the roles of its instance profile lack {', '.join(lacking)}: attach them"),
    )
    return [remedy for met, remedy in conditions if not met]


def remedies_once_allowed(
    instance: Mapping[str, Any], policies: Mapping[str, frozenset[str]], *, is_windows: bool, byol: bool
) -> list[str]:
    """Return the same as L(launch_into_remedies) of an instance whose tag will be set before the launch."""
    key, value = ALLOWING_TAG
    allowed = {**instance, "Tags": [*instance.get("Tags", []), {"Key": key, "Value": value}]}
    return launch_into_remedies(allowed, policies, is_windows=is_windows, byol=byol)


def _wanted_types(
    launch: DesiredLaunch, subnets: Mapping[str, Mapping[str, Any]]
) -> Iterable[tuple[str, str | None, str]]:
    """Yield each declared type with the zone that it would launch in, if that is known, and the server's key."""
    for profile in launch.profiles.values():
        zone = next(
            (subnets[one.subnet_id]["AvailabilityZone"] for one in profile.interfaces if one.subnet_id in subnets), None
        )
        for name in (profile.instance_type, *profile.alternative_instance_types):
            if name is not None:
                yield name, zone, launch.server_key
