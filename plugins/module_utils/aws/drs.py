# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of Elastic Disaster Recovery that the collection makes: paged, in chunks, errors translated.

Clients are boto3 DRS clients of one account and Region. Source: DRS API Reference.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core import source_servers
from ..core.admission import Quotas
from ..core.source_servers import SourceServer
from ..core.staging_access import encryption_problem
from .dynamodb import call, chunks
from .errors import AwsError, ConflictError, InvalidRequestError
from .paging import read_pages

Item = dict[str, Any]

QUOTA_EXCEEDED = "ServiceQuotaExceededException"

MAX_IDS = 200
"""Ids in one filter, and instances in one TerminateRecoveryInstances."""

MAX_JOB_IDS = 1000

LARGEST_PAGE = 1000

QUOTA_CODES: Mapping[str, str] = {
    "L-B827C881": "servers_per_job",
    "L-D88FAC3A": "concurrent_jobs",
    "L-05AFA8C6": "servers_in_all_jobs",
}
"""Source: AWS General Reference, "AWS Elastic Disaster Recovery endpoints and quotas"."""

TOTAL_SERVERS_CODE = "L-E28BE5E0"
TOTAL_SERVERS = 4000
"""Source servers of an account and Region, extended ones included. Source: as above."""

DEFAULT_KEY_REFUSAL = "default EBS encryption key"


def _pages(client: Any, operation: str, what: str, *, key: str = "items", **arguments: Any) -> list[Item]:
    return list(read_pages(client, operation, what, key=key, **arguments))


def describe_source_servers(
    client: Any, *, ids: Sequence[str] | None = None, staging_account_ids: Sequence[str] | None = None
) -> list[Item]:
    """Return source servers: all of the account and Region, or those with the given ids or staging accounts.

    Ids that do not exist are not in the answer.
    """
    what = "describe source servers"
    if ids is None:
        filters = {"stagingAccountIDs": list(staging_account_ids)} if staging_account_ids else {}
        paging = {"PageSize": LARGEST_PAGE}
        return _pages(client, "describe_source_servers", what, filters=filters, PaginationConfig=paging)
    return [
        item
        for piece in chunks(sorted(set(ids)), MAX_IDS)
        for item in _pages(client, "describe_source_servers", what, filters={"sourceServerIDs": list(piece)})
    ]


def read_source_servers(
    client: Any, *, ids: Sequence[str] | None = None, staging_account_ids: Sequence[str] | None = None
) -> list[SourceServer]:
    """Return the same as L(describe_source_servers) in the collection's own form."""
    return [
        to_source_server(item)
        for item in describe_source_servers(client, ids=ids, staging_account_ids=staging_account_ids)
    ]


def to_source_server(item: Mapping[str, Any]) -> SourceServer:
    """Return an item of DescribeSourceServers in the collection's own form; account and Region are those of its ARN."""
    parts = item["arn"].split(":")
    return source_servers.from_drs(item, account_id=parts[4], region=parts[3])


def describe_jobs(
    client: Any, *, ids: Sequence[str] | None = None, from_date: str | None = None, to_date: str | None = None
) -> list[Item]:
    """Return jobs: those with the given ids, or all of a time.

    Args:
        ids: Job ids; ids that do not exist are not in the answer.
        from_date: ISO 8601 moment; only jobs created since then. DRS keeps no jobs for ever: without ids and moment it
            answers what it still knows.
        to_date: ISO 8601 moment; only jobs created until then.
    """
    what = "describe jobs"
    if ids is None:
        filters = {name: moment for name, moment in (("fromDate", from_date), ("toDate", to_date)) if moment}
        return _pages(client, "describe_jobs", what, filters=filters, PaginationConfig={"PageSize": LARGEST_PAGE})
    return [
        item
        for piece in chunks(sorted(set(ids)), MAX_JOB_IDS)
        for item in _pages(client, "describe_jobs", what, filters={"jobIDs": list(piece)})
    ]


