# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks in the runs table: no two runs work on one server, or on one plan, at the same time.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ..core.timestamps import format_time
from .dynamodb import TRANSACTION_SIZE, cancellation_codes, chunks, to_value
from .errors import ConflictError
from .table import Table


def plan_lock(plan_name: str) -> str:
    """Return the lock key that keeps two runs of one plan apart."""
    return f"plan:{plan_name}"


def _held_by_others(run_id: str, holders: Mapping[str, str]) -> str:
    if not holders:
        return f"Run {run_id} could not take its locks: another run took some at the same moment. Start it again."
    shown = ", ".join(f"{key} by run {owner}" for key, owner in sorted(holders.items())[:5])
    more = f" and {len(holders) - 5} more" if len(holders) > 5 else ""
    return (
        f"Run {run_id} cannot lock what another run holds: {shown}{more}. "
        "Wait until that run ends, or end it with playbook abort, also when its execution is dead; that releases them."
    )


class LockItems(Table):
    """Lock items of the runs table."""

    def take_locks(self, keys: Iterable[str], run_id: str, *, at: datetime) -> None:
        """Take the locks of all C(keys) (server keys, L(plan_lock)) for a run; what it holds already stays its own.

        Raises:
            ConflictError: Another run holds one; its message names the run, and no lock of this run is left.
        """
        wanted = sorted(set(keys))
        for piece in chunks(wanted, TRANSACTION_SIZE):
            writes = [
                self._put(
                    {"pk": f"LOCK#{key}", "sk": "LOCK", "run_id": run_id, "taken_at": format_time(at)},
                    ConditionExpression="attribute_not_exists(pk) OR run_id = :run",
                    ExpressionAttributeValues={":run": to_value(run_id)},
                )
                for key in piece
            ]
            try:
                self._transact(writes, f"lock servers for run {run_id}")
            except ConflictError as error:
                held = [
                    key
                    for key, code in zip(piece, cancellation_codes(error), strict=False)
                    if code == "ConditionalCheckFailed"
                ]
                holders = {key: owner for key, owner in self.lock_owners(held).items() if owner != run_id}
                self.release_locks(wanted, run_id)
                raise ConflictError(_held_by_others(run_id, holders)) from error

    def check_locks(self, keys: Iterable[str], run_id: str) -> None:
        """Look whether L(take_locks) would get the locks.

        Raises:
            ConflictError: Another run holds one; its message names the run.
        """
        holders = {key: owner for key, owner in self.lock_owners(keys).items() if owner != run_id}
        if holders:
            raise ConflictError(_held_by_others(run_id, holders))

    def lock_owners(self, keys: Iterable[str]) -> dict[str, str]:
        """Return C({key: run_id}) of those keys that are locked."""
        found = self._get_all(((f"LOCK#{key}", "LOCK") for key in sorted(set(keys))), "read locks")
        return {item["pk"].removeprefix("LOCK#"): item["run_id"] for item in found}

    def release_locks(self, keys: Iterable[str], run_id: str) -> None:
        """Release those of the locks that this run holds; others' locks stay."""
        mine = [key for key, owner in self.lock_owners(keys).items() if owner == run_id]
        self._delete_all(((f"LOCK#{key}", "LOCK") for key in mine), f"release locks of run {run_id}")
