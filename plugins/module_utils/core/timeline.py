# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the run of a plan will probably take: its waves, and their DRS jobs by the quotas.

An estimate. It takes every launch to last as long as launches typically do, and nobody else to have jobs in the
account; steps, probes, holds, retries and the decisions of people are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from .admission import Quotas, admit
from .plans import start_order
from .records import ServerRecord
from .resolved_plans import PlannedServer, ResolvedPlan
from .timestamps import parse_time


@dataclass(frozen=True, slots=True)
class Typical:
    """How long things typically take, in seconds.

    The defaults are those of a recorded drill of Linux servers, one of Windows servers, and for booting what the DRS
    user guide says (Linux boots within 5 minutes, Windows within 20).

    Attributes:
        linux_launch: From the creation of a job to the launch of a Linux server.
        windows_launch: The same for a Windows server.
        linux_boot: From the launch of the last server of a wave to the validation of all, without Windows servers.
        windows_boot: The same with Windows servers.
        source: Where the numbers are from.
    """

    linux_launch: int = 533
    windows_launch: int = 1440
    linux_boot: int = 300
    windows_boot: int = 1200
    source: str = "typical of DRS"


@dataclass(frozen=True, slots=True)
class EstimatedJob:
    """One DRS job; seconds count from the start of the first wave."""

    server_keys: tuple[str, ...]
    starts_after: int
    ends_after: int


