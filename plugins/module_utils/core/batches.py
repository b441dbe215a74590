# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which servers of a wave are started together, in one job of DRS."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .admission import Quotas, admit
from .jobs import Job
from .places import Place, by_place
from .records import ServerRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Servers to start in one StartRecovery, or in one StartFailbackLaunch; its job gets the tags of L(jobs.job_tags).

    Attributes:
        place: Where they are launched, all of them; None for the place of the orchestrator.
    """

    attempt: int
    batch: int
    source_server_ids: tuple[str, ...]
    place: Place | None = None


def batches(
    waiting: Iterable[ServerRecord],
    jobs: Iterable[Job],
    active_jobs: Mapping[str, Collection[str]],
    quotas: Mapping[Place | None, Quotas],
    first_batch: int,
) -> tuple[Batch, ...]:
    """Return the jobs that may start now: each is in one place, and counts against the quotas there.

    Args:
        waiting: Records of servers that wait for their launch.
        jobs: Jobs of all places, whoever started them.
        active_jobs: Source server ids of every active job by its id.
        quotas: Limits of every place.
        first_batch: Number of the first job, which no other job of the wave has.
    """
    jobs_there = by_place(jobs)
    found: list[Batch] = []
    for place, records in by_place(waiting).items():
        active = [active_jobs[job.job_id] for job in jobs_there.get(place, []) if job.active]
        for attempt, server_ids in _admitted(records, active, quotas[place]):
            found.append(Batch(attempt, first_batch + len(found), tuple(server_ids), place))
    return tuple(found)


def _admitted(
    records: Iterable[ServerRecord], active: Sequence[Collection[str]], quotas: Quotas
) -> list[tuple[int, list[str]]]:
    """Return attempt and servers of each job.

    Servers of different attempts never share one, its tag names one; nor do those of failback clients and others.
    """
    alike: dict[tuple[int, bool], list[str]] = {}
    for record in records:
        alike.setdefault((record.attempts + 1, record.by_failback_client), []).append(record.source_server_id)
    admitted: list[tuple[int, list[str]]] = []
    for (attempt, _client), server_ids in sorted(alike.items()):
        started_now = [servers for _attempt, servers in admitted]
        admitted += [(attempt, servers) for servers in admit(server_ids, [*active, *started_now], quotas)]
    return admitted
