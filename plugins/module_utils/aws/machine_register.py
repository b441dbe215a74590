# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines that were found by a correlation, in the IP map table (architecture, section 4).

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.machines import KnownMachine, Machine, known_from_item, machine_to_item
from .dynamodb import Item, chunks, to_value
from .errors import ConflictError, TransientError
from .table import Table

MACHINES = "machines"
"""C(pk) of all machines: they are always read together."""

AT_ONCE = 50
"""Machines that one transaction writes: it holds 100 items and 4 MB."""


class MachineRegister(Table):
    """The machines of the IP map table through one boto3 DynamoDB client."""

    def read(self) -> list[KnownMachine]:
        """Return all machines.

        Raises:
            NotFoundError: The table does not exist.
        """
        return [known_from_item(item) for item in self._query(MACHINES, "", what="read the known machines")]

    def write(
        self,
        store: Iterable[tuple[Machine, int]],
        forget: Iterable[KnownMachine],
        *,
        updated_by: str,
        updated_at: str,
    ) -> None:
        """Store and forget machines whose stored version is still the given one.

        Args:
            store: Machines, each with the version that is stored, 0 for none.
            forget: Machines as they were read.
            updated_by: ARN of the caller.
            updated_at: ISO 8601 moment.

        Raises:
            TransientError: Another correlation wrote meanwhile; what was written before stays.
        """
        stamp = {"updated_by": updated_by, "updated_at": updated_at}
        writes = [
            self._put(
                {"pk": MACHINES, "sk": machine.server_key, **machine_to_item(machine), **stamp, "version": version + 1},
                **_unchanged(version),
            )
            for machine, version in store
        ]
        writes += [
            {"Delete": {**self._delete(MACHINES, machine.server_key)["Delete"], **_unchanged(machine.version)}}
            for machine in forget
        ]
        for piece in chunks(writes, AT_ONCE):
            try:
                self._transact(piece, "store the machines")
            except ConflictError as error:
                raise TransientError(
                    f"Another correlation wrote machines of table {self.name} meanwhile: correlate again",
                    code=error.code,
                ) from error


def _unchanged(version: int) -> dict[str, Any]:
    if not version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    condition: Item = {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": to_value(version)},
    }
    return condition
