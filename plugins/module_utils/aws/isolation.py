# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2 knows of a drill's network: everything that can lead out of it.

What EC2 refuses becomes an unknown fact, with the reason; a transient error is raised, so that the caller tries again.
VPN connections are not read: their answer holds the pre-shared keys, and the routes to their gateway tell enough.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, TypeVar

from ..core import firewalls, routes
from ..core.isolation_facts import DrillNetwork, NetworkFacts
from ..core.isolation_topology import gateway_endpoint_ids
from ..core.networks import Network
from ..core.readiness import Unknown
from .dynamodb import chunks
from .errors import AwsError, TransientError, translate
from .networks import MAX_FILTER_VALUES
from .pacing import for_each

Item = dict[str, Any]
Read = Callable[[], list[Item]]

_T = TypeVar("_T")


def read_network_facts(client: Any, network: DrillNetwork) -> NetworkFacts:
    """Read everything that L(core.isolation.judge) needs, in some ten calls however many servers there are.

    Args:
        client: boto3 EC2 client of the recovery Region.
        network: What is to be judged.

    Raises:
        TransientError: The same may succeed later.
    """
    test_subnets = _known(lambda: _read(client, "describe_subnets", "Subnets", "subnet-id", network.subnets))
    if isinstance(test_subnets, Unknown):
        return NetworkFacts(subnets=test_subnets)
    vpc_ids = sorted({subnet["VpcId"] for subnet in test_subnets})
    group_ids = {group_id for groups in network.subnets.values() for group_id in groups}

    def of_vpcs(operation: str, key: str, name: str = "vpc-id", parameter: str = "Filters") -> Read:
        return lambda: _read(client, operation, key, name, vpc_ids, parameter)

    def peerings_of(side: str) -> Read:
        return of_vpcs("describe_vpc_peering_connections", "VpcPeeringConnections", f"{side}-vpc-info.vpc-id")

    reads: dict[str, Read] = {
        "subnets": of_vpcs("describe_subnets", "Subnets"),
        "route_tables": of_vpcs("describe_route_tables", "RouteTables"),
        "network_acls": of_vpcs("describe_network_acls", "NetworkAcls"),
        "security_groups": lambda: _read(client, "describe_security_groups", "SecurityGroups", "group-id", group_ids),
        "endpoints": of_vpcs("describe_vpc_endpoints", "VpcEndpoints"),
        "nat_gateways": of_vpcs("describe_nat_gateways", "NatGateways", parameter="Filter"),
        "requested": peerings_of("requester"),
        "accepted": peerings_of("accepter"),
        "attachments": of_vpcs("describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments"),
        "vpn_gateways": of_vpcs("describe_vpn_gateways", "VpnGateways", "attachment.vpc-id"),
    }
    found = _all_known(reads)
    return NetworkFacts(
        subnets=_by_id(found["subnets"], "SubnetId"),
        route_tables=found["route_tables"],
        network_acls=found["network_acls"],
        security_groups=_by_id(found["security_groups"], "GroupId"),
        endpoints=found["endpoints"],
        nat_gateways=found["nat_gateways"],
        peerings=_unique(found["requested"], found["accepted"], "VpcPeeringConnectionId"),
        transit_gateway_attachments=found["attachments"],
        vpn_gateways=found["vpn_gateways"],
        prefix_lists=_prefix_lists(client, found["route_tables"], found["security_groups"], found["endpoints"]),
    )


def _prefix_lists(
    client: Any,
    tables: Sequence[Item] | Unknown,
    groups: Sequence[Item] | Unknown,
    endpoints: Sequence[Item] | Unknown,
) -> dict[str, tuple[Network, ...] | Unknown]:
    named: set[str] = set()
    if not isinstance(tables, Unknown):
        gateway_endpoints = gateway_endpoint_ids(() if isinstance(endpoints, Unknown) else endpoints)
        named |= routes.prefix_list_ids((route for table in tables for route in table["Routes"]), gateway_endpoints)
    if not isinstance(groups, Unknown):
        named |= firewalls.prefix_list_ids(groups)

    def reader(prefix_list_id: str) -> Read:
        return lambda: _pages(client, "get_managed_prefix_list_entries", "Entries", PrefixListId=prefix_list_id)

    found = _all_known({prefix_list_id: reader(prefix_list_id) for prefix_list_id in sorted(named)})
    return {
        name: entries if isinstance(entries, Unknown) else tuple(ip_network(entry["Cidr"]) for entry in entries)
        for name, entries in found.items()
    }


def _all_known(reads: Mapping[str, Read]) -> dict[str, list[Item] | Unknown]:
    outcomes = for_each(reads, lambda _name, read: _known(read))
    return outcomes.raise_if_any("read the drill network")


def _known(read: Callable[[], _T]) -> _T | Unknown:
    try:
        return read()
    except TransientError:
        raise
    except AwsError as error:
        return Unknown(error.message)


def _by_id(items: list[Item] | Unknown, key: str) -> dict[str, Item] | Unknown:
    return items if isinstance(items, Unknown) else {item[key]: item for item in items}


def _unique(one: list[Item] | Unknown, other: list[Item] | Unknown, key: str) -> list[Item] | Unknown:
    if isinstance(one, Unknown):
        return one
    if isinstance(other, Unknown):
        return other
    return list({item[key]: item for item in [*one, *other]}.values())


def _read(
    client: Any, operation: str, key: str, name: str, values: Iterable[str], parameter: str = "Filters"
) -> list[Item]:
    return [
        item
        for piece in chunks(sorted(set(values)), MAX_FILTER_VALUES)
        for item in _pages(client, operation, key, **{parameter: [{"Name": name, "Values": list(piece)}]})
    ]


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Item]:
    try:
        if not client.can_paginate(operation):
            return list(getattr(client, operation)(**arguments)[key])
        return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]
    except Exception as error:
        raise translate(error, "read the drill network") from error
