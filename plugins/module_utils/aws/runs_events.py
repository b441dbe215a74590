# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events of a run in the runs table: appended to a hash chain, never changed.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..core.canonical import canonical
from ..core.events import chain, event_to_item
from ..core.timestamps import format_time
from .dynamodb import TRANSACTION_SIZE, Item, back_off, chunks, round_trip, to_item
from .errors import ConflictError, NotFoundError, TransientError
from .table import Table, without_keys

LOST_RACES = 60  # appends in a row that may lose against other writers of the same run
EVENTS_IN_ONE_TRANSACTION = TRANSACTION_SIZE - 1  # one action moves the head


def _identity(kind: str, data: Mapping[str, Any]) -> tuple[str, str]:
    return (kind, canonical(data))


class EventItems(Table):
    """Event items of the runs table."""

    def append_event(self, run_id: str, kind: str, data: Mapping[str, Any], at: datetime) -> Item:
        """Append one event to the run's chain and return it; see L(append_events)."""
        return self.append_events(run_id, [(kind, data)], at)[0]

    def append_events(self, run_id: str, entries: Sequence[tuple[str, Mapping[str, Any]]], at: datetime) -> list[Item]:
        """Append events to the run's hash chain, in order, whoever else appends at the same time.

        An event that equals one of this run in C(at), C(kind) and C(data) is the same event and is not written
        again: a function that is retried appends what it appended before.

        Args:
            entries: C((kind, data)) of each event.
            at: The moment of all of them.

        Returns:
            C({sequence, at, kind, data, previous_hash, hash}) of each entry, in order.

        Raises:
            NotFoundError: There is no such run.
            TransientError: Other writers won every time.
        """
        stored: list[Item] = []
        known: dict[tuple[str, str], Item] = {}
        for piece in chunks(list(entries), EVENTS_IN_ONE_TRANSACTION):
            stored += self._append_piece(run_id, [(kind, round_trip(dict(data))) for kind, data in piece], at, known)
        return stored

    def _append_piece(
        self, run_id: str, entries: Sequence[tuple[str, Item]], at: datetime, known: dict[tuple[str, str], Item]
    ) -> list[Item]:
        """Append one transaction's worth; C(known) holds the events of that moment that were seen, new ones too."""
        what = f"append events to run {run_id}"
        for attempt in range(LOST_RACES):
            run = self._get(f"RUN#{run_id}", "META", what)
            if run is None:
                raise NotFoundError(f"There is no run {run_id} in table {self.name}")
            seen = max((event["sequence"] for event in known.values()), default=0)
            for event in self._events_at(run_id, format_time(at), after=seen):
                known.setdefault(_identity(event["kind"], event["data"]), event)
            new: list[Item] = []
            added: dict[tuple[str, str], Item] = {}
            for kind, data in entries:
                identity = _identity(kind, data)
                if identity not in known and identity not in added:
                    sequence = run["event_count"] + len(new) + 1
                    previous = new[-1]["hash"] if new else run["last_hash"]
                    new.append(event_to_item(chain(previous, sequence, at, kind, data)))
                    added[identity] = new[-1]
            if new:
                try:
                    self._transact(self._appending(run, new), what)
                except ConflictError:
                    back_off(min(attempt, 3), self._sleep)
                    continue
            known.update(added)
            return [known[_identity(kind, data)] for kind, data in entries]
        raise TransientError(f"{what}: lost {LOST_RACES} races in a row against other writers")

    def _appending(self, run: Item, events: Sequence[Item]) -> list[Item]:
        pk = f"RUN#{run['run_id']}"
        head = {
            "Update": {
                "TableName": self.name,
                "Key": to_item({"pk": pk, "sk": "META"}),
                "UpdateExpression": "SET event_count = :count, last_hash = :hash",
                "ConditionExpression": "event_count = :old_count AND last_hash = :old_hash",
                "ExpressionAttributeValues": to_item(
                    {
                        ":count": events[-1]["sequence"],
                        ":hash": events[-1]["hash"],
                        ":old_count": run["event_count"],
                        ":old_hash": run["last_hash"],
                    }
                ),
            }
        }
        return [head] + [
            self._put(
                {"pk": pk, "sk": f"EVENT#{event['sequence']:08d}", **event},
                ConditionExpression="attribute_not_exists(pk)",
            )
            for event in events
        ]

    def _events_at(self, run_id: str, at: str, *, after: int) -> list[Item]:
        found: list[Item] = []
        what = f"read events of run {run_id}"
        for event in self._query_with_keys(f"RUN#{run_id}", "EVENT#", what=what, newest_first=True):
            if event["at"] < at or event["sequence"] <= after:
                break
            found.append(without_keys(event))
        return [event for event in found if event["at"] == at]

    def events(self, run_id: str, *, after: int = 0, limit: int | None = None) -> list[Item]:
        """Return the events whose sequence number is above C(after), in order."""
        return self._query(
            f"RUN#{run_id}",
            (f"EVENT#{after + 1:08d}", "EVENT#99999999"),
            what=f"read events of run {run_id}",
            limit=limit,
        )
