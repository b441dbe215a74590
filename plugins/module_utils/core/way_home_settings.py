# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server launches with on its way home: what it was declared to launch with in a failover, at home.

What a failover launches with names things of the recovery Region and account, and does what a failover does: of that
nothing is taken over blindly. L(left_out) tells what is not.
Source: EC2 API Reference, ResponseLaunchTemplateData; DRS API Reference, LaunchConfiguration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .ip_map import MapEntry
from .launch_desired import DesiredLaunch, DesiredProfile
from .launch_networks import DesiredInterface
from .launch_templates import launched_tags
from .launch_versions import Version
from .launch_volumes import VolumeSettings
from .runs import FAILBACK, FAILBACK_DRILL_PROFILE
from .source_servers import KEY_TAG, SourceServer
from .tags import PROTECTED_PREFIXES, merge_changes

WAY_HOME_PROFILES = (FAILBACK, FAILBACK_DRILL_PROFILE)

CONFIGURATION_TAKEN_OVER = ("launchDisposition", "copyTags", "licensing", "recoveryMode")
"""Fields of the launch configuration that are as in a failover. C(postLaunchEnabled) is not: launch actions belong to
one source server, so that other ones would run; C(name) is DRS's own."""

TAKEN_OVER = (
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "HibernationOptions",
    "InstanceInitiatedShutdownBehavior",
    "MaintenanceOptions",
    "Monitoring",
    "PrivateDnsNameOptions",
)
"""Keys of a template that mean the same everywhere, and are taken over whole."""

OF_THE_TYPE = ("CpuOptions", "CreditSpecification", "NetworkPerformanceOptions")
"""Keys that fit some instance types: taken over where that at home is the same."""

PLACEMENT_TAKEN_OVER = ("Tenancy", "Affinity", "SpreadDomain")
"""Of C(Placement); its groups, hosts and zones are those of one Region and account."""

OF_THE_FAILOVER = (
    "CapacityReservationSpecification",
    "EnclaveOptions",
    "InstanceMarketOptions",
    "InstanceRequirements",
    "KeyName",
    "LicenseSpecifications",
    "UserData",
)
"""Keys that are left out: they name what only the recovery Region has, or do what only a failover is to do."""

READ_BACK_ONLY = ("State",)
"""Members of C(MetadataOptions) that EC2 answers and does not accept."""


@dataclass(frozen=True, slots=True)
class Forward:
    """What a server launches with in a failover.

    Attributes:
        server: The source server that protects it.
        configuration: Answer of GetLaunchConfiguration.
        version: The intact version of profile C(failover) of its template.
    """

    server: SourceServer
    configuration: Mapping[str, Any]
    version: Version


def launch_home(
    returning: SourceServer,
    forward: Forward,
    entries: Sequence[MapEntry],
    *,
    into_original: bool,
) -> DesiredLaunch:
    """Return what the source server that leads a machine home must launch with.

    Args:
        returning: The source server, in the account and Region where the machine is at home.
        forward: What the machine launches with in a failover.
        entries: Its IP map entries, all with profile C(failback).
        into_original: Whether it is launched into the original instance. Otherwise the configuration says that it is
            not, whatever the launch configuration template of DRS at home says.
    """
    data = forward.version.data
    instance_type = _instance_type(forward, entries)
    alternatives = forward.version.mark.instance_types if forward.version.mark else ()
    profiles = {
        profile: DesiredProfile(
            profile=profile,
            interfaces=_interfaces(entries, dynamic=profile == FAILBACK_DRILL_PROFILE),
            instance_type=instance_type,
            tags={},
            alternative_instance_types=tuple(name for name in alternatives if name != instance_type),
            instance_profile=_instance_profile(data) if _same_account(forward, returning) else None,
            metadata_options=_without(data.get("MetadataOptions", {}), READ_BACK_ONLY),
            volumes=_volumes(data),
            resource_tags={resource: own_tags(tags) for resource, tags in launched_tags(data).items()},
            further=_further(data, same_type=instance_type == data.get("InstanceType")),
        )
        for profile in WAY_HOME_PROFILES
    }
    return DesiredLaunch(returning, _configuration(forward.configuration, into_original), profiles)


