# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which source servers a task is about.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..core.addresses import AddressError, Origin, SubnetMap
from ..core.errors import Problems
from ..core.original_networks import Original, originals_of, source_places, subnets_to_read
from ..core.places import Place
from ..core.selectors import Selector, build_selector, parse_selector
from ..core.source_servers import (
    SourceServer,
    index_by_key,
    matches,
    with_instance_interfaces,
    with_source_subnets,
)
from .drs import read_source_servers
from .networks import Item, NetworkClients, ec2_clients, read_instances, read_subnets
from .pacing import for_each

Items = dict[str, Item]
"""By id."""

DISCONNECTED = "DISCONNECTED"
"""Replication state of a server that DRS only remembers: it cannot be launched and has no launch template."""


def selected_servers(
    client: Any, match: Mapping[str, Any] | None, *, where: str = "match", unique_keys: bool = True
) -> list[SourceServer]:
    """Return the source servers that C(match) selects (all when it is None), ordered by server key and id.

    Args:
        client: boto3 DRS client of the recovery Region.
        match: Selector: C(tags), C(servers) and C(source_server_ids), all of which must hold.
        where: What the selector is called in messages.
        unique_keys: Whether two source servers with one key are an error.

    Raises:
        DeclarationError: The selector is wrong, selects nothing, names servers that do not exist, or two source servers
            have one key.
    """
    problems = Problems()
    selector = Selector(tags={}, servers=None, source_server_ids=None)
    if match is not None:
        given = {kind: value for kind, value in match.items() if value is not None}
        selector = build_selector(parse_selector(given, where, problems))
        problems.raise_if_any()
    servers = sorted(read_source_servers(client), key=lambda server: (server.key, server.source_server_id))
    if unique_keys:
        index_by_key(servers)
    for key in sorted((selector.servers or frozenset()) - {server.key for server in servers}):
        problems.add(key, f"{where}.servers", "is the key of no source server in this account and Region")
    for server_id in sorted((selector.source_server_ids or frozenset()) - {item.source_server_id for item in servers}):
        problems.add(server_id, f"{where}.source_server_ids", "is no source server of this account and Region")
    problems.raise_if_any()
    found = [server for server in servers if matches(server, selector)]
    if match is not None and not found:
        problems.add(dict(match), where, "selects no source server of this account and Region")
    problems.raise_if_any()
    return found


def with_known_interfaces(
    servers: Sequence[SourceServer],
    clients: NetworkClients,
    problems: Problems,
    source_region: str | None = None,
    *,
    known: dict[str, Item] | None = None,
) -> list[SourceServer]:
    """Return the servers, those of which DRS does not know every address with what EC2 knows of their source instance.

    Args:
        servers: Source servers as DRS knows them.
        clients: See L(networks.NetworkClients); an instance is looked up in its own account.
        problems: Collects accounts that cannot be reached; their servers stay as DRS knows them.
        source_region: Region that is asked; without it, the one that DRS names as the server's origin.
        known: Items of DescribeInstances by id that were read already; what is read here is added.
    """
    known = {} if known is None else known
    by_place: dict[Place, set[str]] = {}
    for server in servers:
        region = source_region or server.origin_region
        if server.aws_instance_id and region and server.lacks_addresses:
            place = Place(server.origin_account_id or server.account_id, region)
            by_place.setdefault(place, set()).add(server.aws_instance_id)
    known |= _read_sources(by_place, known, clients, problems)
    return [
        with_instance_interfaces(server, known[server.aws_instance_id]) if server.aws_instance_id in known else server
        for server in servers
    ]


def with_known_subnets(
    servers: Sequence[SourceServer],
    subnet_map: SubnetMap,
    clients: NetworkClients,
    problems: Problems,
    *,
    known: dict[str, Item] | None = None,
) -> list[SourceServer]:
    """Return the servers, those with their source subnets that may be in a subnet which a rule names.

    Several VPCs of one account may have the same network; only EC2 knows in which of them an instance is.

    Args:
        servers: Source servers with their interfaces.
        subnet_map: The complete subnet map.
        clients: See L(networks.NetworkClients).
        problems: Collects accounts that cannot be reached.
        known: As for L(with_known_interfaces).
    """
    known = {} if known is None else known
    by_place: dict[Place, set[str]] = {}
    for server in servers:
        for interface in server.interfaces:
            origin = server.origin_of(interface, subnet_map.source_region)
            if (
                server.aws_instance_id
                and not origin.subnet_id
                and _names_a_subnet(subnet_map, interface.address, origin)
            ):
                by_place.setdefault(Place(origin.account_id, origin.region), set()).add(server.aws_instance_id)
    known |= _read_sources(by_place, known, clients, problems)
    return [
        with_source_subnets(server, known[server.aws_instance_id]) if server.aws_instance_id in known else server
        for server in servers
    ]


def _names_a_subnet(subnet_map: SubnetMap, address: str | None, origin: Origin) -> bool:
    try:
        return any(rule.source.subnet_id for rule in subnet_map.find_all(address or "", origin))
    except AddressError:
        return False


def read_originals(
    servers: Sequence[SourceServer], subnet_map: SubnetMap, clients: NetworkClients, known: Mapping[str, Item]
) -> tuple[dict[str, Original], list[str]]:
    """Return what EC2 knows of the source machines, for the way home; by source server id.

    Nothing depends on it but the way home: on the day of a disaster nobody answers there, and the rest must go on.

    Args:
        servers: Source servers with their interfaces.
        subnet_map: The complete subnet map.
        clients: See L(networks.NetworkClients).
        known: Items of DescribeInstances by id that were read already.

    Returns:
        The machines, and a line for every account and Region that could not be asked.
    """
    unread: list[str] = []
    instances = dict(known)
    by_place = source_places(servers, subnet_map.source_region)
    for found in _read_where_possible(_unknown(by_place, known), clients, read_instances, unread):
        instances |= found
    subnets: dict[str, Item] = {}
    for found in _read_where_possible(subnets_to_read(servers, subnet_map, instances), clients, read_subnets, unread):
        subnets |= found
    return originals_of(servers, instances, subnets, subnet_map.source_region), unread


def _read_where_possible(
    by_place: Mapping[Place, set[str]],
    clients: NetworkClients,
    read: Callable[[Any, set[str]], Items],
    unread: list[str],
) -> Iterable[Items]:
    unreachable = Problems()
    reachable = ec2_clients(by_place, clients, unreachable)
    found = for_each(reachable, lambda place, client: read(client, by_place[place]))
    reasons = [f"{problem.value}: {problem.remedy}" for problem in unreachable]
    reasons += [f"{place}: {error.message}" for place, error in found.errors.items()]
    unread += [f"the way home of source machines is what it was: {reason}" for reason in reasons]
    return found.results.values()


def _unknown(by_place: Mapping[Place, set[str]], known: Mapping[str, Item]) -> dict[Place, set[str]]:
    left = {place: ids - known.keys() for place, ids in by_place.items()}
    return {place: ids for place, ids in left.items() if ids}


def _read_sources(
    by_place: Mapping[Place, set[str]], known: Mapping[str, Item], clients: NetworkClients, problems: Problems
) -> Items:
    """Return the instances that exist, by id; those that are known already are left out."""
    left = _unknown(by_place, known)
    reachable = ec2_clients(left, clients, problems)
    found = for_each(reachable, lambda place, client: read_instances(client, left[place]))
    read: Items = {}
    for instances in found.raise_if_any("read source instances").values():
        read |= instances
    return read
