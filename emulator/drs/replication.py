"""How replication goes through its states: one entry of the agenda at the end of each phase, nothing in between.

Of a source server, and of a recovery instance that an on-premises failback client copies back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException

from . import events
from .identifiers import fraction
from .models import PERFORMERS, DRSBackend, Due
from .settings import SETTINGS
from .state import ACTIVE_STATES, HALTED_STATES, Disk, Phase, Replication, SourceServer

MEBIBYTE = 1024**2
MEGABIT = 1_000_000 / 8

INITIATION_STEPS = (
    "WAIT",
    "CREATE_SECURITY_GROUP",
    "LAUNCH_REPLICATION_SERVER",
    "BOOT_REPLICATION_SERVER",
    "AUTHENTICATE_WITH_SERVICE",
    "DOWNLOAD_REPLICATION_SOFTWARE",
    "CREATE_STAGING_DISKS",
    "ATTACH_STAGING_DISKS",
    "PAIR_REPLICATION_SERVER_WITH_AGENT",
    "CONNECT_AGENT_TO_REPLICATION_SERVER",
    "START_DATA_TRANSFER",
)
"""What INITIATING is made of, in their order."""

ENDLESS = math.inf
_STEP = "replication"  # of the agenda, at the end of a phase
CONTINUOUS = Phase("CONTINUOUS", ENDLESS)
_BEFORE_PROTECTION = frozenset({"INITIATING", "INITIAL_SYNC"})


def behind(replication: Replication, now: datetime) -> timedelta:
    """Return how far the replicated data are behind the machine: more and more while it stalls or catches up."""
    lag = timedelta(seconds=replication.lag)
    if replication.state in HALTED_STATES or replication.until is not None:
        lag += now - replication.since
    return lag


def initiate(backend: DRSBackend, server: SourceServer, now: datetime) -> None:
    """Begin the initiation: its steps, then the first copy, or a rescan where DRS still has the server's data.

    Without the staging area's subnet it stalls, as it does when the next initiation is made to fail.
    """
    replication = server.replication
    replication.started = now
    replication.staging_zone = staging_zone(backend, server.replication_configuration)
    error = server.initiation_error
    if error is None and replication.staging_zone is None:
        error = "FAILED_TO_CREATE_SECURITY_GROUP"
    if error:
        begin(backend, server.server_id, replication, failing(error, INITIATION_STEPS), now)
        return
    initiating = Phase("INITIATING", SETTINGS.initiation_step_seconds * len(INITIATION_STEPS))
    begin(backend, server.server_id, replication, (initiating, *_copying(server, now)), now)


def rescan(backend: DRSBackend, server: SourceServer, now: datetime, *, unseen_for: float = 0.0) -> None:
    """Compare all disks with what DRS has of them, after the agent was not seen for so many seconds."""
    unseen = (Phase("STALLED", unseen_for, "AGENT_NOT_SEEN"),) if unseen_for else ()
    course = (*unseen, Phase("RESCAN", rescan_seconds(server.server_id, server.machine.disks, now)), CONTINUOUS)
    begin(backend, server.server_id, server.replication, course, now)


def stop(server: SourceServer, state: str, now: datetime) -> None:
    """Stop replication (STOPPED or DISCONNECTED): what DRS has of the server is deleted."""
    before = server.replication.state
    enter(server.replication, (Phase(state, ENDLESS),), now)
    events.stalled_change(server.arn, now, before, state)
    server.replication.lag = 0.0
    server.replication.protected_since = None
    server.replication.first_byte = None


def lose_agent(server: SourceServer, now: datetime) -> None:
    """Have the machine gone without a word: replication stalls, unless it was stopped before."""
    if server.replication.state not in ("STOPPED", "DISCONNECTED"):
        before = server.replication.state
        enter(server.replication, (Phase("STALLED", ENDLESS, "AGENT_NOT_SEEN"),), now)
        events.stalled_change(server.arn, now, before, "STALLED")


def impose(replication: Replication, state: str, now: datetime, error: str | None = None) -> None:
    """Put replication into a state that time does not end, as if it had gone there by itself."""
    enter(replication, (Phase(state, ENDLESS, error),), now)
    if state in _BEFORE_PROTECTION:
        replication.protected_since = None
    elif state in ACTIVE_STATES - HALTED_STATES:
        replication.protected_since = replication.protected_since or now
        replication.first_byte = replication.first_byte or now


def set_lag(replication: Replication, seconds: float, now: datetime) -> None:
    """Say how far the data are behind now; what lets the lag grow goes on."""
    replication.lag += seconds - behind(replication, now) / timedelta(seconds=1)


def begin(backend: DRSBackend, owner_id: str, replication: Replication, course: Sequence[Phase], now: datetime) -> None:
    """Enter the first phase of a course; the others follow by the agenda.

    Args:
        backend: the store of the owner.
        owner_id: the source server, or the recovery instance.
        replication: the owner's.
        course: the phases, of which the last is endless.
        now: the present moment.
    """
    before = replication.state
    enter(replication, course, now)
    if owner_id in backend.servers:
        events.stalled_change(backend.servers[owner_id].arn, now, before, replication.state)
    if replication.until:
        backend.schedule(replication.until, owner_id, _STEP)


def _enter_next(backend: DRSBackend, due: Due) -> None:
    """Enter the next phase, unless somebody has changed the course meanwhile."""
    replication = _replication_of(backend, due.owner)
    if replication is not None and replication.until == due.when:
        begin(backend, due.owner, replication, replication.ahead, due.when)


def enter(replication: Replication, course: Sequence[Phase], now: datetime) -> None:
    """Enter the first phase of a course at this moment."""
    phase, *ahead = course
    replication.lag = behind(replication, now) / timedelta(seconds=1)
    replication.state, replication.error, replication.since = phase.state, phase.error, now
    replication.until = None if phase.seconds == ENDLESS else now + timedelta(seconds=phase.seconds)
    replication.ahead = tuple(ahead)
    if phase.state == "INITIAL_SYNC":
        replication.first_byte = replication.first_byte or now
    if phase.state == "CONTINUOUS":
        _catch_up(replication, now)


def failing(error: str, steps: Sequence[str]) -> tuple[Phase, ...]:
    """Return the course of an initiation that fails: at the step that the error names, else at the first."""
    failed = error.removeprefix("FAILED_TO_")
    done = steps.index(failed) + 1 if failed in steps else 1
    return Phase("INITIATING", SETTINGS.initiation_step_seconds * done), Phase("STALLED", ENDLESS, error)


def staging_zone(backend: DRSBackend, configuration: dict[str, Any]) -> str | None:
    """Return the availability zone of the staging area's subnet, None when there is no such subnet."""
    try:
        return str(backend.ec2().get_subnet(configuration["stagingAreaSubnetId"]).availability_zone)
    except ServiceException:
        return None


