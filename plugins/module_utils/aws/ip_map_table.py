# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IP map table: entries, the addresses that they hold, their old versions, and a list (architecture, section 4).

An entry and its reservations are written together under conditions, so that no two entries ever hold one address,
whoever writes at the same time. No scans: readers know the server keys or the subnet, or read the list of entries.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ..core.ip_map import Changes, EntryVersion, MapEntry, Reservation, entry_to_item, item_to_entry
from ..core.ip_map_moves import AddressKey, EntryId, Move, moves_of, owner_of
from ..core.ip_map_search import Search
from .dynamodb import TRANSACTION_SIZE, Item
from .errors import ConflictError, InvalidRequestError, NotFoundError
from .ip_map_items import (
    DYNAMIC,
    LISTED,
    dynamic_places,
    entry_key,
    free_or_held_by,
    listed_before,
    listed_item,
    listed_key,
    reservation_item,
    reservation_key,
    to_reservation,
    unchanged,
    version_item,
)
from .pacing import Outcomes, for_each
from .table import Table

INTERFACES_AT_ONCE = 2
"""Interface numbers, which count up from 0, asked for at once: most servers have one."""


class IpMapTable(Table):
    """The IP map through one boto3 DynamoDB client."""

    def read(self, server_keys: Iterable[str]) -> list[MapEntry]:
        """Return the entries of the given servers, ordered by key and interface, with BatchGetItem alone.

        Those of a server end where two interfaces in a row have none. Whoever writes asks L(entries_of).

        Raises:
            NotFoundError: The table does not exist.
        """
        left = sorted(set(server_keys))
        entries: list[MapEntry] = []
        first = 0
        while left:
            numbers = range(first, first + INTERFACES_AT_ONCE)
            items = self._read_all([entry_key(key, number) for key in left for number in numbers])
            found = [item_to_entry(item) for item in items]
            entries += found
            left = sorted({entry.server_key for entry in found if entry.interface == numbers[-1]})
            first += INTERFACES_AT_ONCE
        return sorted(entries, key=lambda entry: entry.id)

    def entries_of(self, server_keys: Iterable[str]) -> list[MapEntry]:
        """Return all entries of the given servers, those that an interrupted write left among gaps too."""
        wanted = set(server_keys)
        return self.read_entries(entry_id for entry_id in self.entry_ids() if entry_id[0] in wanted)

    def read_entries(self, ids: Iterable[EntryId]) -> list[MapEntry]:
        """Return those of the named entries that exist, ordered by key and interface."""
        items = self._read_all([entry_key(*entry_id) for entry_id in sorted(set(ids))])
        return sorted(map(item_to_entry, items), key=lambda entry: entry.id)

    def find(self, search: Search) -> list[MapEntry]:
        """Return the entries that are looked for, ordered by key and interface; the keys known are used."""
        if search.servers is not None:
            found = self.entries_of(search.servers)
        elif search.subnet_id is not None and search.address is not None:
            held = self.holders([(search.subnet_id, search.address)])
            found = self.read_entries(owner_of(reservation) for reservation in held.values())
        elif search.subnet_id is not None:
            found = self.read_entries(self.entry_ids_in(search.subnet_id))
        else:
            found = self.read_entries(self.entry_ids())
        return [entry for entry in found if search.finds(entry)]

    def entry_ids(self, *, deleted: bool = False) -> list[EntryId]:
        """Return all entries that exist; with C(deleted) also those that existed once."""
        with self._explained():
            items = list(self._query_with_keys(LISTED, what="read the list of the IP map's entries"))
        return [(item["server_key"], item["interface"]) for item in items if deleted or not item["deleted"]]

    def history(self, server_keys: Iterable[str]) -> list[EntryVersion]:
        """Return every version that entries of the given servers have or had, by key and interface, newest first."""

        def read(key: str, _key: str) -> list[EntryVersion]:
            items = self._query(entry_key(key, 0)[0], "nic#", what=f"read the history of {key}")
            return [EntryVersion(item_to_entry(item), item.get("deleted", False)) for item in items]

        with self._explained():
            outcomes = for_each({key: key for key in server_keys}, read)
            versions = outcomes.raise_if_any("read the history of the IP map")
        return sorted(
            (version for found in versions.values() for version in found),
            key=lambda version: (*version.entry.id, -version.entry.version),
        )

    def holders(self, addresses: Iterable[AddressKey]) -> dict[AddressKey, Reservation]:
        """Return who holds the given addresses; free ones are left out."""
        wanted = sorted(set(addresses))
        items = self._read_all([reservation_key(address) for address in wanted])
        found = [to_reservation(item) for item in items]
        return {(reservation.subnet_id, reservation.address): reservation for reservation in found}

    def reservations(self, subnet_id: str) -> list[Reservation]:
        """Return every address of a subnet that the IP map holds."""
        return [to_reservation(item) for item in self._in_subnet(subnet_id) if not item["sk"].startswith(DYNAMIC)]

    def entry_ids_in(self, subnet_id: str) -> list[EntryId]:
        """Return the entries that launch into a subnet in some profile, with a fixed or a dynamic address."""
        return sorted({(item["server_key"], item["interface"]) for item in self._in_subnet(subnet_id)})

    def check(self, changes: Changes) -> Changes:
        """Look whether the changes could be written now.

        Returns:
            The changes to write: the versions of entries that existed once go on from there.

        Raises:
            InvalidRequestError: More entries hand addresses to one another than a transaction can hold.
            ConflictError: Naming every wanted address that somebody else holds.
        """
        moves = moves_of(changes)
        held = self.holders(address for move in moves for address in move.held_after())
        self._raise_if_taken(moves, held)
        self._raise_if_too_large(moves)
        listed = self._read_all([listed_key(*entry.id) for entry in changes.create])
        last = {(item["server_key"], item["interface"]): int(item["version"]) for item in listed}
        create = tuple(replace(entry, version=last.get(entry.id, 0) + 1) for entry in changes.create)
        return replace(changes, create=create)

    def write(self, changes: Changes, *, updated_by: str, updated_at: str) -> Outcomes[str, None]:
        """Write the changes, one transaction for each entry, or for entries that hand addresses to one another.

        Args:
            changes: What to write, as L(check) returned it.
            updated_by: ARN of the caller.
            updated_at: ISO 8601 moment.

        Returns:
            Which transactions were written and which were not: another writer's L(ConflictError) names the holder.
        """
        moves = {move.name: move for move in moves_of(changes)}

        def write_one(name: str, move: Move) -> None:
            try:
                self._transact(self._writes(move, updated_by, updated_at), f"write the IP map entry {name}")
            except ConflictError as error:
                self._raise_if_taken([move], self.holders(move.held_after()))
                raise ConflictError(
                    f"IP map entry {name}: somebody else changed it meanwhile; run again", code=error.code
                ) from error

        return for_each(moves, write_one)

    def _read_all(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        with self._explained():
            return self._get_all(keys, "read the IP map")

    def _in_subnet(self, subnet_id: str) -> list[Item]:
        with self._explained():
            return list(self._query_with_keys(f"address#{subnet_id}", what="read the addresses of a subnet"))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what to do when there is no table."""
        try:
            yield
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

    def _raise_if_too_large(self, moves: Sequence[Move]) -> None:
        several = [move for move in moves if len(move.changes) > 1]
        too_large = [move for move in several if len(self._writes(move, "", "")) > TRANSACTION_SIZE]
        if too_large:
            groups = "; ".join(f"{len(move.changes)} entries ({move.name})" for move in too_large)
            raise InvalidRequestError(
                f"IP map {self.name}: more entries hand addresses to one another than a transaction of DynamoDB can "
                f"hold: {groups}. Give some of them other addresses first"
            )

    def _writes(self, move: Move, updated_by: str, updated_at: str) -> list[Item]:
        writes: list[Item] = []
        stamp = {"updated_by": updated_by, "updated_at": updated_at}
        for before, after in move.changes.values():
            if before is not None:
                writes.append(self._put(version_item(before)))
            if after is not None:
                pk, sk = entry_key(*after.id)
                item = {"pk": pk, "sk": sk, **entry_to_item(after), **stamp}
                writes.append(self._put(item, **unchanged(before)))
            if before is None and after is not None:
                writes.append(self._put(listed_item(after, deleted=False), **listed_before(after)))
            if before is not None and after is None:
                gone = replace(before, version=before.version + 1, updated_by=updated_by, updated_at=updated_at)
                writes.append({"Delete": {**self._delete(*entry_key(*before.id))["Delete"], **unchanged(before)}})
                writes.append(self._put({**version_item(gone), "deleted": True}))
                writes.append(self._put(listed_item(gone, deleted=True)))
        return [*writes, *self._address_writes(move), *self._dynamic_writes(move)]

    def _address_writes(self, move: Move) -> list[Item]:
        writes: list[Item] = []
        held_before, held_after = move.held_before(), move.held_after()
        for address, reservation in held_after.items():
            owners = {owner_of(reservation), *([owner_of(held_before[address])] if address in held_before else [])}
            writes.append(self._put(reservation_item(reservation), **free_or_held_by(owners)))
        for address, reservation in held_before.items():
            if address not in held_after:
                pk, sk = reservation_key(address)
                writes.append(
                    {"Delete": {**self._delete(pk, sk)["Delete"], **free_or_held_by({owner_of(reservation)})}}
                )
        return writes

    def _dynamic_writes(self, move: Move) -> list[Item]:
        before = dynamic_places(before for before, _after in move.changes.values())
        after = dynamic_places(after for _before, after in move.changes.values())
        made = [
            self._put({"pk": pk, "sk": sk, "server_key": entry_id[0], "interface": entry_id[1]})
            for (pk, sk), entry_id in after.items()
            if (pk, sk) not in before
        ]
        return made + [self._delete(*place) for place in before if place not in after]


def _owner(reservation: Reservation) -> str:
    return f"server {reservation.server_key} interface {reservation.interface} (profile {reservation.profile})"