@dataclass(frozen=True, slots=True)
class EstimatedWave:
    """One wave (C(wave) counts from 1); seconds count from the start of the first wave."""

    wave: int
    name: str
    servers: int
    jobs: tuple[EstimatedJob, ...]
    starts_after: int
    ends_after: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The waves in the order of their start, and how long all of them take together.

    Attributes:
        source: Where the durations are from (see L(Typical)).
    """

    waves: tuple[EstimatedWave, ...]
    seconds: int
    source: str

    def to_document(self) -> dict[str, Any]:
        """Return the timeline as a plain dict, the jobs as numbers of servers."""
        return {
            "seconds": self.seconds,
            "source": self.source,
            "waves": [
                {
                    "wave": wave.wave,
                    "name": wave.name,
                    "servers": wave.servers,
                    "jobs": [len(job.server_keys) for job in wave.jobs],
                    "starts_after": wave.starts_after,
                    "ends_after": wave.ends_after,
                }
                for wave in self.waves
            ],
        }


@dataclass(slots=True)
class _Wave:
    number: int
    servers: Mapping[str, PlannedServer]
    starts_after: int = 0
    ends_after: int = 0
    waiting: list[str] = field(default_factory=list)
    launching: int = 0
    jobs: list[EstimatedJob] = field(default_factory=list)


def estimate(resolved: ResolvedPlan, quotas: Quotas, typical: Typical) -> Timeline:
    """Return the timeline of a plan whose servers are known."""
    return _Estimate(resolved, quotas, typical).run()


class _Estimate:
    """Plays a run: jobs start when the quotas let them, waves when those that they depend on have ended."""

    def __init__(self, resolved: ResolvedPlan, quotas: Quotas, typical: Typical) -> None:
        self._plan = resolved.plan
        self._quotas = quotas
        self._typical = typical
        self._order = start_order(resolved.plan)
        self._waves = {
            number: _Wave(number, {planned.server.source_server_id: planned for planned in found})
            for number in self._order
            for found in [resolved.wave_servers(number)]
        }
        self._active: dict[int, Sequence[str]] = {}
        self._ended: set[str] = set()
        self._begun: set[int] = set()
        self._due: list[tuple[int, int, int, int]] = []
        """Moment, wave, number of the job that ends then (0: the wave itself), servers of that job."""
        self._jobs = 0

    def run(self) -> Timeline:
        now = 0
        self._go_on(now)
        while self._due:
            now, number, job, servers = heappop(self._due)
            wave = self._waves[number]
            if job:
                del self._active[job]
                wave.launching -= servers
                self._end_if_launched(wave, now)
            else:
                wave.ends_after = now
                self._ended.add(self._plan.waves[number - 1].name)
            self._go_on(now)
        waves = [self._result(self._waves[number]) for number in self._order]
        in_order = sorted(waves, key=lambda wave: wave.starts_after)
        return Timeline(tuple(in_order), max(wave.ends_after for wave in waves), self._typical.source)

    def _go_on(self, now: int) -> None:
        for number in self._order:
            wave = self._waves[number]
            if number not in self._begun and self._ended.issuperset(self._plan.waves[number - 1].depends_on):
                self._begun.add(number)
                wave.starts_after = now
                wave.waiting = list(wave.servers)
                self._end_if_launched(wave, now)
            if wave.waiting:
                self._start_jobs(wave, now)

    def _start_jobs(self, wave: _Wave, now: int) -> None:
        for batch in admit(wave.waiting, list(self._active.values()), self._quotas):
            self._jobs += 1
            self._active[self._jobs] = batch
            seconds = max(self._launch(wave.servers[server_id]) for server_id in batch)
            keys = tuple(wave.servers[server_id].server.key for server_id in batch)
            wave.jobs.append(EstimatedJob(keys, now, now + seconds))
            wave.launching += len(batch)
            started = set(batch)
            wave.waiting = [server_id for server_id in wave.waiting if server_id not in started]
            heappush(self._due, (now + seconds, wave.number, self._jobs, len(batch)))

    def _end_if_launched(self, wave: _Wave, now: int) -> None:
        if not wave.waiting and not wave.launching:
            soak = self._plan.waves[wave.number - 1].soak
            heappush(self._due, (now + self._boot(wave) + soak, wave.number, 0, 0))

    def _launch(self, planned: PlannedServer) -> int:
        return self._typical.windows_launch if planned.server.is_windows else self._typical.linux_launch

    def _boot(self, wave: _Wave) -> int:
        if not wave.servers:
            return 0
        windows = any(planned.server.is_windows for planned in wave.servers.values())
        return self._typical.windows_boot if windows else self._typical.linux_boot

    def _result(self, wave: _Wave) -> EstimatedWave:
        name = self._plan.waves[wave.number - 1].name
        return EstimatedWave(wave.number, name, len(wave.servers), tuple(wave.jobs), wave.starts_after, wave.ends_after)


def typical_of_run(run_id: str, servers: Iterable[ServerRecord], jobs: Mapping[str, str]) -> Typical:
    """Return how long things took in a run: the slowest of each kind. What the run did not have is typical of DRS.

    Args:
        run_id: The run.
        servers: Its servers.
        jobs: When each of its jobs was created, by job id.
    """
    launches: dict[bool, int] = {}
    launched: dict[int, str] = {}
    validated: dict[int, str] = {}
    windows: set[int] = set()
    for record in servers:
        if record.launched_at is None or record.job_id is None or record.job_id not in jobs:
            continue
        seconds = _seconds(jobs[record.job_id], record.launched_at)
        launches[record.is_windows] = max(seconds, launches.get(record.is_windows, 0))
        launched[record.wave] = max(record.launched_at, launched.get(record.wave, ""))
        validated[record.wave] = max(record.validated_at or "", validated.get(record.wave, ""))
        if record.is_windows:
            windows.add(record.wave)
    boots: dict[bool, int] = {}
    for wave, moment in validated.items():
        if moment > launched[wave]:
            seconds = _seconds(launched[wave], moment)
            boots[wave in windows] = max(seconds, boots.get(wave in windows, 0))
    known = {
        "linux_launch": launches.get(False),
        "windows_launch": launches.get(True),
        "linux_boot": boots.get(False),
        "windows_boot": boots.get(True),
    }
    found = {name: seconds for name, seconds in known.items() if seconds is not None}
    return replace(Typical(), **found, source=f"as in run {run_id}") if found else Typical()


def _seconds(begin: str, end: str) -> int:
    return max(0, round((parse_time(end) - parse_time(begin)).total_seconds()))
