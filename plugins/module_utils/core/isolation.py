# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a drill's network isolated? What leads from the test subnets to production, or out of their network.

A path counts when routing leads there and neither the subnet's network ACL nor the servers' security groups close it.
It fails closed: what could not be read, or leads to a place that nobody can look behind, is not isolated.

=============  ========================================================  ==================================
kind           what it is                                                what follows
=============  ========================================================  ==================================
C(production)  a way to a production range, or one VPC with production   error
C(unproved)    a way through something that forwards as it likes, or a   error, unless the plan accepts it
               subnet of the VPC that may be production or its copy
C(internet)    a way to public addresses                                 error, unless the plan allows it
C(endpoint)    a VPC endpoint: its service may hold production's data    error, unless the plan accepts it
C(unread)      EC2 did not tell                                          unknown: not isolated
C(closed)      a way that is closed by a network ACL or security groups  warning
C(elsewhere)   a way to a network that is not known as production        warning
C(door)        a connection of the VPC that no route uses                warning
=============  ========================================================  ==================================

Not looked at: what a transit gateway's own route tables do, names (private hosted zones, resolver rules), connections
from outside into the drill network (Client VPN), and VPC Lattice beyond the routes and endpoints that EC2 shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from re import fullmatch
from typing import Any

from .isolation_facts import DrillNetwork, NetworkFacts
from .isolation_policy import ACCEPTABLE, ALLOWED, IsolationPolicy
from .isolation_topology import Topology, Way, endpoint_kind, gone, is_gateway_endpoint
from .networks import NOT_INTERNET, Network, common, without
from .readiness import ERROR, UNKNOWN, WARNING, Finding, Unknown
from .routes import TargetKind

Item = Mapping[str, Any]

PRODUCTION = "production"
UNPROVED = "unproved"
INTERNET = "internet"
ENDPOINT = "endpoint"
UNREAD = "unread"
CLOSED = "closed"
ELSEWHERE = "elsewhere"
DOOR = "door"

SEVERITIES = (ERROR, UNKNOWN, WARNING)
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Path:
    """One thing about a test subnet that speaks against its isolation, or that a person should know.

    Attributes:
        kind: See the table of this file.
        severity: C(error), C(unknown) or C(warning).
        what: The path, complete.
        opened_by: Id of what opens it; empty when that has none.
        remedy: How to close it.
    """

    kind: str
    severity: str
    what: str
    opened_by: str
    remedy: str


@dataclass(frozen=True, slots=True)
class SubnetIsolation:
    """The verdict on one test subnet; C(paths) has the worst first."""

    subnet_id: str
    vpc_id: str
    paths: tuple[Path, ...]

    @property
    def state(self) -> str:
        """C(isolated), C(open), or C(unknown) when something could not be read; only the first is a pass."""
        severities = {path.severity for path in self.paths}
        if ERROR in severities:
            return "open"
        return "unknown" if UNKNOWN in severities else "isolated"


def judge(network: DrillNetwork, facts: NetworkFacts, policy: IsolationPolicy) -> list[SubnetIsolation]:
    """Return the verdict on every test subnet, by subnet id."""
    judging = _Judge(network, facts, policy)
    return [judging.verdict(subnet_id) for subnet_id in sorted(network.subnets)]


def gate_findings(verdicts: Iterable[SubnetIsolation]) -> list[Finding]:
    """Return what a gate tells: every path once, with the subnets that it leads out of; the worst first."""
    subnets: dict[Path, list[str]] = {}
    for verdict in verdicts:
        for path in verdict.paths:
            subnets.setdefault(path, []).append(verdict.subnet_id)
    return [
        Finding(
            path.severity,
            "",
            f"test {'subnet' if len(ids) == 1 else 'subnets'} {_shown(ids)}: {path.what}",
            path.remedy,
        )
        for path, ids in sorted(subnets.items(), key=lambda item: SEVERITIES.index(item[0].severity))
    ]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A path that is open unless a firewall keeps a subnet's servers from C(networks); without these, none can."""

    path: Path
    networks: tuple[Network, ...] = ()


