# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objectives: how long recovery took (RTO) and how old the recovered data are (RPO), against the plan's targets.

RTO counts from the incident (or the request, when no incident time was given) until a server was validated.
RPO is the time between the incident and the point in time of the recovered data. Seconds everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from .plans import Targets
from .records import ServerRecord
from .timestamps import parse_time


@dataclass(frozen=True, slots=True)
class Achieved:
    """What was measured, in seconds; None when nothing was. C(…_met) is None without a target or a measurement."""

    rto: float | None
    rpo: float | None
    rto_met: bool | None = None
    rpo_met: bool | None = None


def server_objectives(record: ServerRecord, *, since: datetime, targets: Targets) -> Achieved:
    """Return what one server achieved; a server that was not recovered has neither.

    Args:
        record: The server's record.
        since: Time of the incident, or of the request.
        targets: The plan's targets.
    """
    rto, rpo = _rto(record, since), _rpo(record, since)
    return Achieved(rto, rpo, _met(rto, targets.rto), _met(rpo, targets.rpo))


def overall_objectives(records: Iterable[ServerRecord], *, since: datetime, targets: Targets) -> Achieved:
    """Return what a wave or a run achieved: its slowest recovered server and its oldest data.

    A target is missed when a critical server was not recovered, however fast the others were.
    """
    records = list(records)
    rto = _longest([_rto(record, since) for record in records])
    rpo = _longest([_rpo(record, since) for record in records])
    if any(record.critical and not record.recovered for record in records):
        return Achieved(rto, rpo, *(None if target is None else False for target in (targets.rto, targets.rpo)))
    return Achieved(rto, rpo, _met(rto, targets.rto), _met(rpo, targets.rpo))


def _rto(record: ServerRecord, since: datetime) -> float | None:
    if not record.recovered or record.validated_at is None:
        return None
    return max(0.0, (parse_time(record.validated_at) - since).total_seconds())


def _rpo(record: ServerRecord, since: datetime) -> float | None:
    if not record.recovered or record.recovery_point_at is None:
        return None
    return max(0.0, (since - parse_time(record.recovery_point_at)).total_seconds())


def _longest(seconds: Sequence[float | None]) -> float | None:
    return max((value for value in seconds if value is not None), default=None)


def _met(seconds: float | None, target: int | None) -> bool | None:
    return None if seconds is None or target is None else seconds <= target