def describe_job_log_items(client: Any, job_id: str) -> list[Item]:
    """Return the log of a job, oldest first as DRS answers it."""
    return _pages(client, "describe_job_log_items", f"read the log of {job_id}", jobID=job_id)


def start_recovery(client: Any, source_server_ids: Sequence[str], *, is_drill: bool, tags: Mapping[str, str]) -> Item:
    """Start one job for source servers from their latest points in time and return it.

    StartRecovery has no client token: look for a job with these C(tags) before calling this.

    Raises:
        ConflictError: Another job has one of the servers.
    """
    answer = call(
        client.start_recovery,
        "start recovery",
        isDrill=is_drill,
        sourceServers=[{"sourceServerID": server_id} for server_id in source_server_ids],
        tags=dict(tags),
    )
    job: Item = answer["job"]
    return job


def describe_recovery_instances(
    client: Any, *, ids: Sequence[str] | None = None, source_server_ids: Sequence[str] | None = None
) -> list[Item]:
    """Return recovery instances: all, or those with the given ids, or those of the given source servers."""
    what = "describe recovery instances"
    for name, values in (("recoveryInstanceIDs", ids), ("sourceServerIDs", source_server_ids)):
        if values is not None:
            return [
                item
                for piece in chunks(sorted(set(values)), MAX_IDS)
                for item in _pages(client, "describe_recovery_instances", what, filters={name: list(piece)})
            ]
    return _pages(client, "describe_recovery_instances", what, filters={}, PaginationConfig={"PageSize": LARGEST_PAGE})


def terminate_recovery_instances(client: Any, ids: Sequence[str]) -> Item:
    """Terminate recovery instances (at most 200) and return the job that does it."""
    what = "terminate recovery instances"
    job: Item = call(client.terminate_recovery_instances, what, recoveryInstanceIDs=sorted(ids))["job"]
    return job


def is_held_off(error: AwsError) -> bool:
    """Tell whether DRS refuses a job because of others: one has the server, or there are too many."""
    return isinstance(error, ConflictError) or error.code == QUOTA_EXCEEDED


def get_launch_configuration(client: Any, source_server_id: str) -> Item:
    """Return the launch configuration of one source server; C(ec2LaunchTemplateID) is its launch template."""
    answer = call(
        client.get_launch_configuration,
        f"read the launch configuration of {source_server_id}",
        sourceServerID=source_server_id,
    )
    return _without_metadata(answer)


def unknown_launch_fields(client: Any, fields: Iterable[str]) -> set[str]:
    """Return the fields of a launch configuration that this version of botocore cannot send."""
    shape = client.meta.service_model.operation_model("UpdateLaunchConfiguration").input_shape
    return set(fields) - set(shape.members)


def update_launch_configuration(client: Any, source_server_id: str, changes: Mapping[str, Any]) -> Item:
    """Change fields of the launch configuration of one source server and return all of it.

    DRS may write a new default version of the launch template: read it only afterwards.
    """
    answer = call(
        client.update_launch_configuration,
        f"update the launch configuration of {source_server_id}",
        sourceServerID=source_server_id,
        **changes,
    )
    return _without_metadata(answer)


def get_replication_configuration(client: Any, source_server_id: str) -> Item:
    """Return the replication configuration of one source server; only the account that it replicates to has one."""
    answer = call(
        client.get_replication_configuration,
        f"read the replication configuration of {source_server_id}",
        sourceServerID=source_server_id,
    )
    return _without_metadata(answer)


def update_replication_configuration(client: Any, source_server_id: str, changes: Mapping[str, Any]) -> None:
    """Change fields of the replication configuration of one source server."""
    call(
        client.update_replication_configuration,
        f"update the replication configuration of {source_server_id}",
        sourceServerID=source_server_id,
        **changes,
    )


def describe_replication_templates(client: Any) -> list[Item]:
    """Return the replication configuration templates, of which new source servers get their settings."""
    what = "read the replication configuration templates"
    return _pages(client, "describe_replication_configuration_templates", what)


