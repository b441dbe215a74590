"""ReverseReplication: a recovery instance replicates to where it came from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import events, failback, replication
from ..errors import ConflictError, UninitializedAccountError
from ..identifiers import identifier
from ..models import DRSBackend
from ..reversal import check_initialised, configuration_for, destination, machine_of, template_of
from ..settings import SETTINGS
from ..state import Machine, RecoveryInstance, Replication, SourceServer
from .launch_configurations import initial, source_instance_here
from .recovery_instances import find as find_instance
from .servers import check_room, find, refuse_busy


def reverse_replication(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer ReverseReplication.

    A recovery instance gets a FAILBACK source server in its origin Region; an instance that was launched by a failback
    is what the forward source server replicates from then on; within one Region the same source server goes on.
    """
    item = find_instance(backend, request["recoveryInstanceID"])
    server = find(backend, item.server_id)
    _check_reversible(backend, item, now)
    store = destination(backend, item)
    if not store.initialized:
        raise UninitializedAccountError
    machine = machine_of(backend, item)
    if store is backend:
        receiving = _go_on(backend, server, machine, now)
    elif server.direction == "FAILBACK":
        receiving = _protect_again(store, server, machine, now)
    else:
        receiving = _fail_back(store, server, machine, now)
        item.failback.state = failback.IN_PROGRESS
        events.failback_change(item.arn, failback.IN_PROGRESS, now)
    item.failback.initiated = now
    item.failback.replicates_to = receiving.arn
    return {"reversedDirectionSourceServerArn": receiving.arn}


def _check_reversible(backend: DRSBackend, item: RecoveryInstance, now: datetime) -> None:
    instance = item.instance_id
    if item.terminating:
        raise ConflictError(f"Recovery Instance {instance} is being terminated", resourceId=instance)
    if item.disconnected:
        raise ConflictError(f"Recovery Instance {instance} is disconnected", resourceId=instance)
    if failback.reversed_now(item):
        raise ConflictError(f"The replication of Recovery Instance {instance} is already reversed", resourceId=instance)
    if item.is_drill and not SETTINGS.reverse_of_drills:
        raise ConflictError(f"Recovery Instance {instance} was launched by a drill", resourceId=instance)
    if item.machine.in_aws:
        check_initialised(backend, item, now)


def _go_on(backend: DRSBackend, server: SourceServer, machine: Machine, now: datetime) -> SourceServer:
    """Protect a recovered instance in its own Region: the same source server, a rescan, the snapshots stay."""
    if server.extends:
        raise ConflictError(
            "The replication of an extended Source Server is restarted from its staging account",
            resourceId=server.server_id,
        )
    _point_to(backend, server, machine, now)
    # The instance is the source now: the next launch must not clean it up.
    server.recovery_instance_id = server.launched_instance_id = None
    return server


def _protect_again(store: DRSBackend, server: SourceServer, machine: Machine, now: datetime) -> SourceServer:
    """Have the forward source server replicate the instance that the failback launched."""
    if failback.is_extended(server):
        raise ConflictError(
            "After the failback of an extended Source Server, replication is restarted from its staging account",
            resourceId=server.server_id,
        )
    forward = failback.server_at(server.counterpart_arn)
    if forward is None:
        return _new_server(store, server, machine, "FAILOVER", now)
    _point_to(store, forward, machine, now)
    return forward


def _fail_back(store: DRSBackend, server: SourceServer, machine: Machine, now: datetime) -> SourceServer:
    """Make the FAILBACK source server in the origin Region."""
    existing = _made_before(store, machine)
    if existing is None and SETTINGS.reverse_reuses_server:
        existing = failback.server_at(server.reversed_arn)
    if existing:
        _point_to(store, existing, machine, now)
        return existing
    made = _new_server(store, server, machine, "FAILBACK", now)
    if server.reversed_arn is None or not SETTINGS.reversed_arn_goes_stale:
        server.reversed_arn = made.arn
    return made


def _made_before(store: DRSBackend, machine: Machine) -> SourceServer | None:
    """Return the FAILBACK server that an earlier reversal of the same instance has made, when it was not deleted."""
    found = (item for item in store.servers.values() if item.machine.instance_id == machine.instance_id)
    return next((item for item in found if item.direction == "FAILBACK"), None)


def _point_to(store: DRSBackend, server: SourceServer, machine: Machine, now: datetime) -> None:
    refuse_busy(store, server)
    if server.replication.state in ("STOPPED", "DISCONNECTED"):
        check_room(store)
    server.machine = machine
    if server.replication.protected_since:
        replication.rescan(store, server, now, unseen_for=SETTINGS.agent_unseen_seconds)
    else:
        replication.initiate(store, server, now)


def _new_server(
    store: DRSBackend, counterpart: SourceServer, machine: Machine, direction: str, now: datetime
) -> SourceServer:
    configuration = configuration_for(template_of(store).configuration, machine)
    check_room(store)
    server_id = identifier("s", "reversed", store.account_id, store.region_name, machine.instance_id, now.isoformat())
    made = SourceServer(
        server_id,
        store.arn("source-server", server_id),
        machine,
        Replication("INITIATING", 0.0, now, now),
        now,
        dict(counterpart.tags) if SETTINGS.reversed_server_copies_tags else {},
        initial(store, server_id, machine, source_instance_here(store, counterpart.machine)),
        configuration,
        direction=direction,
        reversed_arn=counterpart.arn,
        counterpart_arn=counterpart.arn,
    )
    store.servers[server_id] = made
    replication.initiate(store, made, now)
    return made


OPERATIONS = {"ReverseReplication": reverse_replication}
