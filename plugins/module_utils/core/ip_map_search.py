# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody looks for in the IP map."""

from __future__ import annotations

from dataclasses import dataclass

from .ip_map import MapEntry


@dataclass(frozen=True, slots=True)
class Search:
    """Conditions that must all hold, None where any value will do.

    Attributes:
        servers: Server keys.
        subnet_id: Subnet in which the interface launches.
        profile: Network profile in which it does; alone, every entry with a target in the profile.
        address: Address that it has there; without subnet and profile also its source address.
    """

    servers: frozenset[str] | None = None
    subnet_id: str | None = None
    profile: str | None = None
    address: str | None = None

    def finds(self, entry: MapEntry) -> bool:
        """Return whether an entry is among what is looked for."""
        if self.servers is not None and entry.server_key not in self.servers:
            return False
        if self.subnet_id is None and self.profile is None and self.address in (None, entry.source.address):
            return True
        return any(
            self.profile in (None, profile)
            and self.subnet_id in (None, target.subnet_id)
            and self.address in (None, target.address)
            for profile, target in entry.profiles.items()
        )
