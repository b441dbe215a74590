"""What a recovery instance's failback has come to: its state, and the replication back to where it came from.

In AWS the instance replicates to a source server (`replicates_to`), whose replication is also the instance's. On
premises a failback client copies the instance's disks, and the instance has a replication of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from . import events
from .models import backend_of, drs_backends
from .moments import date_string
from .progress import reverse_replication
from .replication import lose_agent, stop
from .settings import SETTINGS
from .staging import origin
from .state import RecoveryInstance, Replication, SourceServer

NOT_STARTED = "FAILBACK_NOT_STARTED"
IN_PROGRESS = "FAILBACK_IN_PROGRESS"
READY = "FAILBACK_READY_FOR_LAUNCH"
COMPLETED = "FAILBACK_COMPLETED"
ERROR = "FAILBACK_ERROR"

CLIENT_STEPS = (
    "LINK_FAILBACK_CLIENT_WITH_RECOVERY_INSTANCE",
    "COMPLETE_VOLUME_MAPPING",
    "ESTABLISH_RECOVERY_INSTANCE_COMMUNICATION",
    "DOWNLOAD_REPLICATION_SOFTWARE_TO_FAILBACK_CLIENT",
    "CONFIGURE_REPLICATION_SOFTWARE",
    "PAIR_AGENT_WITH_REPLICATION_SOFTWARE",
    "ESTABLISH_AGENT_REPLICATOR_SOFTWARE_COMMUNICATION",
)
"""What the initiation of a failback client is made of, in their order."""

_ENDED = frozenset({"STOPPED", "DISCONNECTED"})


def server_at(arn: str | None) -> SourceServer | None:
    """Return the source server of an ARN, None when it does not exist."""
    return backend_of(arn).servers.get(arn.rsplit("/", 1)[1]) if arn else None


def counterpart(item: RecoveryInstance) -> SourceServer | None:
    """Return the source server that a recovery instance replicates to, None when there is none (any more)."""
    server = server_at(item.failback.replicates_to)
    return server if server and server.machine.instance_id == item.instance_id else None


def source_instance(server: SourceServer) -> RecoveryInstance | None:
    """Return the recovery instance that a source server replicates, None when it replicates another machine."""
    machine = server.machine
    if machine.instance_id is None or machine.origin_account is None or machine.origin_region is None:
        return None
    item = drs_backends[machine.origin_account][machine.origin_region].instances.get(machine.instance_id)
    return item if item and item.failback.replicates_to == server.arn else None


def state(item: RecoveryInstance) -> str:
    """Return the failback state at this moment."""
    failback = item.failback
    if failback.state != IN_PROGRESS:
        return failback.state
    if failback.replication:
        return _client_state(failback.replication)
    launched = failback.launch_type == "RECOVERY"
    if launched and SETTINGS.failback_completes_at_launch:
        return COMPLETED
    server = counterpart(item)
    if server is None or server.replication.state in _ENDED:
        return COMPLETED if launched else NOT_STARTED
    return IN_PROGRESS


def in_progress(item: RecoveryInstance) -> bool:
    """Tell whether a failback goes on, so that the instance must not be terminated."""
    return state(item) in (IN_PROGRESS, READY)


def reversed_now(item: RecoveryInstance) -> bool:
    """Tell whether the instance's replication was reversed and nobody has stopped the failback since."""
    return item.failback.replicates_to is not None


def record_launch(server: SourceServer, job_id: str, now: datetime, *, is_drill: bool) -> None:
    """Note on the recovery instance that a FAILBACK server replicates that it was launched.

    A server of a staging account that was failed back to its own machine replicates no more: the agent has stopped.
    """
    item = source_instance(server)
    if server.direction != "FAILBACK" or item is None:
        return
    item.failback.job_id = job_id
    item.failback.launch_type = "DRILL" if is_drill else "RECOVERY"
    if state(item) == COMPLETED:
        events.failback_change(item.arn, COMPLETED, now)
    extended = _extended_counterpart(server)
    replicating = origin(extended) if extended else None
    if replicating is None or replicating.machine.instance_id != server.launched_instance_id:
        return
    if SETTINGS.extended_failback_leaves == "STOPPED":
        stop(replicating, "STOPPED", now)
    else:
        lose_agent(replicating, now)


def is_extended(server: SourceServer) -> bool:
    """Tell whether a FAILBACK server was made for an extended source server."""
    return _extended_counterpart(server) is not None


def shown(item: RecoveryInstance, now: datetime) -> dict[str, Any]:
    """Return `failback` of a recovery instance."""
    failback = item.failback
    answer: dict[str, Any] = {"state": state(item)}
    if failback.initiated:
        answer["failbackInitiationTime"] = date_string(failback.initiated)
    if failback.job_id:
        answer["failbackJobID"] = failback.job_id
    if failback.launch_type:
        answer["failbackLaunchType"] = failback.launch_type
    if failback.client_id:
        answer["failbackClientID"] = failback.client_id
        answer["failbackToOriginalServer"] = failback.original_server
        answer["failbackClientLastSeenByServiceDateTime"] = date_string(now)
    replication = _replication(item)
    if replication:
        answer["agentLastSeenByServiceDateTime"] = date_string(now)
        if replication.first_byte:
            # No elapsedReplicationDuration: in this structure the model makes it a date, which no source shows.
            answer["firstByteDateTime"] = date_string(replication.first_byte)
    return answer


def data_replication(item: RecoveryInstance, now: datetime) -> dict[str, Any]:
    """Return `dataReplicationInfo` of a recovery instance."""
    if item.disconnected:
        return {"dataReplicationState": "DISCONNECTED"}
    replication = _replication(item)
    if replication:
        steps = {"steps": CLIENT_STEPS} if item.failback.replication else {}
        return reverse_replication(replication, item.machine.disks, now, **steps)
    lost = reversed_now(item)
    return {"dataReplicationState": "REPLICATION_STATE_NOT_AVAILABLE" if lost else "NOT_STARTED"}


def configuration(item: RecoveryInstance) -> dict[str, Any]:
    """Return the failback replication configuration of a recovery instance."""
    defaults = {
        "name": item.machine.hostname,
        "bandwidthThrottling": 0,
        "usePrivateIP": False,
        "internetProtocol": "IPV4",
    }
    return {"recoveryInstanceID": item.instance_id, **defaults, **item.failback_configuration}


def _replication(item: RecoveryInstance) -> Replication | None:
    server = counterpart(item)
    return server.replication if server else item.failback.replication


def _client_state(replication: Replication) -> str:
    if replication.state == "CONTINUOUS":
        return READY
    failed = (replication.error or "").removeprefix("FAILED_TO_") in CLIENT_STEPS
    return ERROR if replication.state == "STALLED" and failed else IN_PROGRESS


def _extended_counterpart(server: SourceServer) -> SourceServer | None:
    found = server_at(server.counterpart_arn)
    return found if found and found.extends else None
