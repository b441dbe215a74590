"""Recovery snapshots (points in time), computed from the policy and the clock: nothing ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .identifiers import fraction, identifier
from .state import ACTIVE_STATES, HALTED_STATES, SourceServer

_UNITS = {"MINUTE": 60, "HOUR": 3600, "DAY": 86400}
FIRST_AFTER = timedelta(minutes=20)
"""From adding a server to its first snapshot: what an initial sync takes at least."""


@dataclass(frozen=True)
class Snapshot:
    """A consistent point in time of a source server."""

    snapshot_id: str
    server_id: str
    moment: datetime


def lag(server: SourceServer, now: datetime) -> timedelta:
    """Return how far the replicated data are behind the machine."""
    behind = timedelta(seconds=server.replication.lag)
    if server.replication.state in HALTED_STATES:
        behind += now - server.replication.since
    return behind


def latest_point(server: SourceServer, now: datetime) -> datetime:
    """Return the moment whose data are the newest that DRS holds."""
    return now - lag(server, now)


def snapshots(server: SourceServer, owner_id: str, now: datetime) -> list[Snapshot]:
    """Return the recovery snapshots that exist now, oldest first.

    Args:
        server: the server that replicates (of an extended server: the one in the staging account).
        owner_id: the source server that is asked about; an extended server shows the snapshots as its own.
        now: the present moment.
    """
    if server.replication.state not in ACTIVE_STATES:
        return []
    newest = latest_point(server, now)
    oldest = server.added + FIRST_AFTER
    phase = int(fraction("snapshots", server.server_id) * 600)
    moments = set()
    for rule in server.replication_configuration["pitPolicy"]:
        if rule.get("enabled", True):
            unit = _UNITS[rule["units"]]
            begin = max(oldest, now - timedelta(seconds=rule["retentionDuration"] * unit))
            moments |= set(_ticks(begin, newest, rule["interval"] * unit, phase))
    return [
        Snapshot(identifier("pit", server.server_id, moment.isoformat()), owner_id, moment)
        for moment in sorted(moments)
    ]


def _ticks(begin: datetime, end: datetime, interval: int, phase: int) -> list[datetime]:
    first = int(-((begin.timestamp() - phase) // -interval))
    last = int((end.timestamp() - phase) // interval)
    return [datetime.fromtimestamp(number * interval + phase, UTC) for number in range(first, last + 1)]
