# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The items of the IP map table, their keys, and the conditions under which they are written (architecture, section 4).

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.ip_map import MapEntry, Reservation, entry_to_item
from ..core.ip_map_moves import AddressKey, EntryId
from .dynamodb import Item, to_value

LISTED = "entries"
"""C(pk) of the list of entries."""

DYNAMIC = "dynamic#"
"""What C(sk) begins with where an interface is in a subnet without holding an address of it."""


def entry_key(key: str, interface: int) -> tuple[str, str]:
    """Return the key of an entry."""
    return f"server#{key}", f"nic#{interface}"


def version_item(entry: MapEntry) -> Item:
    """Return the item that keeps one version of an entry."""
    pk, sk = entry_key(*entry.id)
    return {"pk": pk, "sk": f"{sk}#v{entry.version:08d}", **entry_to_item(entry)}


def listed_key(key: str, interface: int) -> tuple[str, str]:
    """Return the key of an entry in the list of all entries."""
    return LISTED, f"{key}#{interface}"


def listed_item(entry: MapEntry, *, deleted: bool) -> Item:
    """Return the item of an entry in the list of all entries; a deleted one stays there with its last version."""
    pk, sk = listed_key(*entry.id)
    item = {"server_key": entry.server_key, "interface": entry.interface, "version": entry.version, "deleted": deleted}
    return {"pk": pk, "sk": sk, **item}


def listed_before(entry: MapEntry) -> Item:
    """The condition that nobody created or deleted a new entry meanwhile."""
    if entry.version == 1:
        return unchanged(None)
    return {
        "ConditionExpression": "#version = :version AND deleted = :deleted",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": to_value(entry.version - 1), ":deleted": to_value(True)},
    }


def reservation_key(address: AddressKey) -> tuple[str, str]:
    """Return the key of the reservation of an address."""
    return f"address#{address[0]}", address[1]


def reservation_item(reservation: Reservation) -> Item:
    """Return the item that holds an address."""
    pk, sk = reservation_key((reservation.subnet_id, reservation.address))
    return {
        "pk": pk,
        "sk": sk,
        "server_key": reservation.server_key,
        "interface": reservation.interface,
        "profile": reservation.profile,
    }


def to_reservation(item: Item) -> Reservation:
    """Read a reservation."""
    return Reservation(
        subnet_id=item["pk"].removeprefix("address#"),
        address=item["sk"],
        server_key=item["server_key"],
        interface=item["interface"],
        profile=item["profile"],
    )


def unchanged(before: MapEntry | None) -> Item:
    """Return the condition that an entry is as it was read, or that there is none."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": to_value(before.version)},
    }


def free_or_held_by(owners: set[EntryId]) -> Item:
    """Return the condition that nobody holds an address, or one of C(owners)."""
    values: dict[str, object] = {}
    tests = ["attribute_not_exists(pk)"]
    for number, (key, interface) in enumerate(sorted(owners)):
        values |= {f":key{number}": key, f":interface{number}": interface}
        tests.append(f"(server_key = :key{number} AND #interface = :interface{number})")
    return {
        "ConditionExpression": " OR ".join(tests),
        "ExpressionAttributeNames": {"#interface": "interface"},
        "ExpressionAttributeValues": {name: to_value(value) for name, value in values.items()},
    }


def dynamic_places(entries: Iterable[MapEntry | None]) -> dict[tuple[str, str], EntryId]:
    """Return the items that say which subnets entries are in without an address; by key, with the entry."""
    return {
        (f"address#{target.subnet_id}", f"{DYNAMIC}{entry.server_key}#{entry.interface}"): entry.id
        for entry in entries
        if entry is not None
        for target in entry.profiles.values()
        if target.address is None
    }
