"""Replication of a source server: start, stop, retry, and its configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import render, replication
from ..errors import ConflictError, ResourceNotFoundError, ValidationError
from ..models import DRSBackend
from ..settings import SETTINGS
from ..state import SourceServer
from .replication_templates import check_policy
from .servers import check_room, find, refuse_busy, refuse_extended

RETRIED_STATES = ("STALLED", "STOPPED", "DISCONNECTED")


def start_replication(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer StartReplication: a stopped server is initiated again and copied from the beginning."""
    server = _own_server(backend, request)
    if server.replication.state != "STOPPED":
        raise ConflictError(
            f"Source Server {server.server_id} is {server.replication.state}; only a STOPPED one can be started",
            resourceId=server.server_id,
        )
    check_room(backend)
    replication.initiate(backend, server, now)
    return {"sourceServer": render.source_server(server, now)}


def stop_replication(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer StopReplication: the snapshots are deleted; stopping a stopped server changes nothing."""
    server = _own_server(backend, request)
    if server.replication.state == "DISCONNECTED":
        raise ConflictError(f"Source Server {server.server_id} is DISCONNECTED", resourceId=server.server_id)
    if server.replication.state != "STOPPED":
        replication.stop(server, "STOPPED", now)
    return {"sourceServer": render.source_server(server, now)}


def retry_data_replication(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer RetryDataReplication: the initiation begins at once."""
    server = find(backend, request["sourceServerID"])
    if server.extends:
        raise ValidationError(f"Source Server {server.server_id} is extended; its staging account replicates it")
    if server.replication.state not in RETRIED_STATES:
        raise ValidationError(
            f"Source Server {server.server_id} is {server.replication.state}; only {', '.join(RETRIED_STATES)} can be"
            " retried"
        )
    replication.initiate(backend, server, now)
    return render.source_server(server, now)


def get_replication_configuration(
    backend: DRSBackend,
    request: dict[str, Any],
    now: datetime,  # noqa: ARG001
) -> dict[str, Any]:
    """Answer GetReplicationConfiguration; an extended server is configured in the staging account only."""
    server = _configured_here(backend, request)
    return {"sourceServerID": server.server_id, **server.replication_configuration}


def update_replication_configuration(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer UpdateReplicationConfiguration: what is absent stays, disks are changed one by one."""
    server = _configured_here(backend, request)
    refuse_busy(backend, server)
    check_policy(request.get("pitPolicy"))
    configuration = server.replication_configuration
    disks = _merged_disks(configuration["replicatedDisks"], request.get("replicatedDisks") or [])
    encryption = configuration["ebsEncryption"]
    changes = {key: value for key, value in request.items() if key != "sourceServerID"}
    configuration.update(changes, replicatedDisks=disks)
    server.replication.staging_zone = replication.staging_zone(backend, configuration)
    if configuration["ebsEncryption"] != encryption and SETTINGS.resync_when_encryption_changes:
        _copy_anew(backend, server, now)
    return {"sourceServerID": server.server_id, **configuration}


def _own_server(backend: DRSBackend, request: dict[str, Any]) -> SourceServer:
    server = find(backend, request["sourceServerID"])
    refuse_extended(server)
    refuse_busy(backend, server)
    return server


def _configured_here(backend: DRSBackend, request: dict[str, Any]) -> SourceServer:
    server = find(backend, request["sourceServerID"])
    if server.extends:
        raise ResourceNotFoundError(
            "The replication configuration of an extended Source Server is held by its staging account",
            resourceId=server.server_id,
        )
    return server


def _merged_disks(present: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    merged = {disk["deviceName"]: disk for disk in present}
    for change in changes:
        device = change.get("deviceName")
        if device not in merged:
            raise ValidationError(f"Disk {device} is not replicated; there are: {', '.join(merged)}")
        merged[device] = {**merged[device], **change}
    return list(merged.values())


def _copy_anew(backend: DRSBackend, server: SourceServer, now: datetime) -> None:
    state = server.replication.state
    if state not in ("STOPPED", "DISCONNECTED"):
        replication.stop(server, state, now)
        replication.initiate(backend, server, now)


OPERATIONS = {
    "StartReplication": start_replication,
    "StopReplication": stop_replication,
    "RetryDataReplication": retry_data_replication,
    "GetReplicationConfiguration": get_replication_configuration,
    "UpdateReplicationConfiguration": update_replication_configuration,
}
