# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2 knows of subnets, security groups, interfaces and instances that a declaration names.

Everything is asked by filters, so that what does not exist is missing in the answer and not an error.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .dynamodb import chunks
from .errors import translate

Item = dict[str, Any]

MAX_FILTER_VALUES = 200


def read_subnets(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the subnets that exist, by id."""
    found = _pages(client, "describe_subnets", "Subnets", "read subnets", "subnet-id", ids)
    return {item["SubnetId"]: item for item in found}


def read_security_groups(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the security groups that exist, by id."""
    found = _pages(client, "describe_security_groups", "SecurityGroups", "read security groups", "group-id", ids)
    return {item["GroupId"]: item for item in found}


def read_instances(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the instances that exist, by id."""
    reservations = _pages(client, "describe_instances", "Reservations", "read instances", "instance-id", ids)
    return {item["InstanceId"]: item for reservation in reservations for item in reservation["Instances"]}


def read_addresses_in_use(client: Any, addresses: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], Item]:
    """Return the network interfaces that have given addresses, by subnet id and address.

    Args:
        client: boto3 EC2 client.
        addresses: Addresses by subnet id.
    """
    in_use: dict[tuple[str, str], Item] = {}
    for subnet_id, wanted in addresses.items():
        interfaces = _pages(
            client,
            "describe_network_interfaces",
            "NetworkInterfaces",
            f"read the addresses in use in {subnet_id}",
            "addresses.private-ip-address",
            wanted,
            [{"Name": "subnet-id", "Values": [subnet_id]}],
        )
        for interface in interfaces:
            for address in interface.get("PrivateIpAddresses", []):
                in_use[(subnet_id, address["PrivateIpAddress"])] = interface
    return in_use


def _pages(
    client: Any,
    operation: str,
    key: str,
    what: str,
    name: str,
    values: Iterable[str],
    more_filters: Iterable[Item] = (),
) -> list[Item]:
    items: list[Item] = []
    try:
        for piece in chunks(sorted(set(values)), MAX_FILTER_VALUES):
            filters = [{"Name": name, "Values": list(piece)}, *more_filters]
            for page in client.get_paginator(operation).paginate(Filters=filters):
                items += page[key]
    except Exception as error:
        raise translate(error, what) from error
    return items
