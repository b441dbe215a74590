# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the networks of the subnet map exist as declared, and are the addresses free?

Source: EC2 API Reference, Subnet, SecurityGroup, NetworkInterface.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from .addresses import NetworkTarget, Origin, SubnetMap, SubnetRule
from .errors import Problems
from .ip_map import MapEntry
from .places import Place
from .subnet_map import (
    GROUP_ID_START,
    SOURCE_SIDE_PROFILES,
    DeclaredRule,
    DeclaredSource,
    DeclaredTarget,
    check_fit,
    check_source,
)

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NetworkNames:
    """What has to be looked up in one account and Region.

    Attributes:
        where: The first declaration that names this account and Region, for messages.
    """

    where: str
    subnet_ids: frozenset[str]
    group_ids: frozenset[str]
    group_names: frozenset[str]


@dataclass(frozen=True, slots=True)
class FoundNetworks:
    """What EC2 knows in one account and Region.

    Attributes:
        subnets: Items of DescribeSubnets by id.
        groups: Items of DescribeSecurityGroups by id and by name; a name may have several.
    """

    subnets: Mapping[str, Item]
    groups: Mapping[str, Sequence[Item]]


def names_by_place(rules: Iterable[DeclaredRule]) -> dict[Place, NetworkNames]:
    """Return what rules with known accounts and Regions (L(subnet_map.locate)) name, in the order of the rules."""
    where: dict[Place, str] = {}
    subnets: dict[Place, set[str]] = {}
    groups: dict[Place, set[str]] = {}
    for rule in rules:
        named = [
            (target.place, target.where, target.subnet_id, target.security_groups) for target in rule.targets.values()
        ]
        named += [
            (target.place, target.where, target.staging_subnet_id, ())
            for target in rule.targets.values()
            if target.staging_subnet_id
        ]
        if rule.source.subnet_id:
            named.insert(0, (rule.source.place, rule.where, rule.source.subnet_id, ()))
        for place, declared, subnet_id, group_names in named:
            if place.region:
                where.setdefault(place, declared)
                subnets.setdefault(place, set()).add(subnet_id)
                groups.setdefault(place, set()).update(group_names)
    return {
        place: NetworkNames(
            declared,
            frozenset(subnets[place]),
            frozenset(group for group in groups[place] if _is_id(group)),
            frozenset(group for group in groups[place] if not _is_id(group)),
        )
        for place, declared in where.items()
    }


def resolve(
    rules: Iterable[DeclaredRule],
    found: Mapping[Place, FoundNetworks],
    problems: Problems,
    *,
    source_region: str | None = None,
) -> SubnetMap:
    """Return the complete subnet map, and find what is wrong with it.

    A rule whose source network nobody knows is left out: compare the number of rules before asking for addresses.

    Args:
        rules: Rules with known accounts and Regions (see L(subnet_map.locate)).
        found: What EC2 answered. An account and Region that could not be asked is missing, and was reported already.
        problems: Collects subnets and groups that do not exist or are not unique, other networks, other VPCs.
        source_region: Region of source machines of which DRS names none.
    """
    resolved: list[SubnetRule] = []
    first_seen: dict[tuple[IPv4Network, Origin], str] = {}
    for rule in rules:
        source = _resolve_source(rule.source, rule.where, found, problems)
        targets: dict[str, NetworkTarget] = {}
        for profile, target in rule.targets.items():
            groups = _resolve_target(target, found, problems)
            targets[profile] = NetworkTarget(
                target.subnet_id, target.cidr, groups, target.rule, *target.place, target.staging_subnet_id
            )
            if source is not None and rule.source.cidr is None:
                check_fit(source, target.cidr, target.rule, target.where, problems)
        if source is not None:
            check_source(source, rule.source.scope, rule.where, first_seen, problems)
            resolved.append(SubnetRule(source, targets, rule.where, rule.source.scope))
    return SubnetMap(tuple(resolved), source_region or "")


def target_subnets(subnet_map: SubnetMap, wanted: Collection[str] | None = None) -> dict[Place, set[str]]:
    """Return the ids of target subnets by account and Region: all, or those of C(wanted)."""
    subnets: dict[Place, set[str]] = {}
    for rule in subnet_map.rules:
        for target in rule.targets.values():
            if wanted is None or target.subnet_id in wanted:
                subnets.setdefault(Place(target.account_id, target.region), set()).add(target.subnet_id)
    return subnets


