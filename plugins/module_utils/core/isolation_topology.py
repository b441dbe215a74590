# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where packets of a test subnet go, and what stops them: EC2's answers put together.

Sources: VPC User Guide, "Route tables", "NAT gateways", "Network ACLs", "Security groups".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .firewalls import acl_lets_out, groups_let_through
from .isolation_facts import DrillNetwork, NetworkFacts
from .networks import EVERYWHERE, Network
from .readiness import Unknown
from .routes import PREFIX_LIST, Route, TargetKind, carriers, parse_route

Item = Mapping[str, Any]

GATEWAY_ENDPOINT = "Gateway"
GONE = frozenset({"deleted", "deleting", "detached", "detaching", "expired", "failed", "rejected"})
"""States in which nothing passes any more, lower case (peerings, attachments, endpoints, gateways)."""
NO_ASSOCIATION = frozenset({"disassociated", "failed"})
"""States in which a route table does not hold for a subnet."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where packets go by one route, or through NAT gateways by several.

    Attributes:
        text: The routes, for a person.
        kind: What is at its end.
        hops: Targets of its routes.
        networks: Addresses whose packets take it.
    """

    text: str
    kind: TargetKind
    hops: tuple[str, ...]
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """A connection of a VPC to another network, whether a route uses it or not."""

    vpc_id: str
    target_id: str
    text: str


class Topology:
    """The drill network as EC2 described it. What could not be read is taken for something that opens, never closes.

    Args:
        network: What is to be judged.
        facts: What EC2 answered.
    """

    def __init__(self, network: DrillNetwork, facts: NetworkFacts) -> None:
        self._launched_with = network.subnets
        self._test_groups = network.test_groups
        self.subnets = known_mapping(facts.subnets)
        self.security_groups = known_mapping(facts.security_groups)
        self.endpoints = [item for item in _known(facts.endpoints) if not gone(item.get("State"))]
        self.doors = list(_doors(facts))
        self._gateway_endpoints = gateway_endpoint_ids(_known(facts.endpoints))
        self._nat_gateways = {item["NatGatewayId"]: item for item in _known(facts.nat_gateways)}
        self._prefix_lists = {
            name: networks for name, networks in facts.prefix_lists.items() if not isinstance(networks, Unknown)
        }
        self._unread_prefix_lists = facts.prefix_lists.keys() - self._prefix_lists.keys()
        self._tables = {table["RouteTableId"]: table for table in _known(facts.route_tables)}
        self._main_table: dict[str, Item] = {}
        self._own_table: dict[str, Item] = {}
        for table in self._tables.values():
            for association in table.get("Associations", []):
                if association.get("AssociationState", {}).get("State") in NO_ASSOCIATION:
                    continue
                if association.get("Main"):
                    self._main_table[table["VpcId"]] = table
                if association.get("SubnetId"):
                    self._own_table[association["SubnetId"]] = table
        self._acls = {
            association["SubnetId"]: acl
            for acl in _known(facts.network_acls)
            for association in acl.get("Associations", [])
        }
        self._ways: dict[str, list[Way]] = {}
        self._closed_by: dict[tuple[str, frozenset[str], tuple[Network, ...]], str | None] = {}

    def route_table(self, subnet_id: str, vpc_id: str) -> Item | None:
        """Return the route table of a subnet: its own, else the main one of its VPC; None when EC2 shows none."""
        return self._own_table.get(subnet_id) or self._main_table.get(vpc_id)

    def ways(self, table: Item) -> list[Way]:
        """Return where a route table sends packets, each address by its most specific route."""
        table_id = table["RouteTableId"]
        if table_id not in self._ways:
            self._ways[table_id] = list(self._follow(table, EVERYWHERE, frozenset()))
        return self._ways[table_id]

    def closed_by(self, subnet_id: str, networks: tuple[Network, ...]) -> str | None:
        """Return the firewall that keeps a test subnet's servers from all of C(networks), None when there is none."""
        acl = self._acls.get(subnet_id)
        group_ids = self._launched_with[subnet_id]
        key = (acl["NetworkAclId"] if acl else "", group_ids, networks)
        if key not in self._closed_by:
            self._closed_by[key] = self._find_closed_by(acl, sorted(group_ids), networks)
        return self._closed_by[key]

    def _find_closed_by(self, acl: Item | None, group_ids: list[str], networks: tuple[Network, ...]) -> str | None:
        if acl is not None and not acl_lets_out(acl, networks):
            return f"network ACL {acl['NetworkAclId']}"
        groups = [self.security_groups[group_id] for group_id in group_ids if group_id in self.security_groups]
        if not groups or len(groups) < len(group_ids):
            return None
        if groups_let_through(groups, networks, self._test_groups, self._prefix_lists):
            return None
        return f"{'security group' if len(groups) == 1 else 'security groups'} {', '.join(group_ids)}"

    def _follow(self, table: Item, wanted: Iterable[Network], passed: frozenset[str]) -> Iterator[Way]:
        for route, parts in carriers(self._routes(table), wanted):
            text = f"route {route.destination} of {table['RouteTableId']} to {route.target_id}"
            way = Way(text, route.kind, (route.target_id,), tuple(parts))
            if route.kind != TargetKind.NAT:
                yield way
                continue
            onward = self._nat_table(route.target_id)
            if onward is None or route.target_id in passed:
                yield replace(way, kind=TargetKind.APPLIANCE)
                continue
            for following in self._follow(onward, parts, passed | {route.target_id}):
                hops = (*way.hops, *following.hops)
                yield replace(following, text=f"{text}, then {following.text}", hops=hops)

    def _routes(self, table: Item) -> Iterator[Route]:
        """Yield the routes that can be understood; a prefix list that could not be read is a finding of its own."""
        for item in table["Routes"]:
            if item.get(PREFIX_LIST) not in self._unread_prefix_lists:
                yield parse_route(item, self._prefix_lists, self._gateway_endpoints)

    def _nat_table(self, nat_gateway_id: str) -> Item | None:
        gateway = self._nat_gateways.get(nat_gateway_id, {})
        if gateway.get("RouteTableId"):  # a regional NAT gateway has one of its own
            return self._tables.get(gateway["RouteTableId"])
        return self.route_table(gateway["SubnetId"], gateway["VpcId"]) if gateway.get("SubnetId") else None


