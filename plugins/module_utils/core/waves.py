# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision at the heart of a run: what a wave needs next.

A controller's loop, not a script: it looks at the records and at DRS's jobs, and says what to write, what to start and
how long to wait. It may be called again at any time, also after a crash between a start and its record: the jobs, found
by their tags, win over the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from .admission import Quotas
from .jobs import Job
from .records import ServerRecord

DONE = "done"
WAIT = "wait"
ASK = "ask"


@dataclass(frozen=True, slots=True)
class WavePolicy:
    """How a wave deals with failures.

    Attributes:
        max_failures: Failed critical servers that the wave tolerates.
        timeout: Seconds from the wave's start until an unfinished server counts as failed.
        poll_seconds: Seconds between two looks at running jobs.
    """

    max_failures: int = 0
    timeout: int = 3600
    poll_seconds: int = 30


@dataclass(frozen=True, slots=True)
class Batch:
    """Servers to start in one StartRecovery; its job gets the tags of L(jobs.job_tags)."""

    attempt: int
    batch: int
    source_server_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaveStep:
    """What to do next.

    Attributes:
        updates: Records that changed, whole; to be written before anything is started.
        starts: Jobs to start; write L(started) for each that DRS accepted.
        outcome: C(done), C(wait) or C(ask).
        seconds: Seconds to wait before the next look; 0 unless C(wait).
        reason: For a person: what is waited for, or why a person is asked.
    """

    updates: tuple[ServerRecord, ...]
    starts: tuple[Batch, ...]
    outcome: str
    seconds: int
    reason: str


def reconcile(
    servers: Sequence[ServerRecord],
    jobs: Sequence[Job],
    quotas: Quotas,
    policy: WavePolicy,
    *,
    run_id: str,
    wave: int,
    now: datetime,
    wave_started_at: datetime,
) -> WaveStep:
    """Decide the next step of a wave.

    Args:
        servers: Records of all servers of the wave.
        jobs: Jobs of the account and Region: all active ones, whoever started them, and all of this run.
        quotas: Limits of the account and Region.
        policy: The wave's failure policy.
        run_id: The run.
        wave: Number of the wave, from 1.
        now: The time of this look.
        wave_started_at: When the wave's time began: its start, or the latest C(retry) decision.
    """
    raise NotImplementedError


def started(servers: Iterable[ServerRecord], batch: Batch, job_id: str) -> list[ServerRecord]:
    """Return the records of a batch's servers after its job was started (or found to be ours already)."""
    raise NotImplementedError


def apply_decision(records: Iterable[ServerRecord], decision: str) -> list[ServerRecord]:
    """Return the records that an operator's decision changes.

    C(retry): failed servers become pending and may launch once more; the caller starts the wave's time again.
    C(skip): servers that are not launched become skipped. C(continue): they count as failed, which is accepted.
    C(abort): those not launched are given up, with the abort as reason.
    """
    raise NotImplementedError


def wave_status(records: Iterable[ServerRecord], *, max_failures: int = 0, aborted: bool = False) -> str:
    """Return the L(runs.WaveStatus) that the records of a wave amount to."""
    raise NotImplementedError