def list_staging_accounts(client: Any) -> list[str]:
    """Return the ids of the staging accounts of the extended source servers that exist."""
    found = _pages(client, "list_staging_accounts", "list the staging accounts", key="accounts")
    return [item["accountID"] for item in found]


def read_extended_source_servers(client: Any) -> list[SourceServer]:
    """Return the extended source servers of the account and Region; its own servers are not read."""
    return [
        server
        for piece in chunks(list_staging_accounts(client), MAX_IDS)
        for server in read_source_servers(client, staging_account_ids=piece)
        if server.is_extended
    ]


def list_extensible_source_servers(client: Any, staging_account_id: str) -> list[Item]:
    """Return the source servers (C(hostname, arn, tags)) of a staging account that this one may still extend.

    Raises:
        AwsError: Among others, the staging account does not trust this one.
    """
    what = f"list the extensible source servers of staging account {staging_account_id}"
    try:
        return _pages(client, "list_extensible_source_servers", what, stagingAccountID=staging_account_id)
    except AwsError as error:
        if error.code != "AccessDeniedException":
            raise
        raise AwsError(
            f"{what}: access denied. The staging account needs the role service-role/DRSStagingAccountRole_ACCOUNT for "
            f"this account, which trusts DRS: run the playbook disaster_recovery.aws.accounts with credentials of "
            f"{staging_account_id}; and these credentials need drs:ListExtensibleSourceServers",
            code="StagingAccountDenied",
            operation=error.operation,
            response=error.response,
        ) from error


def create_extended_source_server(client: Any, staging_arn: str, tags: Mapping[str, str]) -> Item:
    """Extend a source server of a staging account into this one and return the new source server.

    There is no client token and no documented answer to a second call: look for a server with this
    C(stagingArea.stagingSourceServerArn) first.
    """
    try:
        answer = call(
            client.create_extended_source_server, f"extend {staging_arn}", sourceServerArn=staging_arn, tags=dict(tags)
        )
    except AwsError as error:
        if DEFAULT_KEY_REFUSAL not in error.message:
            raise
        problem = encryption_problem("DEFAULT")
        raise InvalidRequestError(
            f"{error.message}: {problem}", code=error.code, operation=error.operation, response=error.response
        ) from error
    server: Item = answer["sourceServer"]
    return server


def reverse_replication(client: Any, recovery_instance_id: str) -> str:
    """Let a recovery instance replicate to where its machine came from, and return the ARN of what receives it.

    The ARN is not to be remembered: over repeated cycles DRS shows stale ones.

    Raises:
        ConflictError: The instance has not finished initializing yet, or its replication is reversed already.
        NotFoundError: There is no replication configuration template where it came from.
    """
    what = f"reverse the replication of {recovery_instance_id}"
    answer = call(client.reverse_replication, what, recoveryInstanceID=recovery_instance_id)
    return str(answer.get("reversedDirectionSourceServerArn", ""))


def start_replication(client: Any, source_server_id: str) -> None:
    """Start the replication of a source server that is C(STOPPED); its data are copied from the beginning."""
    call(client.start_replication, f"start the replication of {source_server_id}", sourceServerID=source_server_id)


def stop_replication(client: Any, source_server_id: str) -> None:
    """Stop the replication of a source server; DRS deletes its points in time."""
    call(client.stop_replication, f"stop the replication of {source_server_id}", sourceServerID=source_server_id)


def stop_failback(client: Any, recovery_instance_id: str) -> None:
    """End the failback of a recovery instance: its state is C(FAILBACK_NOT_STARTED) again."""
    call(client.stop_failback, f"stop the failback of {recovery_instance_id}", recoveryInstanceID=recovery_instance_id)


def disconnect_source_server(client: Any, source_server_id: str) -> None:
    """Disconnect a source server, which is refused as long as it has a recovery instance."""
    call(client.disconnect_source_server, f"disconnect {source_server_id}", sourceServerID=source_server_id)


