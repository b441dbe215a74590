# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 launch templates of source servers: what a version must say, and whether it already does.

CreateLaunchTemplateVersion with C(SourceVersion) replaces the top-level keys that it is given, whole: so everything in
these keys that is not ours (other interfaces' settings, DRS's own tags) has to be carried over.
Source: EC2 API Reference, CreateLaunchTemplateVersion, RequestLaunchTemplateData.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .canonical import canonical
from .errors import DeclarationError, Problem, Problems
from .launch_desired import DesiredProfile
from .launch_networks import DesiredInterface
from .launch_volumes import merged_mappings, volume_problems
from .tags import merge_changes

TAGGED_RESOURCES = ("instance", "volume", "network-interface")
"""Resource types that the mandatory tags go to."""

NAMES_OF_DRS = ("Name",)
"""Tags that DRS gives the template beside those of its own prefixes: never taken out."""

TemplateData = Mapping[str, Any]

_DESCRIPTION = re.compile(
    r"disaster_recovery\.aws profile=(?P<profile>[a-z-]+) (?P<digest>[0-9a-f]{16})"
    r"(?: beside=(?P<beside>[a-z-]+):(?P<number>[0-9]+|\+1):(?P<beside_digest>[0-9a-f]{16}))?"
    r"(?: types=(?P<types>[a-z0-9.,-]+))?"
    r"(?: alternative-of=(?P<alternative_of>[0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class Sibling:
    """The version of the other profile that was made together with a version.

    Attributes:
        number: None for the one after the version, which was not made yet when its description was written.
        digest: Of its data.
    """

    profile: str
    number: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class VersionMark:
    """What the description of one of our versions says.

    Attributes:
        digest: Of the data; when they have another one, somebody made the version from ours.
        beside: Tells what the other profile's version is without a look at it.
        instance_types: What to try next, in order, where there is no capacity for the version's type.
        alternative_of: Number of the version that is declared, when a run made this one with another instance type.
    """

    profile: str
    digest: str
    beside: Sibling | None = None
    instance_types: tuple[str, ...] = ()
    alternative_of: int | None = None


def template_data(base: TemplateData, desired: DesiredProfile) -> dict[str, Any]:
    """Return the top-level keys of C(base) that must change, with their whole new values; empty when none.

    Args:
        base: LaunchTemplateData of the version that the new one is made from.
        desired: What the version of the profile must say.

    Raises:
        DeclarationError: The base has a setting that cannot stand beside what is desired.
    """
    _check_conflicts(base, desired)
    wanted: dict[str, Any] = {
        **desired.further,
        "NetworkInterfaces": _network_interfaces(base.get("NetworkInterfaces", []), desired.interfaces),
    }
    if desired.instance_type is not None:
        wanted["InstanceType"] = desired.instance_type
    if desired.instance_profile is not None:
        wanted["IamInstanceProfile"] = _instance_profile(base.get("IamInstanceProfile", {}), desired.instance_profile)
    if desired.metadata_options:
        wanted["MetadataOptions"] = {**_without(base.get("MetadataOptions", {}), "State"), **desired.metadata_options}
    if desired.volumes:
        wanted["BlockDeviceMappings"] = merged_mappings(base.get("BlockDeviceMappings", []), desired.volumes)
    if desired.tags or desired.resource_tags or desired.purge_tags:
        wanted["TagSpecifications"] = _tag_specifications(base.get("TagSpecifications", []), desired)
    now, then = normalise_template(base), normalise_template({**base, **wanted})
    return {key: value for key, value in wanted.items() if now.get(key) != then.get(key)}


def in_networks(base: TemplateData, desired: DesiredProfile) -> dict[str, Any]:
    """Return C(base) with nothing changed but the places and addresses of its interfaces."""
    interfaces = _network_interfaces(base.get("NetworkInterfaces", []), desired.interfaces)
    return applied(base, {"NetworkInterfaces": interfaces})


def applied(base: TemplateData, changes: TemplateData) -> dict[str, Any]:
    """Return the data that a version made from C(base) with C(changes) has."""
    return {**base, **changes}


def normalise_template(data: TemplateData) -> dict[str, Any]:
    """Return the data in one shape: one spelling of private addresses, lists whose order means nothing sorted.

    Members that are empty, or that EC2 answers and does not accept, are left out.
    """
    shaped = dict(data)
    if "NetworkInterfaces" in data:
        shaped["NetworkInterfaces"] = sorted(map(_normal_interface, data["NetworkInterfaces"]), key=_device_index)
    if "TagSpecifications" in data:
        specifications = _tags_by_type(data["TagSpecifications"])
        shaped["TagSpecifications"] = _specifications(dict(sorted(specifications.items())))
    if "MetadataOptions" in data:
        shaped["MetadataOptions"] = _without(data["MetadataOptions"], "State")
    if "Operator" in data:
        shaped["Operator"] = _without(data["Operator"], "Managed", "HiddenByDefault")
    pruned: dict[str, Any] = _pruned(shaped)
    return pruned


def same_template(one: TemplateData, other: TemplateData) -> bool:
    """Whether two versions launch the same."""
    return normalise_template(one) == normalise_template(other)


def digest(data: TemplateData) -> str:
    """Return 16 hexadecimal characters that differ when the normalised data differ."""
    return sha256(canonical(normalise_template(data)).encode()).hexdigest()[:16]


def carried_over(base: TemplateData) -> dict[str, Any]:
    """Return the top-level keys that a version does not inherit from its source unless they are given.

    "Snapshots applied to the block device mapping are ignored unless explicitly included" (C(SourceVersion)).
    """
    mappings = base.get("BlockDeviceMappings", [])
    has_snapshot = any("SnapshotId" in mapping.get("Ebs", {}) for mapping in mappings)
    return {"BlockDeviceMappings": mappings} if has_snapshot else {}


def declaration_problems(base: TemplateData, desired: DesiredProfile, where: str) -> list[Problem]:
    """Return what of the declared settings this server's template can never have: to be corrected in the declaration.

    Args:
        base: LaunchTemplateData of the version that a new one would be made from.
        desired: What the version of the profile must say.
        where: Whose template it is, for messages.
    """
    problems = Problems()
    for value, remedy in volume_problems(base.get("BlockDeviceMappings", []), desired.volumes):
        problems.add(value, f"{where}, volumes", remedy)
    if desired.dedicated_host and base.get("Placement", {}).get("Tenancy") != "host":
        remedy = "OS BYOL can only be used with EC2 Dedicated Hosts: set the template's Placement.Tenancy to host first"
        problems.add(True, f"{where}, os_byol", remedy)
    try:
        specifications = _tags_by_type(_tag_specifications(base.get("TagSpecifications", []), desired))
    except DeclarationError as error:
        problems.extend(error.problems)
        specifications = {}
    shown = {**base.get("MetadataOptions", {}), **desired.metadata_options}.get("InstanceMetadataTags") == "enabled"
    for key in specifications.get("instance", {}) if shown else ():
        if set(key) & {" ", "/"} or key in {".", "..", "_index"}:
            remedy = "is no key that instance metadata can show: rename it, or disable instance_metadata_tags"
            problems.add(key, f"{where}, tags", remedy)
    return list(problems)


def version_description(mark: VersionMark) -> str:
    """Return the description of one of our versions (C(disaster_recovery.aws profile=test 0123456789abcdef …))."""
    words = [f"disaster_recovery.aws profile={mark.profile} {mark.digest}"]
    if mark.beside is not None:
        words.append(f"beside={mark.beside.profile}:{mark.beside.number or '+1'}:{mark.beside.digest}")
    if mark.instance_types:
        words.append(f"types={','.join(mark.instance_types)}")
    if mark.alternative_of is not None:
        words.append(f"alternative-of={mark.alternative_of}")
    return " ".join(words)


def parse_version_description(description: str | None) -> VersionMark | None:
    """Return what one of our descriptions says, or None when the version is not ours."""
    match = _DESCRIPTION.fullmatch(description or "")
    if match is None:
        return None
    beside = None
    if match["beside"]:
        number = None if match["number"] == "+1" else int(match["number"])
        beside = Sibling(match["beside"], number, match["beside_digest"])
    types = tuple(match["types"].split(",")) if match["types"] else ()
    alternative_of = int(match["alternative_of"]) if match["alternative_of"] else None
    return VersionMark(match["profile"], match["digest"], beside, types, alternative_of)


def private_address(interface: Mapping[str, Any]) -> str | None:
    """Return the primary private address of a template's interface, from whichever of the two places holds it.

    None when the interface has none, or only further ones: then EC2 chooses.
    """
    if interface.get("PrivateIpAddress"):
        return str(interface["PrivateIpAddress"])
    addresses = interface.get("PrivateIpAddresses") or []
    candidates = sorted(
        (one for one in addresses if one.get("Primary") is not False), key=lambda one: not one.get("Primary")
    )
    return str(candidates[0]["PrivateIpAddress"]) if candidates else None


def launched_tags(data: TemplateData) -> dict[str, dict[str, str]]:
    """Return the tags of what a version launches: instance, volumes and network interfaces, by resource type."""
    by_type = _tags_by_type(data.get("TagSpecifications", []))
    return {resource: by_type.get(resource, {}) for resource in TAGGED_RESOURCES}


def _check_conflicts(base: TemplateData, desired: DesiredProfile) -> None:
    problems = Problems()
    where = f"launch template, profile {desired.profile}"
    for key in ("SecurityGroupIds", "SecurityGroups"):
        if base.get(key):
            problems.add(
                base[key], f"{where}, {key}", "cannot stand beside network interfaces: take it out of the template"
            )
    if base.get("InstanceRequirements") and desired.instance_type is not None:
        remedy = f"cannot stand beside the instance type {desired.instance_type}: take one of the two out"
        problems.add("InstanceRequirements", where, remedy)
    problems.raise_if_any()


def _network_interfaces(
    existing: Sequence[Mapping[str, Any]], desired: Sequence[DesiredInterface]
) -> list[dict[str, Any]]:
    by_index = {_device_index(interface): dict(interface) for interface in existing}
    for wanted in desired:
        by_index[wanted.device_index] = _network_interface(by_index.get(wanted.device_index, {}), wanted)
    return [by_index[index] for index in sorted(by_index)]


def _instance_profile(existing: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the instance profile as the template spells it when it is the same one, by name or ARN."""
    same = {existing.get("Name"), existing.get("Arn"), str(existing.get("Arn")).rsplit("/", 1)[-1]}
    if name in same:
        return dict(existing)
    return {"Arn": name} if name.startswith("arn:") else {"Name": name}


def _network_interface(existing: Mapping[str, Any], desired: DesiredInterface) -> dict[str, Any]:
    """Return the interface with its place and address as desired, and everything else as it was.

    Further addresses belong to the subnet they were given in: they are kept only while the interface stays in it.
    An address that DRS copies from the source is DRS's to write.
    """
    if desired.copied_address is not None:
        kept = _without(existing, "NetworkInterfaceId")
        place = {"DeviceIndex": desired.device_index, "SubnetId": desired.subnet_id}
        return {**kept, **place, "Groups": list(desired.security_groups)}
    interface = _without(existing, "PrivateIpAddress", "PrivateIpAddresses", "NetworkInterfaceId")
    further: list[dict[str, Any]] = []
    if existing.get("SubnetId") == desired.subnet_id:
        further = [
            {"Primary": False, "PrivateIpAddress": address["PrivateIpAddress"]}
            for address in existing.get("PrivateIpAddresses") or []
            if address["PrivateIpAddress"] not in {private_address(existing), desired.address}
        ]
    else:
        interface = _without(interface, "Ipv6Addresses")
    interface["DeviceIndex"] = desired.device_index
    interface["SubnetId"] = desired.subnet_id
    interface["Groups"] = list(desired.security_groups)
    if further:
        primary = [{"Primary": True, "PrivateIpAddress": desired.address}] if desired.address else []
        interface["PrivateIpAddresses"] = [*primary, *further]
    elif desired.address:
        interface["PrivateIpAddress"] = desired.address
    return interface


def _tag_specifications(existing: Sequence[Mapping[str, Any]], desired: DesiredProfile) -> list[dict[str, Any]]:
    by_type = _tags_by_type(existing)
    for resource in TAGGED_RESOURCES:
        actual = by_type.get(resource, {})
        where = f"launch template, tags of each {resource}"
        tags = {**desired.tags, **desired.resource_tags.get(resource, {})}
        changes = merge_changes(actual, tags, purge=desired.purge_tags, kept=NAMES_OF_DRS, where=where)
        by_type[resource] = changes.applied(actual)
    return _specifications(by_type)


def _tags_by_type(specifications: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    by_type: dict[str, dict[str, str]] = {}
    for specification in specifications:
        tags = by_type.setdefault(specification.get("ResourceType", ""), {})
        tags.update({tag["Key"]: tag["Value"] for tag in specification.get("Tags", [])})
    return by_type


def _specifications(by_type: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    return [
        {"ResourceType": resource, "Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}
        for resource, tags in by_type.items()
        if tags
    ]


def _normal_interface(interface: Mapping[str, Any]) -> dict[str, Any]:
    shaped = _without(interface, "PrivateIpAddress", "PrivateIpAddresses")
    primary = private_address(interface)
    others = {address["PrivateIpAddress"] for address in interface.get("PrivateIpAddresses") or []} - {primary}
    shaped["PrivateIpAddresses"] = [
        *([{"Primary": True, "PrivateIpAddress": primary}] if primary else []),
        *({"Primary": False, "PrivateIpAddress": address} for address in sorted(others)),
    ]
    shaped["DeviceIndex"] = _device_index(interface)
    shaped["Groups"] = sorted(interface.get("Groups") or [])
    shaped["Ipv6Addresses"] = [_without(address, "IsPrimaryIpv6") for address in interface.get("Ipv6Addresses") or []]
    return shaped


def _device_index(interface: Mapping[str, Any]) -> int:
    return int(interface.get("DeviceIndex") or 0)


def _without(mapping: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}


def _pruned(value: Any) -> Any:
    """Return C(value) without members that say nothing: null, empty texts, lists and mappings."""
    if isinstance(value, Mapping):
        return {name: kept for name, member in value.items() if (kept := _pruned(member)) not in (None, "", [], {})}
    if isinstance(value, (list, tuple)):
        return [_pruned(member) for member in value]
    return value
