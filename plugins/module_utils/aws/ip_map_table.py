# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IP map table: entries, the addresses that they hold, and their old versions (architecture, section 4).

An entry and its reservations are written together under conditions, so that no two entries ever hold one address,
whoever writes at the same time. No scans: readers know the server keys or the subnet.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.ip_map import Changes, MapEntry, Reservation, entry_to_item, item_to_entry
from .dynamodb import TRANSACTION_SIZE, Item, to_value
from .errors import ConflictError, InvalidRequestError, NotFoundError
from .pacing import Outcomes, for_each
from .table import Table

INTERFACES_AT_ONCE = 2
"""Interface numbers, which count up from 0, asked for at once: most servers have one."""

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


class IpMapTable(Table):
    """The IP map through one boto3 DynamoDB client."""

    def read(self, server_keys: Iterable[str]) -> list[MapEntry]:
        """Return all entries of the given servers, ordered by key and interface.

        Raises:
            NotFoundError: The table does not exist.
        """
        left = sorted(set(server_keys))
        entries: list[MapEntry] = []
        first = 0
        while left:
            numbers = range(first, first + INTERFACES_AT_ONCE)
            items = self._read_all([_entry_key(key, number) for key in left for number in numbers])
            found = [item_to_entry(item) for item in items]
            entries += found
            left = sorted({entry.server_key for entry in found if entry.interface == numbers[-1]})
            first += INTERFACES_AT_ONCE
        return sorted(entries, key=lambda entry: entry.id)

    def holders(self, addresses: Iterable[AddressKey]) -> dict[AddressKey, Reservation]:
        """Return who holds the given addresses; free ones are left out."""
        wanted = sorted(set(addresses))
        items = self._read_all([_reservation_key(address) for address in wanted])
        found = [_to_reservation(item) for item in items]
        return {(reservation.subnet_id, reservation.address): reservation for reservation in found}

    def reservations(self, subnet_id: str) -> list[Reservation]:
        """Return every address of a subnet that the IP map holds."""
        items = self._query_with_keys(f"address#{subnet_id}", what="read the addresses of a subnet")
        return [_to_reservation(item) for item in items]

    def check(self, changes: Changes) -> None:
        """Look whether the changes could be written now.

        Raises:
            ConflictError: Naming every wanted address that somebody else holds.
        """
        moves = moves_of(changes)
        held = self.holders(address for move in moves for address in move.held_after())
        self._raise_if_taken(moves, held)

    def write(self, changes: Changes, *, updated_by: str, updated_at: str) -> Outcomes[str, None]:
        """Write the changes, one transaction for each entry, or for entries that hand addresses to one another.

        Args:
            changes: What to write.
            updated_by: ARN of the caller.
            updated_at: ISO 8601 moment.

        Returns:
            Which transactions were written and which were not: another writer's L(ConflictError) names the holder.
        """
        moves = {move.name: move for move in moves_of(changes)}

        def write_one(name: str, move: Move) -> None:
            writes = self._writes(move, updated_by, updated_at)
            if len(writes) > TRANSACTION_SIZE:
                raise InvalidRequestError(
                    f"{len(move.changes)} entries hand addresses to one another ({name}), which is more than one "
                    f"transaction of DynamoDB can hold: give some of them dynamic addresses first"
                )
            try:
                self._transact(writes, f"write the IP map entry {name}")
            except ConflictError as error:
                self._raise_if_taken([move], self.holders(move.held_after()))
                raise ConflictError(
                    f"IP map entry {name}: somebody else changed it meanwhile; run again", code=error.code
                ) from error

        return for_each(moves, write_one)

    def _read_all(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        try:
            return self._get_all(keys, "read the IP map")
        except NotFoundError as error:
            raise NotFoundError(
                f"IP map table {self.name} does not exist in this account and Region: deploy it first (playbook "
                "deploy), or correct its name (dr_prefix)",
                code=error.code,
                operation=error.operation,
            ) from error

    def _raise_if_taken(self, moves: Sequence[Move], held: Mapping[AddressKey, Reservation]) -> None:
        taken = []
        for move in moves:
            for address, wanted in move.held_after().items():
                holder = held.get(address)
                if holder is not None and (holder.server_key, holder.interface) not in move.changes:
                    taken.append(
                        f"{wanted.address} in {wanted.subnet_id}, wanted by {_owner(wanted)}, is held by "
                        f"{_owner(holder)}"
                    )
        if taken:
            raise ConflictError(
                f"IP map {self.name}: {'; '.join(taken)}. Give one of them another address (dr_addresses), or remove "
                "the entries of servers that are gone (ip_map with state absent)"
            )

    def _writes(self, move: Move, updated_by: str, updated_at: str) -> list[Item]:
        writes: list[Item] = []
        for (key, interface), (before, after) in move.changes.items():
            pk, sk = _entry_key(key, interface)
            condition = _unchanged(before)
            if after is None:
                writes.append({"Delete": {**self._delete(pk, sk)["Delete"], **condition}})
            else:
                stamped = replace(after, updated_by=updated_by, updated_at=updated_at)
                writes.append(self._put({"pk": pk, "sk": sk, **entry_to_item(stamped)}, **condition))
            if before is not None:
                old = {"pk": pk, "sk": f"{sk}#v{before.version:08d}", **entry_to_item(before)}
                writes.append(self._put(old))
        held_before, held_after = move.held_before(), move.held_after()
        for address, reservation in held_after.items():
            owners = {_id(reservation), *([_id(held_before[address])] if address in held_before else [])}
            writes.append(self._put(_reservation_item(reservation), **_free_or_held_by(owners)))
        for address, reservation in held_before.items():
            if address not in held_after:
                pk, sk = _reservation_key(address)
                writes.append({"Delete": {**self._delete(pk, sk)["Delete"], **_free_or_held_by({_id(reservation)})}})
        return writes


def _held(entries: Iterable[MapEntry | None]) -> dict[AddressKey, Reservation]:
    held: dict[AddressKey, Reservation] = {}
    for entry in entries:
        for reservation in entry.reservations() if entry else ():
            address = (reservation.subnet_id, reservation.address)
            known = held.get(address)
            if known is not None and _id(known) == _id(reservation):
                reservation = replace(reservation, profile=f"{known.profile},{reservation.profile}")
            held[address] = reservation
    return held


def _id(reservation: Reservation) -> EntryId:
    return (reservation.server_key, reservation.interface)


def _owner(reservation: Reservation) -> str:
    return f"server {reservation.server_key} interface {reservation.interface} (profile {reservation.profile})"


def _entry_key(key: str, interface: int) -> tuple[str, str]:
    return f"server#{key}", f"nic#{interface}"


def _reservation_key(address: AddressKey) -> tuple[str, str]:
    return f"address#{address[0]}", address[1]


def _reservation_item(reservation: Reservation) -> Item:
    pk, sk = _reservation_key((reservation.subnet_id, reservation.address))
    return {
        "pk": pk,
        "sk": sk,
        "server_key": reservation.server_key,
        "interface": reservation.interface,
        "profile": reservation.profile,
    }


def _to_reservation(item: Item) -> Reservation:
    return Reservation(
        subnet_id=item["pk"].removeprefix("address#"),
        address=item["sk"],
        server_key=item["server_key"],
        interface=item["interface"],
        profile=item["profile"],
    )


def _unchanged(before: MapEntry | None) -> Item:
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": to_value(before.version)},
    }


def _free_or_held_by(owners: set[EntryId]) -> Item:
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
