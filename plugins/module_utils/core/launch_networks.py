# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a server launches: subnets, addresses and security groups of its interfaces, and whether EC2 has them so.

EC2 takes a launch template with any of them unseen; a wrong one shows when the launch fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from .addresses import AddressError, check_address
from .errors import Problems
from .fields import Fields, members_of

LAUNCH_PROFILES = ("failover", "test")
"""Profiles of the recovery side; a failback launches on the source side, from other templates."""

MOST_INTERFACES = 15
NAMED_SERVERS = 3


@dataclass(frozen=True, slots=True)
class DesiredInterface:
    """A network interface of a launch template.

    Attributes:
        address: The primary private address, None when EC2 (or DRS, by C(copyPrivateIp)) chooses it.
        copied_address: The source's own address when DRS writes that into the template, by C(copyPrivateIp).
    """

    device_index: int
    subnet_id: str
    security_groups: tuple[str, ...]
    address: str | None
    copied_address: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The interfaces of one server in one network profile."""

    server_key: str
    profile: str
    interfaces: tuple[DesiredInterface, ...]


def parse_network(raw: Any, where: str, problems: Problems) -> dict[str, tuple[DesiredInterface, ...]]:
    """Read the interfaces that are declared directly, by profile; problems are collected."""
    read = Fields(raw, where, problems, LAUNCH_PROFILES)
    return {
        profile: _parse_interfaces(read.value(profile), read.at(profile), problems)
        for profile in LAUNCH_PROFILES
        if profile in read
    }


def check_placements(
    placements: Iterable[Placement],
    subnets: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]],
    region: str,
    problems: Problems,
) -> None:
    """Find what would fail at the launch: subnets and groups that are not there, addresses that do not fit or collide.

    Args:
        placements: Of all servers.
        subnets: Items of DescribeSubnets by id.
        groups: Items of DescribeSecurityGroups by id.
        region: The recovery Region, for messages.
        problems: Collects what is found; what many servers share is named once.
    """
    shared: dict[tuple[str, str], list[str]] = {}
    holders: dict[tuple[str, str], str] = {}
    for placement in placements:
        zones: set[str] = set()
        for interface in placement.interfaces:
            place = f"interface {interface.device_index} of {placement.server_key}, profile {placement.profile}"
            for finding in _missing(interface, subnets, groups, region):
                shared.setdefault(finding, []).append(placement.server_key)
            subnet = subnets.get(interface.subnet_id)
            if subnet is None:
                continue
            zones.add(subnet["AvailabilityZone"])
            _check_address(interface, subnet, place, problems)
            if interface.address is not None:
                key = (interface.subnet_id, interface.address)
                holder = holders.setdefault(key, place)
                if holder.partition(",")[0] != place.partition(",")[0]:
                    problems.add(interface.address, place, f"{holder} has it in {interface.subnet_id} as well")
        if len(zones) > 1:
            remedy = "its interfaces are in different availability zones, which no instance can have: choose one zone"
            problems.add(", ".join(sorted(zones)), f"{placement.server_key}, profile {placement.profile}", remedy)
    for (value, remedy), keys in shared.items():
        problems.add(value, named(keys), remedy)


def named(keys: Iterable[str]) -> str:
    """Return a few of many server keys, and how many more there are."""
    different = sorted(set(keys))
    more = len(different) - NAMED_SERVERS
    return ", ".join(different[:NAMED_SERVERS]) + (f" and {more} more" if more > 0 else "")


def _missing(
    interface: DesiredInterface,
    subnets: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]],
    region: str,
) -> list[tuple[str, str]]:
    subnet = subnets.get(interface.subnet_id)
    if subnet is None:
        return [(interface.subnet_id, f"no such subnet in this account in {region}: correct it, or map it again")]
    found = []
    for group_id in interface.security_groups:
        group = groups.get(group_id)
        if group is None:
            found.append((group_id, f"no such security group in this account in {region}"))
        elif group["VpcId"] != subnet["VpcId"]:
            found.append((group_id, f"is in {group['VpcId']}, but {interface.subnet_id} is in {subnet['VpcId']}"))
    return found


def _check_address(interface: DesiredInterface, subnet: Mapping[str, Any], place: str, problems: Problems) -> None:
    cidr = IPv4Network(subnet["CidrBlock"])
    for address, remedy in (
        (interface.address, ""),
        (interface.copied_address, "; copy_private_ip has DRS launch with it: set it to false"),
    ):
        if address is None:
            continue
        try:
            check_address(address, cidr)
        except AddressError as error:
            problems.add(address, place, f"{error}{remedy}")


def _parse_interfaces(raw: Any, where: str, problems: Problems) -> tuple[DesiredInterface, ...]:
    members = members_of(raw, where, problems)
    if isinstance(raw, (list, tuple)) and not members:
        problems.add(raw, where, "is empty: give at least one interface")
    interfaces: dict[int, DesiredInterface] = {}
    for place, member in members:
        read = Fields(member, place, problems, ("interface", "subnet_id", "security_groups", "address"))
        interface = DesiredInterface(
            device_index=read.integer("interface", 0, minimum=0, maximum=MOST_INTERFACES - 1),
            subnet_id=read.text("subnet_id", pattern="subnet-[0-9a-f]+", remedy="must be a subnet id (subnet-…)"),
            security_groups=read.texts(
                "security_groups", pattern="sg-[0-9a-f]+", remedy="must be the id of a security group (sg-…)"
            ),
            address=read.text("address", pattern=r"[0-9.]+", remedy="must be an IPv4 address; leave it out for any")
            if "address" in read
            else None,
        )
        if interface.device_index in interfaces:
            problems.add(interface.device_index, f"{place}.interface", "is declared twice: declare each one once")
        interfaces[interface.device_index] = interface
    if interfaces and 0 not in interfaces:
        problems.add(sorted(interfaces), where, "interface 0, the primary one, is missing: declare it")
    return tuple(interfaces[index] for index in sorted(interfaces))