def copy_seconds(owner_id: str, disks: Sequence[Disk], now: datetime, throttling: int) -> float:
    """Return how long the first copy of disks takes; `throttling` is the limit in Mbit/s, 0 for none."""
    rate = SETTINGS.copy_mib_per_second * MEBIBYTE
    if throttling:
        rate = min(rate, throttling * MEGABIT)
    return _varied(owner_id, now, SETTINGS.copy_overhead_seconds + sum(disk.size for disk in disks) / rate)


def rescan_seconds(owner_id: str, disks: Sequence[Disk], now: datetime) -> float:
    """Return how long a rescan of disks takes."""
    rate = SETTINGS.rescan_mib_per_second * MEBIBYTE
    return _varied(owner_id, now, SETTINGS.rescan_overhead_seconds + sum(disk.size for disk in disks) / rate)


def _copying(server: SourceServer, now: datetime) -> tuple[Phase, ...]:
    disks = server.machine.disks
    if server.replication.protected_since:
        return Phase("RESCAN", rescan_seconds(server.server_id, disks, now)), CONTINUOUS
    throttling = server.replication_configuration["bandwidthThrottling"]
    return (
        Phase("INITIAL_SYNC", copy_seconds(server.server_id, disks, now, throttling)),
        Phase("CREATING_SNAPSHOT", SETTINGS.first_snapshot_seconds),
        CONTINUOUS,
    )


def _catch_up(replication: Replication, now: datetime) -> None:
    if replication.protected_since is None:
        replication.protected_since = now
    elif replication.lag:
        replication.gaps = (*replication.gaps, (now - timedelta(seconds=replication.lag), now))
    replication.lag = 0.0


def _replication_of(backend: DRSBackend, owner_id: str) -> Replication | None:
    if owner_id in backend.servers:
        return backend.servers[owner_id].replication
    return backend.instances[owner_id].failback.replication if owner_id in backend.instances else None


def _varied(owner_id: str, now: datetime, seconds: float) -> float:
    return seconds * (1 + SETTINGS.jitter * (2 * fraction("replication", owner_id, now.isoformat()) - 1))


PERFORMERS[_STEP] = _enter_next
