"""Recovery snapshots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import render
from ..models import DRSBackend
from ..moments import parse_date
from ..paging import answer, page
from ..snapshots import Snapshot
from ..snapshots import snapshots as snapshots_of
from ..staging import origin
from ..state import SourceServer
from .servers import find


def points_in_time(server: SourceServer, now: datetime) -> list[Snapshot]:
    """Return the snapshots that a server can be recovered from, oldest first; none when its origin is lost."""
    replicating = origin(server)
    return snapshots_of(replicating, server.server_id, now) if replicating else []


def describe_recovery_snapshots(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer DescribeRecoverySnapshots, newest first unless the order is ASC."""
    server = find(backend, request["sourceServerID"])
    filters = request.get("filters") or {}
    begin = parse_date(filters["fromDateTime"]) if filters.get("fromDateTime") else None
    end = parse_date(filters["toDateTime"]) if filters.get("toDateTime") else None
    found = [
        item
        for item in points_in_time(server, now)
        if (begin is None or item.moment >= begin) and (end is None or item.moment <= end)
    ]
    sign = 1 if request.get("order") == "ASC" else -1
    chosen, token = page(found, lambda item: [sign * item.moment.timestamp(), item.snapshot_id], request)
    disks = len((origin(server) or server).machine.disks)
    return answer("items", [render.snapshot(item, disks) for item in chosen], token)


OPERATIONS = {"DescribeRecoverySnapshots": describe_recovery_snapshots}
