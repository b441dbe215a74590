# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subnet map, and where a source address goes in a target subnet.

Source: VPC User Guide, "Subnet sizing": the first four addresses and the last one of a subnet are reserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Any


class AddressRule(StrEnum):
    """How a target address follows from a source address."""

    KEEP_HOST_PART = "keep_host_part"
    KEEP_ADDRESS = "keep_address"
    DYNAMIC = "dynamic"
    EXPLICIT = "explicit"
    """Given by C(dr_addresses); cannot be chosen in the subnet map."""


class AddressError(ValueError):
    """An address cannot be translated; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class NetworkTarget:
    """Where the servers of one source subnet launch in one network profile."""

    subnet_id: str
    cidr: IPv4Network
    security_groups: tuple[str, ...]
    rule: AddressRule


@dataclass(frozen=True, slots=True)
class SubnetRule:
    """One entry of the subnet map: a source subnet and its target in each profile."""

    source_cidr: IPv4Network
    targets: Mapping[str, NetworkTarget]


@dataclass(frozen=True, slots=True)
class SubnetMap:
    """All rules. Build it with L(parse_subnet_map)."""

    rules: tuple[SubnetRule, ...]

    def find(self, address: str) -> SubnetRule | None:
        """Return the rule with the longest source prefix that holds C(address), or None.

        Raises:
            AddressError: When C(address) is empty or no IPv4 address.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AddressOverride:
    """One entry of C(dr_addresses): the address of a server's interface in a profile, whatever the rule says."""

    server_key: str
    interface: int
    profile: str
    address: str
    where: str


def parse_subnet_map(raw: Sequence[Any], *, where: str = "dr_subnet_map") -> SubnetMap:
    """Read the declared subnet map (see architecture, section 3).

    Raises:
        DeclarationError: Naming every problem: bad networks, a target too small for the host part, unknown rules and
            keys, duplicate sources, missing fields.
    """
    raise NotImplementedError


def parse_overrides(raw: Sequence[Any], *, where: str = "dr_addresses") -> tuple[AddressOverride, ...]:
    """Read the declared explicit addresses. Whether they fit their subnet is checked when they are used.

    Raises:
        DeclarationError: Naming every problem, two addresses for one interface and profile included.
    """
    raise NotImplementedError


def translate(address: str, source_cidr: IPv4Network | str, target: NetworkTarget) -> str | None:
    """Return the address in C(target) of a source address, or None for a dynamic one.

    keep_host_part: target.first + (address - source.first). keep_address: the address itself.

    Raises:
        AddressError: The source address is missing, not IPv4 or outside C(source_cidr); the result is outside the
            target subnet or one of its five reserved addresses.
    """
    raise NotImplementedError


def check_address(address: str, cidr: IPv4Network) -> str:
    """Return C(address) in its normal form when an interface in the subnet C(cidr) may have it.

    Raises:
        AddressError: Not IPv4, outside the subnet, or one of the five reserved addresses.
    """
    raise NotImplementedError


def reserved_addresses(cidr: IPv4Network) -> frozenset[int]:
    """Return the five addresses, as integers, that AWS keeps for itself in every subnet."""
    first = int(cidr.network_address)
    return frozenset({first, first + 1, first + 2, first + 3, int(cidr.broadcast_address)})


def ipv4_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return those of C(addresses) that are IPv4 addresses."""
    raise NotImplementedError
