# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: what happened, how long it took, and where the evidence is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from .decisions import Pause
from .events import Event
from .records import ServerRecord


def build_report(
    run: Mapping[str, Any],
    waves: Sequence[Mapping[str, Any]],
    servers: Sequence[ServerRecord],
    events: Sequence[Event],
    pauses: Sequence[Pause],
    *,
    now: datetime,
    findings: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the report as a plain, JSON-able dict.

    Args:
        run: META item of the run.
        waves: WAVE items.
        servers: All server records.
        events: All events, in order.
        pauses: All pauses.
        now: End of a run that has no C(closed_at) yet.
        findings: What the gate found, as dicts.

    Returns:
        See the schema at the top of this file's implementation.
    """
    raise NotImplementedError


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what a playbook prints at the end: totals, waves, objectives, failures with their reasons, evidence."""
    raise NotImplementedError


def final_status(
    servers: Iterable[ServerRecord], *, aborted: bool = False, timed_out: bool = False, error: str = ""
) -> str:
    """Return the final L(runs.RunStatus): honest, an aborted run never reports success.

    Args:
        servers: All records of the run; none at all is a failure.
        aborted: An operator (or the default decision) aborted the run.
        timed_out: The run ran out of time.
        error: Text of an error that ended the run.
    """
    raise NotImplementedError
