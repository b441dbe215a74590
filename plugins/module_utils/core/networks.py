# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arithmetic of IP networks, IPv4 and IPv6 alike; networks of different versions have nothing in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network, summarize_address_range
from typing import Any, TypeAlias

Network: TypeAlias = "IPv4Network | IPv6Network"

EVERYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))

NOT_INTERNET: tuple[Network, ...] = tuple(
    ip_network(cidr)
    for cidr in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)
"""Addresses that no internet gateway forwards. Sources: RFC 1918, 6598, 3927, 1112, 4193, 4291, 6890."""


def is_in(inner: Network, outer: Network) -> bool:
    """Whether all of C(inner) lies in C(outer)."""
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def common(one: Iterable[Network], other: Iterable[Network]) -> list[Network]:
    """Return the addresses that are in both, as networks, each once and in order."""
    ones, others = list(one), list(other)
    return [network for version in (4, 6) for network in _sweep(_disjoint(ones, version), _disjoint(others, version))]


def without(networks: Iterable[Network], taken: Iterable[Network]) -> list[Network]:
    """Return the addresses of C(networks) that are in none of C(taken), in order."""
    wanted, holes = list(networks), list(taken)
    return [
        part
        for version in (4, 6)
        for network, inside in _with_holes(_disjoint(wanted, version), _disjoint(holes, version))
        for part in _gaps(network, inside)
    ]


def order(network: Network) -> tuple[int, int, int]:
    """Return a key that sorts networks by address, those that hold others before these."""
    return (network.version, int(network.network_address), network.prefixlen)


def _disjoint(networks: Iterable[Network], version: int) -> list[Network]:
    """Return the networks of a version in order, without those that are in others."""
    kept: list[Network] = []
    for network in sorted((item for item in networks if item.version == version), key=order):
        if not kept or not is_in(network, kept[-1]):
            kept.append(network)
    return kept


def _sweep(one: list[Network], other: list[Network]) -> Iterator[Network]:
    first = second = 0
    while first < len(one) and second < len(other):
        left, right = one[first], other[second]
        if is_in(left, right):
            yield left
            first += 1
        elif is_in(right, left):
            yield right
            second += 1
        elif order(left) < order(right):
            first += 1
        else:
            second += 1


def _with_holes(networks: list[Network], holes: list[Network]) -> Iterator[tuple[Network, list[Network]]]:
    """Yield the networks that are not taken as a whole, each with the holes in it."""
    number = 0
    for network in networks:
        while number < len(holes) and int(holes[number].broadcast_address) < int(network.network_address):
            number += 1
        if number < len(holes) and is_in(network, holes[number]):
            continue
        inside = []
        while number < len(holes) and is_in(holes[number], network):
            inside.append(holes[number])
            number += 1
        yield network, inside


def _gaps(network: Network, holes: list[Network]) -> Iterator[Network]:
    address: Any = type(network.network_address)
    start = int(network.network_address)
    for hole in holes:
        if start < int(hole.network_address):
            yield from summarize_address_range(address(start), address(int(hole.network_address) - 1))
        start = int(hole.broadcast_address) + 1
    if start <= int(network.broadcast_address):
        yield from summarize_address_range(address(start), network.broadcast_address)
