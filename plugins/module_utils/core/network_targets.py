# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the targets of the subnet map exist as declared, and are the addresses free?

Source: EC2 API Reference, Subnet, SecurityGroup, NetworkInterface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .addresses import NetworkTarget, SubnetMap
from .errors import Problems
from .ip_map import MapEntry, Reservation

SOURCE_SIDE_PROFILES = ("failback",)
"""Profiles whose subnets are in the source Region: they cannot be looked up in the recovery Region."""


def recovery_targets(subnet_map: SubnetMap) -> Iterator[tuple[str, NetworkTarget]]:
    """Yield the targets that are in the recovery Region, each with where it was declared, for messages."""
    for rule in subnet_map.rules:
        for profile, target in rule.targets.items():
            if profile not in SOURCE_SIDE_PROFILES:
                yield f"subnet map, source {rule.source_cidr}, {profile}", target


def check_targets(
    subnet_map: SubnetMap,
    subnets: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]],
    region: str,
    problems: Problems,
) -> None:
    """Find what is wrong with the declared targets: subnets or groups that do not exist, other networks, other VPCs.

    Args:
        subnet_map: The declared subnet map.
        subnets: Items of DescribeSubnets by id.
        groups: Items of DescribeSecurityGroups by id.
        region: The recovery Region, for messages.
        problems: Collects what is found.
    """
    for where, target in recovery_targets(subnet_map):
        subnet = subnets.get(target.subnet_id)
        if subnet is None:
            problems.add(target.subnet_id, where, f"no such subnet in this account in {region}: correct subnet_id")
            continue
        if subnet["CidrBlock"] != str(target.cidr):
            remedy = f"subnet {target.subnet_id} has the network {subnet['CidrBlock']}: correct cidr or subnet_id"
            problems.add(str(target.cidr), where, remedy)
        for group_id in target.security_groups:
            group = groups.get(group_id)
            if group is None:
                problems.add(group_id, where, f"no such security group in this account in {region}")
            elif group["VpcId"] != subnet["VpcId"]:
                remedy = f"is in {group['VpcId']}, but subnet {target.subnet_id} is in {subnet['VpcId']}"
                problems.add(group_id, where, remedy)


def addresses_of(entries: Iterable[MapEntry]) -> dict[str, list[str]]:
    """Return the fixed addresses of entries in the recovery Region, by subnet id."""
    addresses: dict[str, list[str]] = {}
    for reservation in _recovery_reservations(entries):
        addresses.setdefault(reservation.subnet_id, []).append(reservation.address)
    return addresses


def check_in_use(
    entries: Iterable[MapEntry],
    in_use: Mapping[tuple[str, str], Mapping[str, Any]],
    recovery_instances: Mapping[str, str | None],
    problems: Problems,
) -> None:
    """Find the wanted addresses that a network interface already has which is not the server's own.

    Args:
        entries: Wanted entries.
        in_use: Items of DescribeNetworkInterfaces by subnet id and address.
        recovery_instances: Recovery instance of each server key: it may have the address.
        problems: Collects what is found.
    """
    for wanted in _recovery_reservations(entries):
        interface = in_use.get((wanted.subnet_id, wanted.address))
        if interface is None:
            continue
        instance_id = interface.get("Attachment", {}).get("InstanceId")
        if instance_id is None or instance_id != recovery_instances.get(wanted.server_key):
            user = f"{interface['NetworkInterfaceId']} ({instance_id or 'not attached to an instance'})"
            problems.add(
                wanted.address,
                f"interface {wanted.interface} of {wanted.server_key}, profile {wanted.profile}",
                f"is in use in {wanted.subnet_id} by {user}: free it, or give another address in dr_addresses",
            )


def _recovery_reservations(entries: Iterable[MapEntry]) -> Iterator[Reservation]:
    for entry in entries:
        for reservation in entry.reservations():
            if reservation.profile not in SOURCE_SIDE_PROFILES:
                yield reservation
