# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a route table of EC2 sends packets: the most specific route wins.

Sources: EC2 API Reference, Route and RouteTable; VPC User Guide, "Route priority".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from itertools import islice
from typing import Any

from .networks import Network, common, is_in, order, without

Item = Mapping[str, Any]


class TargetKind(StrEnum):
    """What is known of the place that a route leads to."""

    LOCAL = "local"
    """The VPC itself."""
    PRIVATE = "private"
    """Another network: peering, transit gateway, VPN or Direct Connect, Outpost, Cloud WAN, Oracle Database@AWS."""
    INTERNET = "internet"
    NAT = "nat"
    """Goes on by the route table of the NAT gateway's subnet."""
    ENDPOINT = "endpoint"
    """A gateway endpoint; its service is told by the endpoint itself."""
    APPLIANCE = "appliance"
    """An instance, an interface, a Gateway Load Balancer, or something unknown: nobody can say what is behind it."""
    NOTHING = "nothing"
    """The target is gone: packets are dropped."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    Attributes:
        destinations: Networks that it is for; those of a prefix list are several.
        destination: The same as EC2 shows it: a network or the id of a prefix list.
        target_id: What it leads to (C(pcx-…)).
    """

    destinations: tuple[Network, ...]
    destination: str
    kind: TargetKind
    target_id: str


PRIVATE_TARGETS = (
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
)
INTERNET_TARGETS = ("EgressOnlyInternetGatewayId", "CarrierGatewayId")
APPLIANCE_TARGETS = ("InstanceId", "NetworkInterfaceId", "IpAddress")
PREFIX_LIST = "DestinationPrefixListId"


def prefix_list_ids(routes: Iterable[Item], gateway_endpoints: Collection[str]) -> set[str]:
    """Return the prefix lists that have to be read to understand routes; those of gateway endpoints are not needed."""
    return {
        route[PREFIX_LIST]
        for route in routes
        if route.get(PREFIX_LIST) and route.get("GatewayId") not in gateway_endpoints
    }


def parse_route(
    item: Item, prefix_lists: Mapping[str, tuple[Network, ...]], gateway_endpoints: Collection[str]
) -> Route:
    """Build a route from an item of DescribeRouteTables.

    Args:
        item: The route.
        prefix_lists: Networks of the prefix lists that are known.
        gateway_endpoints: Ids of the endpoints of type Gateway.

    Raises:
        KeyError: Its prefix list is not known.
    """
    kind, target_id = _target(item, gateway_endpoints)
    prefix_list = item.get(PREFIX_LIST)
    if prefix_list:
        destinations = () if target_id in gateway_endpoints else prefix_lists[prefix_list]
        return Route(destinations, prefix_list, kind, target_id)
    cidr = item.get("DestinationCidrBlock") or item["DestinationIpv6CidrBlock"]
    return Route((ip_network(cidr),), cidr, kind, target_id)


def carriers(routes: Iterable[Route], wanted: Iterable[Network]) -> Iterator[tuple[Route, list[Network]]]:
    """Yield which routes carry packets to which of the wanted addresses; addresses without a route are left out.

    Routes for one and the same destination all count: which of them wins depends on more than the table.
    """
    wanted = list(wanted)
    of_destination: dict[Network, list[Route]] = {}
    for route in routes:
        for destination in route.destinations:
            of_destination.setdefault(destination, []).append(route)
    destinations = sorted(of_destination, key=order)
    for number, destination in enumerate(destinations):
        parts = common(wanted, without([destination], _more_specific(destinations, number)))
        for route in of_destination[destination] if parts else ():
            yield route, parts


def _more_specific(destinations: Sequence[Network], number: int) -> Iterator[Network]:
    """Yield those of sorted destinations that lie in the one with this number: they follow it."""
    for other in islice(destinations, number + 1, None):
        if not is_in(other, destinations[number]):
            return
        yield other


def _target(item: Item, gateway_endpoints: Collection[str]) -> tuple[TargetKind, str]:
    kind, target_id = _named_target(item, gateway_endpoints)
    # A stopped appliance looks like one that is gone, and can be started at any time.
    if item.get("State") == "blackhole" and kind != TargetKind.APPLIANCE:
        return TargetKind.NOTHING, target_id
    return kind, target_id


def _named_target(item: Item, gateway_endpoints: Collection[str]) -> tuple[TargetKind, str]:
    for names, kind in (
        (PRIVATE_TARGETS, TargetKind.PRIVATE),
        (INTERNET_TARGETS, TargetKind.INTERNET),
        (("NatGatewayId",), TargetKind.NAT),
        (APPLIANCE_TARGETS, TargetKind.APPLIANCE),
    ):
        for name in names:
            if item.get(name):
                return kind, str(item[name])
    gateway = str(item.get("GatewayId", ""))
    if gateway == "local":
        return TargetKind.LOCAL, gateway
    if gateway.startswith("igw-"):
        return TargetKind.INTERNET, gateway
    if gateway.startswith("vgw-"):
        return TargetKind.PRIVATE, gateway
    if gateway in gateway_endpoints:
        return TargetKind.ENDPOINT, gateway
    return TargetKind.APPLIANCE, gateway or "a target that this version does not know"
