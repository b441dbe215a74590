# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Admission: which servers may start now without breaking a DRS quota.

Source: AWS General Reference, "AWS Elastic Disaster Recovery endpoints and quotas".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quotas:
    """DRS quotas of one account and Region: L-B827C881, L-D88FAC3A and L-05AFA8C6."""

    servers_per_job: int = 100
    concurrent_jobs: int = 20
    servers_in_all_jobs: int = 500


def admit(waiting: Sequence[str], active_jobs: Sequence[Collection[str]], quotas: Quotas) -> list[list[str]]:
    """Return the batches that may start now, in the order of C(waiting).

    Args:
        waiting: Source server ids that want to start; a repeated one counts once.
        active_jobs: The source server ids of every job that has not ended, whoever started it.
        quotas: Limits of the account and Region.

    Returns:
        One list of source server ids for each job to start. A server of an active job is left out: DRS runs one job
        per source server at a time.
    """
    busy = {server for job in active_jobs for server in job}
    free_jobs = max(0, quotas.concurrent_jobs - len(active_jobs))
    free_places = max(0, quotas.servers_in_all_jobs - sum(len(job) for job in active_jobs))
    free = [server for server in dict.fromkeys(waiting) if server not in busy]
    size = quotas.servers_per_job
    admitted = free[: min(free_places, free_jobs * size)]
    return [admitted[start : start + size] for start in range(0, len(admitted), size)]
