# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be known to judge the isolation of a drill: of the IP map, of the plan, and of EC2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import collapse_addresses, ip_network
from typing import Any

from .errors import DeclarationError, Problem
from .ip_map import MapEntry
from .isolation_policy import IsolationPolicy
from .networks import Network
from .readiness import Unknown

Item = Mapping[str, Any]

TEST_PROFILE = "test"


@dataclass(frozen=True, slots=True)
class DrillNetwork:
    """What the IP map and the plan know of a drill's network and of production.

    Attributes:
        subnets: The subnets to judge, with the security groups that servers are launched with there.
        known_subnets: All test subnets, these and others.
        test_groups: Security groups of all test subnets that no production server is launched with.
        production_subnets: Subnets that production is launched in.
        production: Production's networks.
    """

    subnets: Mapping[str, frozenset[str]]
    known_subnets: frozenset[str]
    test_groups: frozenset[str]
    production_subnets: frozenset[str]
    production: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What EC2 answered: items of its Describe calls, for the VPCs of the test subnets.

    Attributes:
        subnets: All subnets of these VPCs by id.
        security_groups: Those that servers are launched with in a drill, by id.
        prefix_lists: Networks of the prefix lists that routes and rules name, by id.
    """

    subnets: Mapping[str, Item] | Unknown
    route_tables: Sequence[Item] | Unknown = ()
    network_acls: Sequence[Item] | Unknown = ()
    security_groups: Mapping[str, Item] | Unknown = field(default_factory=dict)
    endpoints: Sequence[Item] | Unknown = ()
    nat_gateways: Sequence[Item] | Unknown = ()
    peerings: Sequence[Item] | Unknown = ()
    transit_gateway_attachments: Sequence[Item] | Unknown = ()
    vpn_gateways: Sequence[Item] | Unknown = ()
    prefix_lists: Mapping[str, tuple[Network, ...] | Unknown] = field(default_factory=dict)

    def unread(self) -> Iterator[tuple[str, Unknown]]:
        """Yield what could not be read, with its name."""
        for name, fact in {
            "subnets": self.subnets,
            "route tables": self.route_tables,
            "network ACLs": self.network_acls,
            "security groups": self.security_groups,
            "VPC endpoints": self.endpoints,
            "NAT gateways": self.nat_gateways,
            "VPC peering connections": self.peerings,
            "transit gateway attachments": self.transit_gateway_attachments,
            "virtual private gateways": self.vpn_gateways,
            **{f"networks of prefix list {name}": fact for name, fact in self.prefix_lists.items()},
        }.items():
            if isinstance(fact, Unknown):
                yield name, fact


def drill_network(
    entries: Iterable[MapEntry], policy: IsolationPolicy, server_keys: Iterable[str] | None = None
) -> DrillNetwork:
    """Return what is to be judged.

    Args:
        entries: All entries of the IP map: a drill of one plan must not reach the servers of another.
        policy: The plan's policy.
        server_keys: Servers whose test subnets are judged; None for all.

    Raises:
        DeclarationError: No entry has a test subnet: there is nothing that could be proved.
    """
    wanted = None if server_keys is None else set(server_keys)
    subnets: dict[str, set[str]] = {}
    known: set[str] = set()
    test_groups: set[str] = set()
    production_groups: set[str] = set()
    production_subnets: set[str] = set()
    production: set[Network] = set(policy.production)
    for entry in entries:
        source = ip_network(entry.source.subnet_cidr)
        # A map may have a rule for every source; that does not make production of all there is.
        production.add(source if source.prefixlen else ip_network(entry.source.address))
        for profile, target in entry.profiles.items():
            if profile != TEST_PROFILE:
                production.add(ip_network(target.cidr))
                production_subnets.add(target.subnet_id)
                production_groups.update(target.security_groups)
                continue
            known.add(target.subnet_id)
            test_groups.update(target.security_groups)
            if wanted is None or entry.server_key in wanted:
                subnets.setdefault(target.subnet_id, set()).update(target.security_groups)
    if not subnets:
        remedy = "names no test subnet of these servers: declare the drill network in dr_subnet_map and run configure"
        raise DeclarationError([Problem("the IP map", "isolation", remedy)])
    return DrillNetwork(
        subnets={subnet_id: frozenset(groups) for subnet_id, groups in sorted(subnets.items())},
        known_subnets=frozenset(known),
        test_groups=frozenset(test_groups - production_groups),
        production_subnets=frozenset(production_subnets),
        production=_collapsed(production),
    )


def _collapsed(networks: Iterable[Network]) -> tuple[Network, ...]:
    by_version: dict[int, list[Any]] = {4: [], 6: []}
    for network in networks:
        by_version[network.version].append(network)
    return tuple(network for members in by_version.values() for network in collapse_addresses(members))