def left_out(returning: SourceServer, forward: Forward, entries: Sequence[MapEntry]) -> list[str]:
    """Return what a failover launches with and the way home does not, in AWS's names; arguments as L(launch_home)."""
    data = forward.version.data
    found = [name for name in OF_THE_FAILOVER if data.get(name)]
    if _instance_type(forward, entries) != data.get("InstanceType"):
        found += [name for name in OF_THE_TYPE if data.get(name)]
    found += [f"Placement.{name}" for name in sorted(data.get("Placement", {})) if name not in PLACEMENT_TAKEN_OVER]
    if any("KmsKeyId" in mapping.get("Ebs", {}) for mapping in data.get("BlockDeviceMappings", [])):
        found.append("BlockDeviceMappings.Ebs.KmsKeyId")
    if _instance_profile(data) and not _same_account(forward, returning):
        found.append("IamInstanceProfile")
    if forward.configuration.get("postLaunchEnabled"):
        found.append("postLaunchEnabled")
    return found


def tags_home(server_key: str, returning: SourceServer, protecting: SourceServer) -> dict[str, str]:
    """Return the tags that the source server which leads a machine home lacks: those of the one that protects it.

    The server key is among them where the name of the machine says another one.

    Raises:
        DeclarationError: It would have more than 50 tags.
    """
    wanted = own_tags(protecting.tags)
    if returning.key != server_key:
        wanted[KEY_TAG] = server_key
    where = f"tags of source server {returning.source_server_id}"
    return dict(merge_changes(returning.tags, wanted, where=where).to_set)


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags without those that AWS and DRS set."""
    return {key: value for key, value in tags.items() if not key.startswith(PROTECTED_PREFIXES)}


def _interfaces(entries: Iterable[MapEntry], *, dynamic: bool) -> tuple[DesiredInterface, ...]:
    return tuple(
        DesiredInterface(entry.interface, target.subnet_id, target.security_groups, None if dynamic else target.address)
        for entry in sorted(entries, key=lambda entry: entry.interface)
        for target in (entry.profiles[FAILBACK],)
    )


def _configuration(forward: Mapping[str, Any], into_original: bool) -> dict[str, Any]:
    taken_over = {name: forward[name] for name in CONFIGURATION_TAKEN_OVER if name in forward}
    fixed = {"copyPrivateIp": False, "targetInstanceTypeRightSizingMethod": "NONE"}
    if into_original:
        # DRS refuses to launch into an instance while it copies tags.
        return {**taken_over, **fixed, "copyTags": False}
    return {**taken_over, **fixed, "launchIntoInstanceProperties": {"launchIntoEC2InstanceID": ""}}


def _instance_profile(data: Mapping[str, Any]) -> str | None:
    profile = data.get("IamInstanceProfile") or {}
    return profile.get("Arn") or profile.get("Name")


def _volumes(data: Mapping[str, Any]) -> tuple[VolumeSettings, ...]:
    """Return the settings of the volumes; their sizes are those of the disks that come home."""
    return tuple(
        VolumeSettings(
            device_name=mapping["DeviceName"],
            volume_type=mapping["Ebs"].get("VolumeType"),
            iops=mapping["Ebs"].get("Iops"),
            throughput=mapping["Ebs"].get("Throughput"),
            initialization_rate=mapping["Ebs"].get("VolumeInitializationRate"),
        )
        for mapping in data.get("BlockDeviceMappings", [])
        if "Ebs" in mapping
    )


def _same_account(forward: Forward, returning: SourceServer) -> bool:
    return returning.account_id == forward.server.account_id


def _instance_type(forward: Forward, entries: Sequence[MapEntry]) -> str | None:
    declared: str | None = forward.version.data.get("InstanceType")
    return entries[0].source.instance_type or declared


def _further(data: Mapping[str, Any], *, same_type: bool) -> dict[str, Any]:
    names = (*TAKEN_OVER, *(OF_THE_TYPE if same_type else ()))
    further = {name: data[name] for name in names if name in data}
    placement = {name: value for name, value in data.get("Placement", {}).items() if name in PLACEMENT_TAKEN_OVER}
    return {**further, **({"Placement": placement} if placement else {})}


def _without(mapping: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}
