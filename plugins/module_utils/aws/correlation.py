# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The correlation of an estate: read everything, put it together, remember it. One code for module and function.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.correlation import Correlation, correlate
from ..core.correlation_writes import Writes, all_known, plan_writes, planned_addresses
from ..core.ip_map import MapEntry
from ..core.machines import KnownMachine, Observed
from ..core.places import Place
from ..core.source_servers import KEY_TAG
from .accounts import AccountClients
from .drs import tag_resource
from .errors import ConflictError, TransientError
from .ip_map_table import IpMapTable
from .machine_register import MachineRegister
from .observation import observe
from .pacing import summary


@dataclass(frozen=True)
class Estate:
    """What was seen and known, and what it amounts to.

    Attributes:
        home: Account and Region that recovers.
    """

    home: Place
    observed: Observed
    known: Sequence[KnownMachine]
    entries: Sequence[MapEntry]
    correlation: Correlation

    def writes(self) -> Writes:
        """Return what has to be remembered and corrected."""
        return plan_writes(
            self.correlation,
            self.observed,
            self.known,
            self.entries,
            account_id=self.home.account_id,
            region=self.home.region,
        )


def correlate_estate(
    clients: AccountClients, region: str, *, dynamodb: Any = None, table: str | None = None, key_tag: str = KEY_TAG
) -> Estate:
    """Read an estate and correlate it.

    Args:
        clients: Clients of the declared accounts.
        region: Region that recovers, in the account of the credentials.
        dynamodb: boto3 DynamoDB client of the IP map.
        table: Name of the IP map table; without it, nothing is known from before.
        key_tag: Tag of instances that names their server key.

    Raises:
        DeclarationError: A declared account cannot be reached for want of a role.
        NotFoundError: The table does not exist.
        AwsError: DRS of the Region, or the table, cannot be read.
    """
    home = Place(clients.own_account_id, region)
    entries: list[MapEntry] = []
    known: list[KnownMachine] = []
    if table:
        ip_map = IpMapTable(dynamodb, table)
        entries = ip_map.read_entries(ip_map.entry_ids())
        known = all_known(MachineRegister(dynamodb, table).read(), entries)
    observed = observe(clients, home)
    correlation = correlate(observed, known, planned=planned_addresses(entries), key_tag=key_tag)
    return Estate(home, observed, known, entries, correlation)


def remember(
    estate: Estate, clients: AccountClients, dynamodb: Any, table: str, *, updated_by: str, updated_at: str
) -> dict[str, int]:
    """Write what a correlation found: tags of server keys, machines, and the identities in the IP map.

    Nothing is written while some account or Region cannot be read: what is not seen there could contradict it.

    Returns:
        How many machines were stored and forgotten, entries updated and source servers tagged.

    Raises:
        TransientError: Somebody else wrote at the same time.
        AwsError: An entry or a tag could not be written; everything else was.
    """
    if estate.observed.unread:
        return {"stored": 0, "forgotten": 0, "entries": 0, "tagged": 0}
    writes = estate.writes()
    for pin in writes.pins:
        tag_resource(clients("drs", estate.home.account_id, pin.region), pin.arn, {KEY_TAG: pin.server_key})
    MachineRegister(dynamodb, table).write(writes.store, writes.forget, updated_by=updated_by, updated_at=updated_at)
    written = IpMapTable(dynamodb, table).write(writes.entries, updated_by=updated_by, updated_at=updated_at)
    if written.errors and all(isinstance(error, ConflictError) for error in written.errors.values()):
        raise TransientError(f"refresh the IP map's identities: {summary(written.errors)}")
    written.raise_if_any("refresh the IP map's identities")
    return {
        "stored": len(writes.store),
        "forgotten": len(writes.forget),
        "entries": len(writes.entries.update),
        "tagged": len(writes.pins),
    }
