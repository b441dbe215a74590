# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which entries of the IP map have to be written together.

An address that goes from one entry to another must change hands in one transaction, or another writer could take it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .ip_map import Changes, MapEntry, Reservation

AddressKey = tuple[str, str]
"""Subnet id and address."""

EntryId = tuple[str, int]
"""Server key and interface."""


@dataclass(frozen=True)
class Move:
    """What one transaction writes: one entry, or several that hand addresses to each other.

    Attributes:
        changes: Old and new entry by id; None where there is none.
    """

    changes: Mapping[EntryId, tuple[MapEntry | None, MapEntry | None]]

    @property
    def name(self) -> str:
        """The entries, for messages."""
        return ", ".join(f"{key}/nic{interface}" for key, interface in self.changes)

    def held_before(self) -> dict[AddressKey, Reservation]:
        """Return what the entries hold now."""
        return _held(before for before, _after in self.changes.values())

    def held_after(self) -> dict[AddressKey, Reservation]:
        """Return what the entries will hold."""
        return _held(after for _before, after in self.changes.values())


def moves_of(changes: Changes) -> list[Move]:
    """Group changes into transactions: entries that hand an address to one another are written together."""
    pairs: dict[EntryId, tuple[MapEntry | None, MapEntry | None]] = {}
    pairs.update({entry.id: (None, entry) for entry in changes.create})
    pairs.update({change.after.id: (change.before, change.after) for change in changes.update})
    pairs.update({entry.id: (entry, None) for entry in changes.delete})
    holders = _held(before for before, _after in pairs.values())
    group = {entry_id: entry_id for entry_id in pairs}

    def root(entry_id: EntryId) -> EntryId:
        while group[entry_id] != entry_id:
            group[entry_id] = group[group[entry_id]]
            entry_id = group[entry_id]
        return entry_id

    for entry_id, (_before, after) in pairs.items():
        for address in _held([after]):
            holder = holders.get(address)
            if holder is not None:
                group[root(entry_id)] = root((holder.server_key, holder.interface))
    members: dict[EntryId, dict[EntryId, tuple[MapEntry | None, MapEntry | None]]] = {}
    for entry_id, pair in pairs.items():
        members.setdefault(root(entry_id), {})[entry_id] = pair
    return [Move(member) for member in members.values()]


def _held(entries: Iterable[MapEntry | None]) -> dict[AddressKey, Reservation]:
    held: dict[AddressKey, Reservation] = {}
    for entry in entries:
        for reservation in entry.reservations() if entry else ():
            address = (reservation.subnet_id, reservation.address)
            known = held.get(address)
            if known is not None and owner_of(known) == owner_of(reservation):
                reservation = replace(reservation, profile=f"{known.profile},{reservation.profile}")
            held[address] = reservation
    return held


def owner_of(reservation: Reservation) -> EntryId:
    """Return the entry that holds a reservation."""
    return (reservation.server_key, reservation.interface)