def check_in_use(
    entries: Iterable[MapEntry],
    in_use: Mapping[tuple[str, str], Item],
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
    for entry in entries:
        for wanted in entry.reservations():
            interface = in_use.get((wanted.subnet_id, wanted.address))
            if interface is None:
                continue
            instance_id = instance_of(interface)
            if instance_id is None or instance_id != own_instance(entry, wanted.profile, recovery_instances):
                user = f"{interface['NetworkInterfaceId']} ({instance_id or 'not attached to an instance'})"
                problems.add(
                    wanted.address,
                    f"interface {wanted.interface} of {wanted.server_key}, profile {wanted.profile}",
                    f"is in use in {wanted.subnet_id} by {user}: free it, or give another address in dr_addresses",
                )


def check_held(entries: Iterable[MapEntry], others: Iterable[MapEntry], problems: Problems) -> None:
    """Find the wanted addresses that the IP map holds for other servers.

    Args:
        entries: Wanted entries.
        others: Entries that the IP map has beside the wanted ones.
        problems: Collects what is found.
    """
    held = {(holder.subnet_id, holder.address): holder for entry in others for holder in entry.reservations()}
    for entry in entries:
        for wanted in entry.reservations():
            holder = held.get((wanted.subnet_id, wanted.address))
            if holder is not None:
                problems.add(
                    wanted.address,
                    f"interface {wanted.interface} of {wanted.server_key}, profile {wanted.profile}",
                    f"is held in {wanted.subnet_id} by interface {holder.interface} of {holder.server_key}, profile "
                    f"{holder.profile}: give another address in dr_addresses, or remove the entries of that server",
                )


def instance_of(interface: Item) -> str | None:
    """Return the instance that a network interface (an item of DescribeNetworkInterfaces) is attached to, or None."""
    instance_id: str | None = interface.get("Attachment", {}).get("InstanceId")
    return instance_id


def own_instance(entry: MapEntry, profile: str, recovery_instances: Mapping[str, str | None]) -> str | None:
    """Return the instance that a launch in C(profile) replaces, and whose addresses it may therefore have."""
    return entry.source.instance_id if profile in SOURCE_SIDE_PROFILES else recovery_instances.get(entry.server_key)


def _is_id(group: str) -> bool:
    return group.startswith(GROUP_ID_START)


def _resolve_source(
    source: DeclaredSource, where: str, found: Mapping[Place, FoundNetworks], problems: Problems
) -> IPv4Network | None:
    if source.cidr is not None or source.place not in found:
        return source.cidr
    subnet = found[source.place].subnets.get(source.subnet_id)
    if subnet is None:
        remedy = f"no such subnet in {source.place}: correct it, or give source_account_id and source_region"
        problems.add(source.subnet_id, f"{where}.source_subnet_id", remedy)
        return None
    return IPv4Network(subnet["CidrBlock"])


def _resolve_target(
    target: DeclaredTarget, found: Mapping[Place, FoundNetworks], problems: Problems
) -> tuple[str, ...]:
    """Return the ids of the target's security groups, as far as they are known."""
    networks = found.get(target.place)
    if networks is None:
        return tuple(group for group in target.security_groups if _is_id(group))
    subnet = networks.subnets.get(target.subnet_id)
    if subnet is None:
        remedy = f"no such subnet in {target.place}: correct subnet_id, account_id or region"
        problems.add(target.subnet_id, f"{target.where}.subnet_id", remedy)
    elif subnet["CidrBlock"] != str(target.cidr):
        remedy = f"subnet {target.subnet_id} has the network {subnet['CidrBlock']}: correct cidr or subnet_id"
        problems.add(str(target.cidr), f"{target.where}.cidr", remedy)
    if target.staging_subnet_id and target.staging_subnet_id not in networks.subnets:
        remedy = f"no such subnet in {target.place}: correct it, or leave it out where servers never leave their zone"
        problems.add(target.staging_subnet_id, f"{target.where}.staging_subnet_id", remedy)
    ids = (
        _resolve_group(group, f"{target.where}.security_groups[{number}]", target, subnet, networks, problems)
        for number, group in enumerate(target.security_groups)
    )
    return tuple(dict.fromkeys(group_id for group_id in ids if group_id))


def _resolve_group(
    group: str, where: str, target: DeclaredTarget, subnet: Item | None, networks: FoundNetworks, problems: Problems
) -> str:
    """Return a security group's id; empty when it is given by a name that says nothing."""
    known = networks.groups.get(group, ())
    if not known:
        problems.add(group, where, f"no such security group in {target.place}")
    if subnet is None or not known:
        return group if _is_id(group) else ""
    near = [item for item in known if item["VpcId"] == subnet["VpcId"]]
    if not near:
        others = ", ".join(sorted({item["VpcId"] for item in known}))
        remedy = f"is in {others}, but subnet {target.subnet_id} is in {subnet['VpcId']}: name a group of that VPC"
        problems.add(group, where, remedy)
    elif len(near) > 1:
        ids = ", ".join(sorted(item["GroupId"] for item in near))
        problems.add(group, where, f"is the name of {len(near)} groups of {subnet['VpcId']} ({ids}): give the id")
    return str(near[0]["GroupId"]) if len(near) == 1 else ""
