# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arithmetic of IP networks, IPv4 and IPv6 alike; networks of different versions have nothing in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

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
    """Return the addresses that are in both, as networks, each once."""
    others = list(other)
    found: dict[Network, None] = {}
    for first in one:
        for second in others:
            if is_in(first, second):
                found[first] = None
            elif is_in(second, first):
                found[second] = None
    return _largest(found)


def without(networks: Iterable[Network], taken: Iterable[Network]) -> list[Network]:
    """Return the addresses of C(networks) that are in none of C(taken)."""
    left = list(networks)
    for hole in taken:
        left = [part for network in left for part in _exclude(network, hole)]
    return left


def _largest(networks: Iterable[Network]) -> list[Network]:
    kept: list[Network] = []
    for network in sorted(networks, key=lambda item: (item.version, int(item.network_address), item.prefixlen)):
        if not kept or not is_in(network, kept[-1]):
            kept.append(network)
    return kept


def _exclude(network: Network, hole: Network) -> Iterator[Network]:
    if is_in(network, hole):
        return
    if not is_in(hole, network):
        yield network
    elif isinstance(network, IPv4Network):
        yield from network.address_exclude(IPv4Network(hole))
    else:
        yield from network.address_exclude(IPv6Network(hole))
