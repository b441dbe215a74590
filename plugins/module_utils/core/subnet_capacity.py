# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has every target subnet enough free addresses for all servers that are mapped there?

Source: EC2 API Reference, Subnet (C(AvailableIpAddressCount) counts neither used nor reserved addresses).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from typing import Any

from .addresses import RESERVED_ADDRESSES, SubnetMap
from .errors import Problems
from .ip_map import MapEntry
from .network_targets import FoundNetworks, Item, instance_of, own_instance
from .places import Place

InUse = Mapping[tuple[str, str], Item]
"""Items of DescribeNetworkInterfaces by subnet id and address."""


@dataclass(frozen=True, slots=True)
class SubnetDemand:
    """What servers need of one target subnet, beside what they have already.

    Attributes:
        where: The first target that names the subnet (C(dr_subnet_map[0].failover)).
        usable: Addresses that are not reserved by AWS.
        available: Addresses that nobody uses now.
        fixed: Known addresses to come.
        dynamic: Addresses to come that EC2 chooses.
        held_for_others: Addresses to come of servers that are in the IP map, but not among the wanted entries.
    """

    where: str
    subnet_id: str
    account_id: str
    region: str
    cidr: str
    usable: int
    available: int
    fixed: int
    dynamic: int
    held_for_others: int

    @property
    def needed(self) -> int:
        """Free addresses that must be there."""
        return self.fixed + self.dynamic + self.held_for_others

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**asdict(self), "needed": self.needed}


def subnet_demands(
    subnet_map: SubnetMap,
    found: Mapping[Place, FoundNetworks],
    entries: Sequence[MapEntry],
    in_use: InUse,
    others: Iterable[MapEntry],
    recovery_instances: Mapping[str, str | None],
) -> list[SubnetDemand]:
    """Return what is needed of every target subnet that exists, in the order of the map.

    Every profile counts: addresses are held for all of them at once. An address that the instance has which a launch
    replaces need not be free.

    Args:
        subnet_map: The complete subnet map.
        found: What EC2 knows of its subnets.
        entries: Wanted entries.
        in_use: Every address in use in the target subnets.
        others: Entries that the IP map has beside the wanted ones.
        recovery_instances: Recovery instance of each server key.
    """
    fixed, dynamic = _to_come(entries, in_use, recovery_instances)
    held = _held(others, in_use)
    demands: dict[str, SubnetDemand] = {}
    for rule in subnet_map.rules:
        for profile, target in rule.targets.items():
            networks = found.get(Place(target.account_id, target.region))
            subnet = networks.subnets.get(target.subnet_id) if networks else None
            if subnet is None or target.subnet_id in demands:
                continue
            demands[target.subnet_id] = SubnetDemand(
                where=f"{rule.where}.{profile}",
                subnet_id=target.subnet_id,
                account_id=target.account_id,
                region=target.region,
                cidr=subnet["CidrBlock"],
                usable=IPv4Network(subnet["CidrBlock"]).num_addresses - RESERVED_ADDRESSES,
                available=subnet["AvailableIpAddressCount"],
                fixed=fixed[target.subnet_id],
                dynamic=dynamic[target.subnet_id],
                held_for_others=held[target.subnet_id],
            )
    return list(demands.values())


def _to_come(
    entries: Iterable[MapEntry], in_use: InUse, recovery_instances: Mapping[str, str | None]
) -> tuple[Counter[str], Counter[str]]:
    """Return how many fixed and how many dynamic addresses of each subnet have to be free for the entries."""
    fixed: Counter[str] = Counter()
    dynamic: Counter[str] = Counter()
    present = {(subnet_id, instance_of(interface)) for (subnet_id, _address), interface in in_use.items()}
    for entry in entries:
        for profile, target in entry.profiles.items():
            own = own_instance(entry, profile, recovery_instances)
            if target.address is None:
                dynamic[target.subnet_id] += own is None or (target.subnet_id, own) not in present
            else:
                holder = in_use.get((target.subnet_id, target.address))
                fixed[target.subnet_id] += own is None or holder is None or instance_of(holder) != own
    return fixed, dynamic


def _held(others: Iterable[MapEntry], in_use: InUse) -> Counter[str]:
    return Counter(
        target.subnet_id
        for entry in others
        for target in entry.profiles.values()
        if target.address is None or (target.subnet_id, target.address) not in in_use
    )


def check_capacity(demands: Iterable[SubnetDemand], problems: Problems) -> None:
    """Find the subnets that have fewer free addresses than are needed."""
    for demand in demands:
        if demand.needed > demand.available:
            parts = [f"{demand.fixed} fixed", f"{demand.dynamic} dynamic"]
            if demand.held_for_others:
                parts.append(f"{demand.held_for_others} held in the IP map for other servers")
            remedy = (
                f"{demand.cidr} has {demand.available} free addresses ({demand.usable} without the five that AWS "
                f"reserves), but {demand.needed} more are needed ({', '.join(parts)}): use a larger subnet, free "
                "addresses, or map fewer servers there"
            )
            problems.add(demand.subnet_id, f"{demand.where}.subnet_id", remedy)
