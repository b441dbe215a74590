# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objectives: how long recovery took (RTO) and how old the recovered data are (RPO), against the plan's targets.

RTO counts from the incident (or the request, when no incident time was given) until a server was validated.
RPO is the time between the incident and the point in time of the recovered data. Seconds everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .plans import Targets
from .records import ServerRecord


@dataclass(frozen=True, slots=True)
class Achieved:
    """What was measured, in seconds; None when nothing was. C(…_met) is None without a target or a measurement."""

    rto: float | None
    rpo: float | None
    rto_met: bool | None = None
    rpo_met: bool | None = None


def server_objectives(record: ServerRecord, *, since: datetime, targets: Targets) -> Achieved:
    """Return what one server achieved; a server that was not recovered has neither."""
    raise NotImplementedError


def overall_objectives(records: Iterable[ServerRecord], *, since: datetime, targets: Targets) -> Achieved:
    """Return what a wave or a run achieved: its slowest recovered server and its oldest data.

    A target is not met when a critical server was not recovered.
    """
    raise NotImplementedError
