# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers launch with on their way home, read and written for many at once.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.launch_desired import DesiredLaunch, launch_into
from ..core.launch_versions import version_of
from ..core.runs import FAILBACK
from ..core.source_servers import SourceServer
from ..core.way_home_settings import Forward
from . import drs
from .errors import AwsError, NotFoundError
from .launch_templates import read_versions
from .launches import plan_launches, read_launches, write_launches
from .pacing import Outcomes, Pacers, for_each

FAILOVER = "failover"
REFUSED = "ValidationException"


def read_forward(
    drs_client: Any, ec2_client: Any, servers: Mapping[str, SourceServer], pacers: Pacers
) -> Outcomes[str, Forward]:
    """Return what servers launch with in a failover, by the names of C(servers).

    Args:
        drs_client: boto3 DRS client of the account and Region that recovers.
        ec2_client: boto3 EC2 client of the same account and Region.
        servers: The source servers that protect the machines.
        pacers: Request buckets of the account and Region.
    """

    def read(_name: str, server: SourceServer) -> Forward:
        pacers.take("GetLaunchConfiguration")
        configuration = drs.get_launch_configuration(drs_client, server.source_server_id)
        template_id = configuration["ec2LaunchTemplateID"]
        pacers.take("DescribeLaunchTemplateVersions")
        version = version_of(read_versions(ec2_client, template_id), FAILOVER)
        if version is None:
            raise NotFoundError(
                f"launch template {template_id} of {server.source_server_id} has no intact version of profile "
                f"{FAILOVER}, which tells how the machine launches: declare the launch configuration again (configure)"
            )
        return Forward(server, configuration, version)

    return for_each(servers, read)


def write_home(
    drs_client: Any, ec2_client: Any, launches: Mapping[str, DesiredLaunch], pacers: Pacers
) -> Outcomes[str, Mapping[str, int | None]]:
    """Bring launch configurations and templates to what servers launch with at home.

    Args:
        drs_client: boto3 DRS client of the account and Region where the machines are at home.
        ec2_client: boto3 EC2 client of the same account and Region.
        launches: What they must launch with, by server key.
        pacers: Request buckets of the account and Region.

    Returns:
        The version number of each profile, by server key.
    """
    live = read_launches(drs_client, ec2_client, launches, pacers, sweep=False)
    planned = plan_launches(launches, live.results, FAILBACK)
    written = write_launches(drs_client, ec2_client, launches, planned.results, pacers, sweep=False)
    errors = {**live.errors, **planned.errors, **written.errors}
    into = {key: launch_into(now.configuration) for key, now in live.results.items()}
    return Outcomes(dict(written.versions), {key: explained(error, into.get(key)) for key, error in errors.items()})


def explained(error: AwsError, into: str | None) -> AwsError:
    """Return an error with what to do where DRS does not give up that it launches into an instance.

    Args:
        error: What became of the server.
        into: The instance that it was launched into before the update.
    """
    if into is None or error.code != REFUSED:
        return error
    return AwsError(
        f"{error.message}. It launches into {into}, which may be what DRS does not give up: disconnect and delete the "
        "source server, and reverse the replication anew",
        code=error.code,
        operation=error.operation,
        response=error.response,
    )


def tag_servers(drs_client: Any, tags: Mapping[str, tuple[str, Mapping[str, str]]]) -> Outcomes[str, None]:
    """Tag source servers.

    Args:
        drs_client: boto3 DRS client.
        tags: ARN and tags to set, by server key.
    """

    def tag(_key: str, wanted: tuple[str, Mapping[str, str]]) -> None:
        drs.tag_resource(drs_client, *wanted)

    return for_each({key: wanted for key, wanted in tags.items() if wanted[1]}, tag)
