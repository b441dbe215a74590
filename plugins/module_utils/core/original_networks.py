# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where source machines are, as EC2 knows it: the target of a failback that the subnet map does not name.

Source: EC2 API Reference, Instance, Subnet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from .addresses import AddressRule, Home, Homes, NetworkTarget, SubnetMap
from .ip_map import MapEntry
from .launch_networks import named
from .places import Place
from .runs import FAILBACK
from .source_servers import Interface, SourceServer, instance_addresses

Item = Mapping[str, Any]

TERMINATED = "terminated"

KEPT_RULES = (AddressRule.ORIGINAL, AddressRule.EXPLICIT, AddressRule.IMPORTED)
"""Rules of a stored target that may be in the original subnet."""


@dataclass(frozen=True, slots=True)
class Original:
    """What EC2 knows of a source machine.

    Attributes:
        targets: Where its interfaces are, by private address.
    """

    instance_type: str
    targets: Mapping[str, NetworkTarget]


def source_places(servers: Iterable[SourceServer], source_region: str = "") -> dict[Place, set[str]]:
    """Return the source instances of servers by account and Region; without those of which nobody knows the Region.

    Args:
        servers: Source servers.
        source_region: Region of source machines of which DRS names none.
    """
    places: dict[Place, set[str]] = {}
    for server in servers:
        place = _place(server, source_region)
        if server.aws_instance_id and place.region:
            places.setdefault(place, set()).add(server.aws_instance_id)
    return places


def subnets_to_read(
    servers: Iterable[SourceServer], subnet_map: SubnetMap, instances: Mapping[str, Item]
) -> dict[Place, set[str]]:
    """Return the subnets of source instances by account and Region.

    Args:
        servers: Source servers.
        subnet_map: The complete subnet map; where all of it names a target for failbacks, nothing has to be read.
        instances: Items of DescribeInstances by id.
    """
    wanted: dict[Place, set[str]] = {}
    if all(FAILBACK in rule.targets for rule in subnet_map.rules):
        return wanted
    for server in servers:
        for interface in instances.get(server.aws_instance_id or "", {}).get("NetworkInterfaces", []):
            if interface.get("SubnetId"):
                place = _place(server, subnet_map.source_region)
                wanted.setdefault(place, set()).add(interface["SubnetId"])
    return wanted


def originals_of(
    servers: Iterable[SourceServer],
    instances: Mapping[str, Item],
    subnets: Mapping[str, Item],
    source_region: str = "",
) -> dict[str, Original]:
    """Return what EC2 knows of the source machines, by source server id.

    Args:
        servers: Source servers.
        instances: Items of DescribeInstances by id; terminated ones tell nothing.
        subnets: Items of DescribeSubnets by id.
        source_region: Region of source machines of which DRS names none.
    """
    found: dict[str, Original] = {}
    for server in servers:
        instance = instances.get(server.aws_instance_id or "")
        if instance is None or instance.get("State", {}).get("Name") == TERMINATED:
            continue
        place = _place(server, source_region)
        targets = {
            address: NetworkTarget(
                subnet_id=interface["SubnetId"],
                cidr=IPv4Network(subnets[interface["SubnetId"]]["CidrBlock"]),
                security_groups=tuple(sorted(group["GroupId"] for group in interface.get("Groups", []))),
                rule=AddressRule.ORIGINAL,
                account_id=place.account_id,
                region=place.region,
            )
            for interface in instance.get("NetworkInterfaces", [])
            if interface.get("SubnetId") in subnets
            for address in instance_addresses(interface)
        }
        found[server.source_server_id] = Original(instance.get("InstanceType", ""), targets)
    return found


def original_subnets(originals: Mapping[str, Original]) -> dict[Place, set[str]]:
    """Return the ids of the subnets that source machines are in, by account and Region."""
    found: dict[Place, set[str]] = {}
    for original in originals.values():
        for target in original.targets.values():
            found.setdefault(Place(target.account_id, target.region), set()).add(target.subnet_id)
    return found


def homes_of(servers: Iterable[SourceServer], originals: Mapping[str, Original], stored: Iterable[MapEntry]) -> Homes:
    """Return where machines go back to when the subnet map does not say so: to where they are.

    What is stored stays where EC2 does not tell: on the day of a disaster nobody can be asked at home, and after it the
    machine may be gone. It stays as well while a machine runs where the IP map recovers it, as the source of a server
    does that is protected within one Region.

    Args:
        servers: Source servers with their interfaces.
        originals: What EC2 knows of their machines.
        stored: Their entries in the IP map.
    """
    servers, entries = list(servers), {entry.id: entry for entry in stored}
    holders = Counter(server.key for server in servers)
    homes: dict[tuple[str, int], Home] = {}
    types: dict[str, str] = {}
    for server in servers:
        original = originals.get(server.source_server_id)
        for interface in server.interfaces:
            entry = entries.get((server.key, interface.index))
            if entry and holders[server.key] > 1 and entry.drs.source_server_id != server.source_server_id:
                entry = None
            now = original.targets.get(interface.address or "") if original else None
            away = now is not None and _is_recovered(now, entry)
            home = Home(now, interface.address or "") if now and not away else _stored_home(interface, entry)
            if home is not None:
                homes[(server.source_server_id, interface.index)] = home
            told = original.instance_type if original and not away else None
            instance_type = told or (entry.source.instance_type if entry else None)
            if instance_type:
                types[server.source_server_id] = instance_type
    return Homes(homes, types)


def notes(entries: Iterable[MapEntry]) -> list[str]:
    """Return a line, for a person, that names the servers without a profile for failbacks; none when all have it."""
    keys = {entry.server_key for entry in entries if FAILBACK not in entry.profiles}
    if not keys:
        return []
    reason = "dr_subnet_map names no target for it, and EC2 shows no source instance with their addresses"
    return [f"{len(keys)} servers have no profile {FAILBACK} ({named(keys)}): {reason}"]


def _place(server: SourceServer, source_region: str) -> Place:
    account_id = server.origin_account_id or server.staging_account_id or server.account_id
    return Place(account_id, server.origin_region or source_region)


def _is_recovered(now: NetworkTarget, entry: MapEntry | None) -> bool:
    """Whether a machine runs in the subnet that it fails over to, and not in the one that it goes back to."""
    failover, failback = (entry.profiles.get(name) if entry else None for name in ("failover", FAILBACK))
    at_home = failback is not None and failback.subnet_id == now.subnet_id
    return not at_home and failover is not None and failover.subnet_id == now.subnet_id


def _stored_home(interface: Interface, entry: MapEntry | None) -> Home | None:
    stored = entry.profiles.get(FAILBACK) if entry else None
    if stored is None or stored.address is None or stored.rule not in KEPT_RULES:
        return None
    cidr = IPv4Network(stored.cidr)
    own = interface.address if interface.address and IPv4Address(interface.address) in cidr else None
    if stored.rule != AddressRule.ORIGINAL and own is None:
        return None
    address = stored.address if stored.rule == AddressRule.ORIGINAL else own
    target = NetworkTarget(stored.subnet_id, cidr, stored.security_groups, AddressRule.ORIGINAL)
    return Home(target, address or "")