class _Judge:
    def __init__(self, network: DrillNetwork, facts: NetworkFacts, policy: IsolationPolicy) -> None:
        self._network = network
        self._policy = policy
        self._accepted = frozenset(policy.accept)
        self._unread = [_unread(name, fact) for name, fact in facts.unread()]
        self._topology = Topology(network, facts)
        self._knows_ipv6 = any(known.version == 6 for known in network.production)
        self._candidates: dict[tuple[str, str], list[_Candidate]] = {}

    def verdict(self, subnet_id: str) -> SubnetIsolation:
        """Judge one test subnet."""
        subnet = self._topology.subnets.get(subnet_id)
        vpc_id = subnet["VpcId"] if subnet else ""
        paths = [*self._unread, *([] if self._unread else self._missing(subnet_id, vpc_id))]
        if subnet_id in self._network.production_subnets:
            remedy = "move the test subnets to a VPC of their own"
            paths.append(Path(PRODUCTION, ERROR, "production is launched in the same subnet", subnet_id, remedy))
        if subnet:
            candidates = self._leading_out(vpc_id, self._topology.route_table(subnet_id, vpc_id))
            paths += [self._judged(subnet_id, found) for found in candidates if found.path.opened_by != subnet_id]
        worst_first = sorted(dict.fromkeys(paths), key=lambda path: (SEVERITIES.index(path.severity), path.what))
        return SubnetIsolation(subnet_id, vpc_id, tuple(worst_first))

    def _judged(self, subnet_id: str, found: _Candidate) -> Path:
        path = found.path
        if path.severity != ERROR or not found.networks:
            return path
        closed_by = self._topology.closed_by(subnet_id, found.networks)
        if closed_by is None:
            return path
        return replace(path, kind=CLOSED, severity=WARNING, what=f"{path.what}, but {closed_by} lets nothing through")

    def _leading_out(self, vpc_id: str, table: Item | None) -> list[_Candidate]:
        """Return what leads out of the subnets of a VPC that have one route table, found once for all of them."""
        key = (vpc_id, table["RouteTableId"] if table else "")
        if key not in self._candidates:
            routed = [*self._routed(table), *self._unrouted_doors(vpc_id, table)] if table else []
            self._candidates[key] = [*routed, *self._same_vpc(vpc_id), *self._endpoint_paths(vpc_id, table)]
        return self._candidates[key]

    def _missing(self, subnet_id: str, vpc_id: str) -> Iterator[Path]:
        """Yield what EC2 answered nothing for, though it could be asked."""
        remedy = "correct dr_subnet_map, or give credentials of the account that has it"
        if not vpc_id:
            yield _not_shown("subnet", subnet_id, remedy)
            return
        if self._topology.route_table(subnet_id, vpc_id) is None:
            yield _not_shown("route table of", vpc_id, "see that the route tables of a shared VPC may be read")
        for group_id in sorted(self._network.subnets[subnet_id]):
            if group_id not in self._topology.security_groups:
                yield _not_shown("security group", group_id, remedy)

    def _routed(self, table: Item) -> Iterator[_Candidate]:
        for way in self._topology.ways(table):
            yield from self._along(way)
        for gateway in table.get("PropagatingVgws", []):
            gateway_id, table_id = gateway["GatewayId"], table["RouteTableId"]
            what = f"{table_id} takes over the routes that {gateway_id} learns, which come and go by themselves"
            remedy = f"turn off its route propagation in {table_id}"
            yield _Candidate(self._refused(UNPROVED, what, (gateway_id,), remedy))

    def _unrouted_doors(self, vpc_id: str, table: Item) -> Iterator[_Candidate]:
        used = {hop for way in self._topology.ways(table) for hop in way.hops}
        used.update(gateway["GatewayId"] for gateway in table.get("PropagatingVgws", []))
        for door in self._topology.doors:
            if door.vpc_id == vpc_id and door.target_id not in used:
                remedy = "see that nobody adds a route to it"
                yield _Candidate(Path(DOOR, WARNING, f"{door.text}, which no route uses", door.target_id, remedy))

    def _along(self, way: Way) -> Iterator[_Candidate]:
        if way.kind in {TargetKind.LOCAL, TargetKind.ENDPOINT}:
            return  # see _same_vpc and _endpoint_paths
        public = without(way.networks, NOT_INTERNET)
        production = common(public if way.kind == TargetKind.INTERNET else way.networks, self._network.production)
        internet = without(public, production)
        if way.kind == TargetKind.NOTHING:
            if production or internet:
                what = f"the {way.text} leads nowhere now: its target is gone"
                yield _Candidate(Path(DOOR, WARNING, what, way.hops[0], "delete it before its target comes back"))
            return
        remedy = f"delete the {way.text}, or use a subnet without it"
        if production:
            yield _Candidate(self._to_production(way, production, remedy), tuple(production))
        if internet:
            yield _Candidate(self._to_internet(way, remedy), tuple(internet))
        if way.kind != TargetKind.INTERNET:
            yield from self._to_other_networks(way, production, bool(production or internet), remedy)

    def _to_production(self, way: Way, networks: Sequence[Network], remedy: str) -> Path:
        what = f"the {way.text} leads to production {_shown(networks)}"
        if way.kind == TargetKind.APPLIANCE:
            return self._refused(UNPROVED, f"{what} as far as anybody can tell", way.hops, remedy)
        return Path(PRODUCTION, ERROR, what, way.hops[0], remedy)

    def _to_internet(self, way: Way, remedy: str) -> Path:
        path = self._refused(INTERNET, f"the {way.text} leads to the internet", way.hops, remedy)
        if self._policy.internet == ALLOWED:
            return replace(path, severity=WARNING, remedy="nothing to do: the plan allows the internet")
        return path

    def _to_other_networks(
        self, way: Way, production: Sequence[Network], told: bool, remedy: str
    ) -> Iterator[_Candidate]:
        rest = without(common(way.networks, NOT_INTERNET), production)
        ipv6 = tuple(network for network in rest if network.version == 6)
        if ipv6 and not self._knows_ipv6:
            what = f"the {way.text} leads to IPv6 networks, and no IPv6 network of production is known"
            remedy += ", or declare those of production in dr_production_cidrs"
            yield _Candidate(self._refused(UNPROVED, what, way.hops, remedy), ipv6)
        elif rest and not told:
            what = f"the {way.text} leads to {_shown(rest)}, which is not known as production"
            remedy = "see that it is none, or add it to dr_production_cidrs"
            yield _Candidate(Path(ELSEWHERE, WARNING, what, way.hops[0], remedy))

    def _same_vpc(self, vpc_id: str) -> Iterator[_Candidate]:
        remedy = "move the test subnets to a VPC of their own"
        for other_id, other in sorted(self._topology.subnets.items()):
            launched_in = other_id in self._network.production_subnets
            if other["VpcId"] != vpc_id or (other_id in self._network.known_subnets and not launched_in):
                continue
            networks = _networks_of(other)
            place = f"{other_id} ({_shown(networks)}) of the same VPC {vpc_id}"
            if launched_in:
                path = Path(PRODUCTION, ERROR, f"production is launched in {place}", other_id, remedy)
                yield _Candidate(path, networks)
            elif common(networks, self._network.production):
                path = self._refused(UNPROVED, f"{place} is a network of production", (other_id,), remedy)
                yield _Candidate(path, networks)

    def _endpoint_paths(self, vpc_id: str, table: Item | None) -> Iterator[_Candidate]:
        table_id = table["RouteTableId"] if table else ""
        for endpoint in self._topology.endpoints:
            kind, endpoint_id = endpoint_kind(endpoint), endpoint["VpcEndpointId"]
            if endpoint["VpcId"] != vpc_id or kind == "GatewayLoadBalancer":
                continue  # only routes lead to a load balancer
            if is_gateway_endpoint(endpoint) and table_id not in endpoint.get("RouteTableIds", []):
                continue
            names = (endpoint.get(name) for name in ("ServiceName", "ServiceNetworkArn", "ResourceConfigurationArn"))
            service = next(filter(None, names), "a service that EC2 does not name")
            what = f"VPC endpoint {endpoint_id} ({kind}) leads to {service}, where production's data may be"
            yield _Candidate(self._refused(ENDPOINT, what, (endpoint_id,), f"delete {endpoint_id}"))

    def _refused(self, kind: str, what: str, openers: Sequence[str], remedy: str) -> Path:
        """Return a path that is an error unless the plan accepts one of what opens it."""
        accepted = sorted(self._accepted.intersection(openers))
        if accepted:
            return Path(kind, WARNING, what, accepted[0], f"nothing to do: the plan accepts {accepted[0]}")
        if fullmatch(ACCEPTABLE, openers[0]):
            remedy += f", or accept it in the plan (gate.isolation.accept: [{openers[0]}])"
        return Path(kind, ERROR, what, openers[0], remedy)


def _networks_of(subnet: Item) -> tuple[Network, ...]:
    ipv6 = [
        block["Ipv6CidrBlock"]
        for block in subnet.get("Ipv6CidrBlockAssociationSet", [])
        if not gone(block.get("Ipv6CidrBlockState", {}).get("State"))
    ]
    return tuple(ip_network(cidr) for cidr in [subnet.get("CidrBlock"), *ipv6] if cidr)


def _unread(name: str, fact: Unknown) -> Path:
    return Path(UNREAD, UNKNOWN, f"the {name} could not be read: {fact.reason}", "", "repair that, then retry")


def _not_shown(thing: str, name: str, remedy: str) -> Path:
    return Path(UNREAD, UNKNOWN, f"EC2 shows no {thing} {name} in this account and Region", name, remedy)


def _shown(members: Iterable[object]) -> str:
    texts = [str(member) for member in members]
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")
