"""Recovery snapshots (points in time), computed from the policy and the clock: nothing ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .identifiers import fraction, identifier
from .replication import behind
from .state import SourceServer

_UNITS = {"MINUTE": 60, "HOUR": 3600, "DAY": 86400}
WITHOUT_SNAPSHOTS = frozenset({"INITIAL_SYNC", "STOPPED", "DISCONNECTED"})
"""Replication states of a server that has nothing to recover from."""


@dataclass(frozen=True)
class Snapshot:
    """A consistent point in time of a source server."""

    snapshot_id: str
    server_id: str
    moment: datetime


def latest_point(server: SourceServer, now: datetime) -> datetime:
    """Return the moment whose data are the newest that DRS holds."""
    return now - behind(server.replication, now)


def snapshots(server: SourceServer, owner_id: str, now: datetime) -> list[Snapshot]:
    """Return the recovery snapshots that exist now, oldest first.

    Args:
        server: the server that replicates (of an extended server: the one in the staging account).
        owner_id: the source server that is asked about; an extended server shows the snapshots as its own.
        now: the present moment.
    """
    oldest = server.replication.protected_since
    if oldest is None or server.replication.state in WITHOUT_SNAPSHOTS:
        return []
    newest = latest_point(server, now)
    phase = int(fraction("snapshots", server.server_id) * 600)
    moments = set()
    for rule in server.replication_configuration["pitPolicy"]:
        if rule.get("enabled", True):
            unit = _UNITS[rule["units"]]
            kept_since = now - timedelta(seconds=rule["retentionDuration"] * unit)
            moments |= set(_ticks(max(oldest, kept_since), newest, rule["interval"] * unit, phase))
            if kept_since <= oldest <= newest:
                moments.add(oldest)
    return [
        Snapshot(identifier("pit", server.server_id, moment.isoformat()), owner_id, moment)
        for moment in sorted(moments)
        if not any(begin < moment < end for begin, end in server.replication.gaps)
    ]


def _ticks(begin: datetime, end: datetime, interval: int, phase: int) -> list[datetime]:
    first = int(-((begin.timestamp() - phase) // -interval))
    last = int((end.timestamp() - phase) // interval)
    return [datetime.fromtimestamp(number * interval + phase, UTC) for number in range(first, last + 1)]
