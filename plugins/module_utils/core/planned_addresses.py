# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that the servers of a plan will launch with."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import DeclarationError, Problem
from .ip_map import MapEntry
from .resolved_plans import ResolvedPlan


def entries_by_server(
    resolved: ResolvedPlan, entries: Iterable[MapEntry], profile: str, *, table: str
) -> dict[str, list[MapEntry]]:
    """Return the IP map entries of every server of a plan; a server without one in the profile is never guessed.

    Args:
        resolved: The plan.
        entries: Entries of its servers.
        profile: Network profile that is launched in.
        table: Name of the IP map table, for messages.

    Raises:
        DeclarationError: Naming every server that has no address in the profile.
    """
    found: dict[str, list[MapEntry]] = {planned.server.key: [] for planned in resolved.servers}
    for entry in entries:
        found[entry.server_key].append(entry)
    missing = [key for key, known in found.items() if not known or any(profile not in one.profiles for one in known)]
    if missing:
        remedy = f"the IP map has no address of it for profile {profile}: run playbook configure (module ip_map)"
        raise DeclarationError([Problem(repr(key), f"table {table}", remedy) for key in missing])
    return found
