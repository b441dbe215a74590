# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ids, and the statuses of runs, waves and servers that everybody shares.

Statuses in stored records are plain text and may hold values that this version does not know: they are kept and shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from .errors import DeclarationError, Problem

FAILBACK = "failback"
MODES = ("test", "failover", FAILBACK)
"""What a run does: it rehearses in an isolated network, recovers, or brings home what was recovered."""

PROFILES = ("failover", "test", "failback")
"""Network profiles: where a mode launches."""

FAILBACK_DRILL_PROFILE = "failback-drill"
"""Profile of launch template versions with which a failback is rehearsed: at home, with addresses that AWS chooses."""

FOLLOWED_PHASES = ("prepare", "protect")
"""Phases of a failback that follow replication, as the names of their child executions have them."""

CHILD_MACHINES = {"test": ("wave",), "failover": ("wave",), "failback": ("wave", "follow")}
"""State machines that run parts of a run, by its mode."""

RUN_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


class RunStatus(StrEnum):
    """Where a run stands; the last five are final."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    SUCCEEDED_WITH_FAILURES = "succeeded_with_failures"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"


class WaveStatus(StrEnum):
    """Where a wave stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    SUCCEEDED_WITH_FAILURES = "succeeded_with_failures"
    FAILED = "failed"
    ABORTED = "aborted"


class ServerStatus(StrEnum):
    """Where a server of a run stands."""

    PENDING = "pending"
    LAUNCHING = "launching"
    LAUNCHED = "launched"
    VALIDATED = "validated"
    FAILED = "failed"
    SKIPPED = "skipped"
    CLEANED_UP = "cleaned_up"


RUN_FINAL = frozenset(
    {
        RunStatus.SUCCEEDED,
        RunStatus.SUCCEEDED_WITH_FAILURES,
        RunStatus.FAILED,
        RunStatus.ABORTED,
        RunStatus.TIMED_OUT,
    }
)
"""Statuses that end a run."""

RUN_SUCCESSFUL = frozenset({RunStatus.SUCCEEDED, RunStatus.SUCCEEDED_WITH_FAILURES})
"""Final statuses with which the state machine succeeds and the playbook ends with exit status 0."""


def check_mode(mode: str, where: str = "mode") -> str:
    """Return C(mode), or raise L(DeclarationError) when it is not one of L(MODES)."""
    if mode not in MODES:
        raise DeclarationError([Problem(repr(mode), where, f"unknown mode: use one of {', '.join(MODES)}")])
    return mode


def profile_of(mode: str) -> str:
    """Return the network profile that C(mode) launches in."""
    return check_mode(mode)


def is_drill(run: Mapping[str, Any]) -> bool:
    """Tell whether a run (its record) launches drill instances, which it terminates at its end.

    A failback is a drill when its request says so; records of an earlier version do not tell.
    """
    return run["mode"] == "test" or (run["mode"] == FAILBACK and bool(run.get("drill")))


def is_failback_drill(run: Mapping[str, Any]) -> bool:
    """Tell whether a run (its record) rehearses a failback: in the home network itself, beside the original servers."""
    return run["mode"] == "failback" and is_drill(run)


def launch_profile_of(run: Mapping[str, Any]) -> str:
    """Return the profile of the launch template versions that a run (its record) launches."""
    return FAILBACK_DRILL_PROFILE if is_failback_drill(run) else profile_of(run["mode"])


def check_run_id(run_id: str, where: str = "run_id") -> str:
    """Return C(run_id), or raise L(DeclarationError) when it cannot name an execution."""
    if not RUN_ID_PATTERN.fullmatch(run_id):
        remedy = "use 1 to 60 letters, digits, - or _, the first a letter or digit"
        raise DeclarationError([Problem(repr(run_id), where, remedy)])
    return run_id


def default_run_id(plan: str, mode: str, now: datetime) -> str:
    """Return the run id of a run whose caller chose none: C({plan}-{mode}-{YYYYmmddTHHMMSSZ})."""
    return check_run_id(f"{plan}-{mode}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def resumed_execution_name(run_id: str, times: int) -> str:
    """Return the name of the execution with which a run goes on for the n-th time: C({run_id}-r{n})."""
    return f"{run_id}-r{times}"


def is_child_execution_of(run_id: str, name: str) -> bool:
    """Tell whether C(name) is that of a child execution of this run: C({run_id}[-r{n}]-{wNN or phase}-{n})."""
    part = rf"(w[0-9]{{2}}|{'|'.join(FOLLOWED_PHASES)})"
    return re.fullmatch(rf"{re.escape(run_id)}(-r[0-9]+)?-{part}-[0-9]+", name) is not None
