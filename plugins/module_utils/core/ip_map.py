# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IP map: which address every server's interface has in every network profile.

Table layout: architecture, section 4. This file decides; C(aws/) reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .addresses import AddressOverride, SubnetMap
from .source_servers import SourceServer

REQUIRED_PROFILES = ("failover", "test")
"""Profiles that every server needs an address in; C(failback) is planned where the subnet map declares it."""


@dataclass(frozen=True, slots=True)
class EntrySource:
    """Where the interface is in the source network."""

    address: str
    subnet_cidr: str
    hostname: str
    account_id: str
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class ProfileAddress:
    """Where the interface launches in one profile; C(address) is None for a dynamic one."""

    subnet_id: str
    cidr: str
    address: str | None
    security_groups: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class DrsIdentity:
    """The source server that the entry was last correlated with."""

    source_server_id: str
    account_id: str
    region: str


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One interface of one server.

    Attributes:
        version: 0 until it is stored, then counting up from 1.
    """

    server_key: str
    interface: int
    source: EntrySource
    profiles: Mapping[str, ProfileAddress]
    drs: DrsIdentity
    version: int = 0
    updated_at: str = ""
    updated_by: str = ""

    @property
    def id(self) -> tuple[str, int]:
        """Server key and interface: what identifies the entry."""
        return (self.server_key, self.interface)

    def reservations(self) -> tuple[Reservation, ...]:
        """Return the addresses that this entry holds; a dynamic address holds none."""
        return tuple(
            Reservation(target.subnet_id, target.address, self.server_key, self.interface, profile)
            for profile, target in self.profiles.items()
            if target.address is not None
        )


@dataclass(frozen=True, slots=True)
class Reservation:
    """An address of a subnet, held by one interface of one server in one profile."""

    subnet_id: str
    address: str
    server_key: str
    interface: int
    profile: str


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry that differs from what is stored."""

    before: MapEntry
    after: MapEntry


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to happen so that the table says what is wanted."""

    create: tuple[MapEntry, ...]
    update: tuple[EntryChange, ...]
    delete: tuple[MapEntry, ...]
    unchanged: tuple[MapEntry, ...]

    @property
    def any(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.create or self.update or self.delete)

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return C({before: {...}, after: {...}}) for Ansible's diff: only entries that change, by C(key/interface)."""
        raise NotImplementedError


def plan_entries(
    servers: Iterable[SourceServer],
    subnet_map: SubnetMap,
    overrides: Sequence[AddressOverride] = (),
    *,
    profiles: Sequence[str] = REQUIRED_PROFILES,
) -> list[MapEntry]:
    """Return the wanted entry of every interface of every server, ordered by key and interface.

    Args:
        servers: Source servers with their interfaces (see L(source_servers.with_instance_interfaces)).
        subnet_map: The declared subnet map.
        overrides: Declared explicit addresses.
        profiles: Profiles that every interface needs; further profiles of the subnet map are planned as well.

    Raises:
        DeclarationError: Naming every problem of every server: no rule for a source address, an address that cannot
            be translated, an override that fits nothing, two interfaces that want one address.
    """
    raise NotImplementedError


def compare(wanted: Iterable[MapEntry], existing: Iterable[MapEntry]) -> Changes:
    """Compare wanted entries with stored ones; version, time and author do not count.

    A created entry gets version 1, an updated one the stored version + 1; C(delete) has the stored entries of known
    servers' interfaces and of servers that nobody wants any more.
    """
    raise NotImplementedError


def entry_to_item(entry: MapEntry) -> dict[str, Any]:
    """Return the entry as a plain dict (no DynamoDB types), without the table's keys C(pk) and C(sk)."""
    raise NotImplementedError


def item_to_entry(item: Mapping[str, Any]) -> MapEntry:
    """Build an entry from a stored item; numbers may be C(Decimal)."""
    raise NotImplementedError
