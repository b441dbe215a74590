# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making and deleting extended source servers: many at once, each with its own outcome.

Neither call has a client token. What a lost answer leaves unknown is looked up before it counts as a failure.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.source_servers import SourceServer
from .drs import create_extended_source_server, delete_source_server, read_extended_source_servers, to_source_server
from .errors import NotFoundError
from .pacing import Outcomes, Pacers, for_each


def by_staging_arn(client: Any) -> dict[str, SourceServer]:
    """Return the extended source servers of the account and Region by the ARN of their staging server."""
    return {
        server.staging_arn: server for server in read_extended_source_servers(client) if server.staging_arn is not None
    }


def extend_servers(client: Any, tags: Mapping[str, Mapping[str, str]]) -> Outcomes[str, SourceServer]:
    """Extend source servers of staging accounts.

    Args:
        client: boto3 DRS client of the target account and Region.
        tags: Tags of the new source servers by the ARN of their staging server.
    """
    pacers = Pacers()

    def extend(arn: str, own: Mapping[str, str]) -> SourceServer:
        pacers.take("CreateExtendedSourceServer")
        return to_source_server(create_extended_source_server(client, arn, own))

    outcomes = for_each(tags, extend)
    if outcomes.errors:
        there = by_staging_arn(client)
        for arn in [arn for arn in outcomes.errors if arn in there]:
            del outcomes.errors[arn]
            outcomes.results[arn] = there[arn]
    return outcomes


def delete_extensions(client: Any, servers: Mapping[str, SourceServer]) -> Outcomes[str, None]:
    """Delete extended source servers; their staging servers are not touched. One that is gone already is no error.

    Args:
        client: boto3 DRS client of the target account and Region.
        servers: Extended source servers by the ARN of their staging server.
    """
    pacers = Pacers()

    def delete(_arn: str, server: SourceServer) -> None:
        pacers.take("DeleteSourceServer")
        try:
            delete_source_server(client, server.source_server_id)
        except NotFoundError:
            return

    return for_each(servers, delete)
