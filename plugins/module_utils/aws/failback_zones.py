# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that are protected from zone to zone of one Region: where they are at home, and where they replicate to.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ..core.failback_facts import ServerFacts, Zones
from ..core.ip_map import MapEntry
from . import drs
from .networks import read_subnets

Entries = Callable[[Collection[str]], Mapping[str, Sequence[MapEntry]]]
"""Returns the IP map entries of servers, by server key."""


def read_zones(ec2: Any, servers: Iterable[ServerFacts], entries: Entries) -> dict[str, Zones]:
    """Return in which zones machines are at home and are recovered, by the source server that protects them.

    Args:
        ec2: boto3 EC2 client of their account and Region.
        servers: Source servers of machines that never leave it.
        entries: Reads the IP map. A machine is where its primary interface is.
    """
    servers = list(servers)
    found = entries({server.key for server in servers}) if servers else {}
    targets = {
        server.server_id: {name: target for name, target in entry.profiles.items() if name in ("failover", "failback")}
        for server in servers
        for entry in found.get(server.key, ())
        if entry.interface == 0
    }
    ids = {target.subnet_id for profiles in targets.values() for target in profiles.values()}
    zones = {name: str(item["AvailabilityZone"]) for name, item in (read_subnets(ec2, ids) if ids else {}).items()}
    return {name: _zones(profiles, zones) for name, profiles in targets.items()}


def replicate_to(client: Any, source_server_id: str, subnet_id: str) -> None:
    """Let a source server replicate to another subnet, unless it does already.

    Args:
        client: boto3 DRS client.
        source_server_id: The source server.
        subnet_id: Subnet of its staging area.
    """
    if drs.get_replication_configuration(client, source_server_id).get("stagingAreaSubnetId") != subnet_id:
        drs.update_replication_configuration(client, source_server_id, {"stagingAreaSubnetId": subnet_id})


def _zones(profiles: Mapping[str, Any], zones: Mapping[str, str]) -> Zones:
    def zone(profile: str) -> str:
        return zones.get(profiles[profile].subnet_id, "") if profile in profiles else ""

    def staging(profile: str) -> str:
        return profiles[profile].staging_subnet_id if profile in profiles else ""

    return Zones(zone("failback"), zone("failover"), staging("failback"), staging("failover"))
