# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of the EC2 instances that source servers replicate, each read in the account and Region where it runs.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.errors import DeclarationError
from ..core.source_servers import SourceServer
from ..core.tag_policy import Ec2Tags, Unreadable
from .accounts import AccountClients
from .networks import read_instances
from .pacing import for_each

Place = tuple[str, str]
"""Account id and Region."""


def read_instance_tags(servers: Iterable[SourceServer], clients: AccountClients) -> dict[str, Ec2Tags]:
    """Return the tags of every server's EC2 source instance by source server id, or why they could not be read.

    One account that cannot be reached does not keep the others from being read. Ids of instances mean nothing in
    another account or Region, so a server of which DRS does not tell them is not looked for anywhere.

    Args:
        servers: Source servers.
        clients: Clients of every account.
    """
    tags: dict[str, Ec2Tags] = {}
    places: dict[Place, list[SourceServer]] = {}
    for server in servers:
        if server.aws_instance_id is None:
            tags[server.source_server_id] = None
        elif server.origin_account_id and server.origin_region:
            places.setdefault((server.origin_account_id, server.origin_region), []).append(server)
        else:
            tags[server.source_server_id] = Unreadable(
                f"DRS does not say in which account and Region {server.aws_instance_id} runs",
                "give the tag another source in the policy",
            )

    def read(place: Place, members: list[SourceServer]) -> dict[str, Any] | Unreadable:
        try:
            client = clients("ec2", *place)
        except DeclarationError as error:
            account, region = place
            problem = error.problems[0]
            return Unreadable(
                f"the instances of account {account} in {region} cannot be read",
                f"{problem.where}: {account} {problem.remedy}",
            )
        return read_instances(client, (server.aws_instance_id for server in members if server.aws_instance_id))

    outcomes = for_each(places, read)
    for place, members in places.items():
        error = outcomes.errors.get(place)
        found = Unreadable(error.message, "repair that, then run again") if error else outcomes.results[place]
        tags |= {server.source_server_id: _tags_of(server, found, place) for server in members}
    return tags


def _tags_of(server: SourceServer, found: Mapping[str, Any] | Unreadable, place: Place) -> Ec2Tags:
    if isinstance(found, Unreadable):
        return found
    instance = found.get(server.aws_instance_id or "")
    if instance is None:
        return Unreadable(
            f"there is no instance {server.aws_instance_id} in account {place[0]}, {place[1]}",
            "its source machine is gone: give the tag another source in the policy, or take the server out",
        )
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
