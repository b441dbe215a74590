# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose turn it is: a wave starts when the waves that it depends on have ended, unless the run is being aborted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .plans import Plan

WAIT = "wait"
START = "start"
DONE = "done"
ABORT = "abort"


def turn(plan: Plan, number: int, waves: Iterable[Mapping[str, Any]], *, aborting: bool) -> str:
    """Return what a wave does now.

    Args:
        plan: The plan of the run.
        number: Number of the wave, from 1.
        waves: Records of all waves of the run.
        aborting: Whether the run is being aborted.

    Returns:
        C(start), C(wait), C(done) for a wave that has ended before (in a run that was resumed), or C(abort).
    """
    records = {wave["name"]: wave for wave in waves}
    ended = {name for name, record in records.items() if record["ended_at"]}
    wave = plan.waves[number - 1]
    if wave.name in ended:
        return DONE
    record = records[wave.name]
    if record.get("soaking"):
        return ABORT if aborting else WAIT
    if aborting:
        # One that had begun when its execution ended has jobs to wait for.
        return START if record["started_at"] else ABORT
    return START if ended.issuperset(wave.depends_on) else WAIT


def answer(turn: str, *, soak: int = 0, steps: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a wave that waited is told; the state machine reads all of it.

    Args:
        turn: Its turn, see L(turn).
        soak: Seconds between the validation of its servers and its end.
        steps: Phases in which it has steps, see L(wave_steps.Steps.phases).
    """
    return {"turn": turn, "soak": soak, "steps": list(steps)}
