# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How modules change the IP map: the same checks, the same prediction, the same write.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import Changes, entry_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import check_in_use


def refuse_addresses_in_use(
    changes: Changes, recovery_instances: Mapping[str, str | None], in_use: Mapping[tuple[str, str], Mapping[str, Any]]
) -> None:
    """Look whether network interfaces have the addresses that would be new.

    Args:
        changes: What would be written.
        recovery_instances: Recovery instance of each server key: it may have the address.
        in_use: Network interfaces by subnet id and address (see L(networks.read_interfaces)).

    Raises:
        DeclarationError: Naming every address that somebody else uses.
    """
    problems = Problems()
    check_in_use(changes.wanted, in_use, recovery_instances, problems)
    problems.raise_if_any()


def apply_changes(table: IpMapTable, changes: Changes, clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Write the changes, short of the write in check mode, and return what a module answers.

    Raises:
        ConflictError: Somebody holds a wanted address; nothing was written.
    """
    changes = table.check(changes)
    written = changes.wanted
    if changes.any and not check_mode:
        who = caller(clients("sts"))
        moment = who.now.isoformat(timespec="seconds")
        outcomes = table.write(changes, updated_by=who.arn, updated_at=moment)
        written = tuple(replace(entry, updated_by=who.arn, updated_at=moment) for entry in written)
        if outcomes.errors:
            total = len(outcomes.results) + len(outcomes.errors)
            msg = (
                f"IP map {table.name}: {len(outcomes.results)} of {total} writes were done; run again to go on from "
                f"there. Not written: {summary(outcomes.errors)}"
            )
            return {"failed": True, "msg": msg, "changed": bool(outcomes.results)}
    entries = sorted([*changes.unchanged, *written], key=lambda entry: entry.id)
    return {
        "changed": changes.any,
        "entries": [entry_to_item(entry) for entry in entries],
        "changes": changes.names(),
        "diff": changes.diff(),
    }