def endpoint_kind(endpoint: Item) -> str:
    """Return the type of a VPC endpoint; EC2's default is a gateway endpoint."""
    return str(endpoint.get("VpcEndpointType") or GATEWAY_ENDPOINT)


def gateway_endpoint_ids(endpoints: Iterable[Item]) -> set[str]:
    """Return the ids of those endpoints that are reached through route tables that name them."""
    return {endpoint["VpcEndpointId"] for endpoint in endpoints if is_gateway_endpoint(endpoint)}


def is_gateway_endpoint(endpoint: Item) -> bool:
    """Whether a VPC endpoint is reached through route tables that name it."""
    return endpoint_kind(endpoint) == GATEWAY_ENDPOINT


def gone(state: str | None) -> bool:
    """Whether nothing passes any more in this state."""
    return str(state).lower() in GONE


def known_mapping(fact: Mapping[str, Item] | Unknown) -> Mapping[str, Item]:
    """Return what was read; nothing when it could not be."""
    return {} if isinstance(fact, Unknown) else fact


def _known(fact: Sequence[Item] | Unknown) -> Sequence[Item]:
    return () if isinstance(fact, Unknown) else fact


def _doors(facts: NetworkFacts) -> Iterator[Door]:
    for peering in _known(facts.peerings):
        if gone(peering.get("Status", {}).get("Code")):
            continue
        sides = [peering.get("RequesterVpcInfo", {}), peering.get("AccepterVpcInfo", {})]
        for own, other in (sides, sides[::-1]):
            peering_id = peering["VpcPeeringConnectionId"]
            text = f"{peering_id} connects its VPC with {other.get('VpcId')} ({_cidrs(other)})"
            yield Door(own.get("VpcId", ""), peering_id, text)
    for attachment in _known(facts.transit_gateway_attachments):
        if not gone(attachment.get("State")):
            gateway_id = attachment["TransitGatewayId"]
            text = f"{attachment['TransitGatewayAttachmentId']} connects its VPC with {gateway_id}"
            yield Door(attachment["VpcId"], gateway_id, text)
    for gateway in _known(facts.vpn_gateways):
        for attached in gateway.get("VpcAttachments", []):
            if not gone(gateway.get("State")) and not gone(attached.get("State")):
                text = f"virtual private gateway {gateway['VpnGatewayId']} (VPN, Direct Connect) is attached to its VPC"
                yield Door(attached["VpcId"], gateway["VpnGatewayId"], text)


def _cidrs(vpc_info: Item) -> str:
    blocks = [block["CidrBlock"] for block in vpc_info.get("CidrBlockSet", [])]
    return ", ".join(blocks) or str(vpc_info.get("CidrBlock") or "networks that EC2 does not tell")