def disconnect_recovery_instance(client: Any, recovery_instance_id: str) -> None:
    """Disconnect a recovery instance, which is refused once its replication was reversed."""
    what = f"disconnect {recovery_instance_id}"
    call(client.disconnect_recovery_instance, what, recoveryInstanceID=recovery_instance_id)


def delete_recovery_instance(client: Any, recovery_instance_id: str) -> None:
    """Delete the record that DRS has of a recovery instance; the EC2 instance stays as it is."""
    what = f"delete the record of {recovery_instance_id}"
    call(client.delete_recovery_instance, what, recoveryInstanceID=recovery_instance_id)


def get_failback_replication_configuration(client: Any, recovery_instance_id: str) -> Item:
    """Return how a recovery instance replicates to a failback client."""
    answer = call(
        client.get_failback_replication_configuration,
        f"read the failback replication configuration of {recovery_instance_id}",
        recoveryInstanceID=recovery_instance_id,
    )
    return _without_metadata(answer)


def update_failback_replication_configuration(
    client: Any, recovery_instance_id: str, changes: Mapping[str, Any]
) -> None:
    """Change how a recovery instance replicates to a failback client."""
    call(
        client.update_failback_replication_configuration,
        f"update the failback replication configuration of {recovery_instance_id}",
        recoveryInstanceID=recovery_instance_id,
        **changes,
    )


def start_failback_launch(client: Any, recovery_instance_ids: Sequence[str], tags: Mapping[str, str]) -> Item:
    """Start one job that boots the machines of failback clients from recovery instances, and return it.

    It has no client token: look for a job with these C(tags) before calling this.

    Raises:
        ConflictError: An instance is not ready for it.
    """
    answer = call(
        client.start_failback_launch,
        "start the failback launch",
        recoveryInstanceIDs=sorted(recovery_instance_ids),
        tags=dict(tags),
    )
    job: Item = answer["job"]
    return job


def delete_source_server(client: Any, source_server_id: str) -> None:
    """Delete a source server; an extended one may go at any time, its staging server is not touched."""
    call(client.delete_source_server, f"delete {source_server_id}", sourceServerID=source_server_id)


def tag_resource(client: Any, arn: str, tags: Mapping[str, str]) -> None:
    """Add or overwrite tags of a DRS resource."""
    call(client.tag_resource, f"tag {arn}", resourceArn=arn, tags=dict(tags))


def untag_resource(client: Any, arn: str, keys: Iterable[str]) -> None:
    """Remove tags of a DRS resource."""
    call(client.untag_resource, f"untag {arn}", resourceArn=arn, tagKeys=list(keys))


def read_quotas(client: Any) -> tuple[Quotas, str]:
    """Return the live quotas of DRS and where they are from; the documented ones when Service Quotas does not answer.

    Args:
        client: boto3 Service Quotas client of the account and Region.
    """
    try:
        quotas = _pages(client, "list_service_quotas", "read the quotas of DRS", key="Quotas", ServiceCode="drs")
    except AwsError as error:
        return Quotas(), f"documented values, because Service Quotas did not answer: {error}"
    live = {QUOTA_CODES[item["QuotaCode"]]: int(item["Value"]) for item in quotas if item["QuotaCode"] in QUOTA_CODES}
    missing = [name for name in QUOTA_CODES.values() if name not in live]
    unknown = f", which does not know {', '.join(missing)}: documented values" if missing else ""
    return replace(Quotas(), **live), f"Service Quotas{unknown}"


def read_total_servers_quota(client: Any) -> tuple[int, str]:
    """Return how many source servers the account and Region may have, and where the number is from.

    Args:
        client: boto3 Service Quotas client of the account and Region.
    """
    what = "read the quota of source servers"
    try:
        answer = call(client.get_service_quota, what, ServiceCode="drs", QuotaCode=TOTAL_SERVERS_CODE)
    except AwsError as error:
        return TOTAL_SERVERS, f"documented value, because Service Quotas did not answer: {error}"
    return int(answer["Quota"]["Value"]), "Service Quotas"


def _without_metadata(answer: Item) -> Item:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
