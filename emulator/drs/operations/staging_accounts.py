"""Extended source servers: list what a staging account offers, extend a server."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import render
from ..errors import (
    AccessDeniedError,
    UninitializedAccountError,
    ValidationError,
    not_found,
)
from ..identifiers import identifier
from ..models import DRSBackend, drs_backends
from ..paging import answer, page
from ..quotas import TOTAL_SERVERS
from ..settings import SETTINGS
from ..shared_keys import key_problem
from ..staging import extended_arns, refusal
from ..state import SourceServer
from .launch_configurations import initial, source_instance_here
from .tags import check_tags

LARGEST_STAGING_PAGE = 50


def list_staging_accounts(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListStagingAccounts: the accounts of the extended servers that exist here."""
    accounts = {server.extends.split(":")[4] for server in backend.servers.values() if server.extends}
    limited = {"maxResults": LARGEST_STAGING_PAGE, **request}
    chosen, token = page(accounts, lambda account: [account], limited)
    return answer("accounts", [{"accountID": account} for account in chosen], token)


def list_extensible_source_servers(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListExtensibleSourceServers: no extensions, nothing that is extended into this account already."""
    staging = _staging_store(backend, request["stagingAccountID"])
    extended = extended_arns(backend)
    found = (server for server in staging.servers.values() if server.extends is None and server.arn not in extended)
    chosen, token = page(found, lambda server: [server.server_id], request)
    shown = [{"hostname": item.machine.hostname, "arn": item.arn, "tags": dict(item.tags)} for item in chosen]
    return answer("items", shown, token)


def create_extended_source_server(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer CreateExtendedSourceServer. Extending twice is a ValidationException here; what AWS says is not known."""
    arn = request["sourceServerArn"]
    check_tags(request.get("tags") or {})
    source = _extensible_server(backend, arn)
    backend.check_quota(TOTAL_SERVERS, len(backend.servers) + 1)
    backend.extensions_made[arn] += 1
    server_id = identifier("s", "extended", backend.account_id, arn, backend.extensions_made[arn])
    server = SourceServer(
        server_id,
        backend.arn("source-server", server_id),
        source.machine,
        source.replication,
        now,
        dict(request.get("tags") or {}),
        initial(backend, server_id, source.machine, source_instance_here(backend, source.machine)),
        source.replication_configuration,
        extends=arn,
    )
    backend.servers[server_id] = server
    return {"sourceServer": render.source_server(server, now)}


def _extensible_server(backend: DRSBackend, arn: str) -> SourceServer:
    region, account, server_id = arn.split(":")[3], arn.split(":")[4], arn.rsplit("/", 1)[1]
    if region != backend.region_name:
        raise ValidationError(
            f"Source Server {arn} is in Region {region}; only servers of {backend.region_name} can be extended"
        )
    if account == backend.account_id:
        raise ValidationError(f"Source Server {arn} belongs to this account and cannot be extended into it")
    staging = _staging_store(backend, account)
    source = staging.servers.get(server_id)
    if source is None:
        raise not_found("Source Server", arn)
    if source.extends:
        raise ValidationError(f"Source Server {arn} is an extended source server and cannot be extended")
    if source.replication_configuration["ebsEncryption"] == "DEFAULT":
        raise ValidationError(f"Source Server {arn} cannot be extended if it has the default EBS encryption key")
    problem = key_problem(source, backend.account_id) if SETTINGS.unshared_key == "at_extension" else None
    if problem:
        raise ValidationError(f"Source Server {arn} cannot be extended: {problem}")
    if arn in extended_arns(backend):
        raise ValidationError(f"Source Server {arn} is already extended into this account")
    return source


def _staging_store(backend: DRSBackend, account: str) -> DRSBackend:
    if account == backend.account_id:
        raise ValidationError(f"Account {account} is this account, not a staging account of it")
    if refusal(account, backend.account_id):
        raise AccessDeniedError("Error in Authorization")
    staging = drs_backends[account][backend.region_name]
    if not staging.initialized:
        raise UninitializedAccountError
    staging.catch_up()
    return staging


OPERATIONS = {
    "ListStagingAccounts": list_staging_accounts,
    "ListExtensibleSourceServers": list_extensible_source_servers,
    "CreateExtendedSourceServer": create_extended_source_server,
}
