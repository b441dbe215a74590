"""Source servers: list, disconnect, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import render, templates
from ..errors import ConflictError, not_found
from ..models import DRSBackend
from ..paging import answer, page
from ..quotas import REPLICATING_SERVERS
from ..replication import stop
from ..state import SourceServer

BUSY = "One or more of the Source Servers included in API call are currently being processed by a Job"


def find(backend: DRSBackend, server_id: str) -> SourceServer:
    """Return a source server of this store, or raise ResourceNotFoundError."""
    if server_id not in backend.servers:
        raise not_found("Source Server", server_id)
    return backend.servers[server_id]


def busy_servers(backend: DRSBackend) -> set[str]:
    """Return the ids of the servers that a running job works on."""
    return {part.server_id for job in backend.active_jobs() for part in job.participants}


def describe_source_servers(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer DescribeSourceServers. All filters must match; `hardwareId` matches nothing, no server here has one."""
    filters = request.get("filters") or {}
    chosen, token = page(
        (server for server in backend.servers.values() if _matches(server, filters)),
        lambda server: [server.server_id],
        request,
    )
    return answer("items", [render.source_server(server, now) for server in chosen], token)


def _matches(server: SourceServer, filters: dict[str, Any]) -> bool:
    staging_account = (server.extends or server.arn).split(":")[4]
    return (
        (not filters.get("sourceServerIDs") or server.server_id in filters["sourceServerIDs"])
        and (not filters.get("stagingAccountIDs") or staging_account in filters["stagingAccountIDs"])
        and not filters.get("hardwareId")
    )


def disconnect_source_server(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer DisconnectSourceServer."""
    server = find(backend, request["sourceServerID"])
    refuse_busy(backend, server)
    refuse_extended(server)
    if server.recovery_instance_id:
        raise ConflictError(
            "Source Server has a Recovery Instance and cannot be disconnected", resourceId=server.server_id
        )
    stop(server, "DISCONNECTED", now)
    return render.source_server(server, now)


def delete_source_server(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteSourceServer; an extended server need not be disconnected first."""
    server = find(backend, request["sourceServerID"])
    refuse_busy(backend, server)
    if not server.extends and server.replication.state != "DISCONNECTED":
        raise ConflictError("Source Server must be disconnected before it is deleted", resourceId=server.server_id)
    templates.delete(backend, server)
    del backend.servers[server.server_id]
    return {}


def refuse_busy(backend: DRSBackend, server: SourceServer) -> None:
    """Raise ConflictError while a job works on a server."""
    if server.server_id in busy_servers(backend):
        raise ConflictError(BUSY, resourceId=server.server_id)


def check_room(backend: DRSBackend) -> None:
    """Raise ServiceQuotaExceededError when no further server may replicate to this account and Region."""
    active = [
        server
        for server in backend.servers.values()
        if not server.extends and server.replication.state not in ("STOPPED", "DISCONNECTED")
    ]
    backend.check_quota(REPLICATING_SERVERS, len(active) + 1, resourceType="AWS::DRS::SourceServer")


def refuse_extended(server: SourceServer) -> None:
    """Raise ConflictError for a server that replicates in its staging account."""
    if server.extends:
        raise ConflictError(
            "The replication of an extended Source Server is that of its staging account", resourceId=server.server_id
        )


OPERATIONS = {
    "DescribeSourceServers": describe_source_servers,
    "DisconnectSourceServer": disconnect_source_server,
    "DeleteSourceServer": delete_source_server,
}
