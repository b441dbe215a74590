# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2 knows of subnets, security groups, interfaces and instances that a declaration names.

Everything is asked by filters, so that what does not exist is missing in the answer and not an error.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..core.addresses import SubnetMap
from ..core.errors import DeclarationError, Problem, Problems
from ..core.network_targets import FoundNetworks, NetworkNames, names_by_place, resolve
from ..core.places import Place
from ..core.subnet_map import DeclaredRule, Home, locate
from .dynamodb import chunks
from .errors import AwsError, translate
from .pacing import for_each

Item = dict[str, Any]

NetworkClients = Callable[[str, str, str], Any]
"""C(clients("ec2", account_id, region)) returns a client of an account and Region (see L(accounts.AccountClients))."""

MAX_FILTER_VALUES = 200


def read_subnets(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the subnets that exist, by id."""
    found = _pages(client, "describe_subnets", "Subnets", "read subnets", "subnet-id", ids)
    return {item["SubnetId"]: item for item in found}


def read_security_groups(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the security groups that exist, by id."""
    return {group_id: groups[0] for group_id, groups in _read_groups(client, "group-id", ids).items()}


def read_instances(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the instances that exist, by id."""
    reservations = _pages(client, "describe_instances", "Reservations", "read instances", "instance-id", ids)
    return {item["InstanceId"]: item for reservation in reservations for item in reservation["Instances"]}


def ec2_clients(places: Iterable[Place], clients: NetworkClients, problems: Problems) -> dict[Place, Any]:
    """Return the EC2 client of every account and Region that can be reached.

    Args:
        places: Accounts and Regions.
        clients: See L(NetworkClients).
        problems: Collects accounts that are not declared and roles that cannot be assumed, unless told before.
    """
    reached: dict[Place, Any] = {}
    unreachable: dict[str, list[Problem]] = {}
    for place in places:
        try:
            reached[place] = clients("ec2", *place)
        except DeclarationError as error:
            unreachable[place.account_id] = list(error.problems)
        except AwsError as error:
            remedy = f"cannot be reached: {error.message}"
            unreachable[place.account_id] = [Problem(repr(place.account_id), "dr_accounts", remedy)]
    told = set(problems)
    problems.extend(problem for found in unreachable.values() for problem in found if problem not in told)
    return reached


def read_interfaces(clients: NetworkClients, subnets: Mapping[Place, Iterable[str]]) -> dict[tuple[str, str], Item]:
    """Return all network interfaces of subnets, by subnet id and address.

    Args:
        clients: See L(NetworkClients).
        subnets: Subnet ids by account and Region.
    """

    def read(place: Place, ids: Iterable[str]) -> list[Item]:
        client = clients("ec2", *place)
        return _pages(
            client, "describe_network_interfaces", "NetworkInterfaces", f"read interfaces in {place}", "subnet-id", ids
        )

    found = for_each(subnets, read).raise_if_any("read the addresses in use")
    return {
        (interface["SubnetId"], address["PrivateIpAddress"]): interface
        for interfaces in found.values()
        for interface in interfaces
        for address in interface.get("PrivateIpAddresses", [])
    }


def resolve_subnet_map(
    declared: Sequence[DeclaredRule], clients: NetworkClients, home: Home, problems: Problems
) -> tuple[SubnetMap, dict[Place, FoundNetworks]]:
    """Complete a declared subnet map (L(subnet_map.parse_subnet_map)) with what EC2 knows, and check it.

    Args:
        declared: The declared rules.
        clients: See L(NetworkClients).
        home: What a declaration means that names no account and Region.
        problems: Collects everything that is wrong with it. A rule whose source network nobody knows is left out.

    Returns:
        The complete map, and what EC2 answered.

    Raises:
        AwsError: EC2 cannot be asked at home.
    """
    rules = locate(declared, home, problems)
    found = _read_networks(names_by_place(rules), clients, home.place, problems)
    return resolve(rules, found, problems, source_region=home.source_region), found


def _read_networks(
    names: Mapping[Place, NetworkNames], clients: NetworkClients, home: Place, problems: Problems
) -> dict[Place, FoundNetworks]:
    reachable = ec2_clients(names, clients, problems)

    def read(_place: Place, named: tuple[Any, NetworkNames]) -> FoundNetworks:
        client, wanted = named
        return FoundNetworks(
            read_subnets(client, wanted.subnet_ids),
            _read_groups(client, "group-id", wanted.group_ids) | _read_groups(client, "group-name", wanted.group_names),
        )

    outcomes = for_each({place: (client, names[place]) for place, client in reachable.items()}, read)
    for place, error in outcomes.errors.items():
        if place == home:
            raise error
        problems.add(str(place), names[place].where, f"cannot be asked: {error.message}")
    return outcomes.results


def _read_groups(client: Any, filter_name: str, values: Iterable[str]) -> dict[str, list[Item]]:
    """Return security groups by what was asked for; a filter takes C(*) and C(?) for wildcards, so it may find more."""
    key = {"group-id": "GroupId", "group-name": "GroupName"}[filter_name]
    found = _pages(client, "describe_security_groups", "SecurityGroups", "read security groups", filter_name, values)
    groups: dict[str, list[Item]] = {}
    for item in found:
        groups.setdefault(item[key], []).append(item)
    return groups


def _pages(
    client: Any,
    operation: str,
    key: str,
    what: str,
    name: str,
    values: Iterable[str],
) -> list[Item]:
    items: list[Item] = []
    try:
        for piece in chunks(sorted(set(values)), MAX_FILTER_VALUES):
            filters = [{"Name": name, "Values": list(piece)}]
            for page in client.get_paginator(operation).paginate(Filters=filters):
                items += page[key]
    except Exception as error:
        raise translate(error, what) from error
    return items
