"""The decision of a wave against a model of DRS that fails, is slow, forgets participants, and loses our records.

Whatever happens: no quota is broken at any place, no server is in two jobs at once, none is launched at another place
than its own, no launched server is launched again, and the wave ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.batches import Batch
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import Job, job_from_drs, job_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, told_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import (
    ServerRecord,
    record_from_item,
    record_to_item,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import (
    WavePolicy,
    apply_decision,
    reconcile,
    started,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.builders import at, record

RESULTS = ("LAUNCHED", "LAUNCHED", "LAUNCHED", "FAILED", "TERMINATED", "SOMETHING_NEW")
MOST_STEPS = 2000
PLACES: tuple[Place | None, ...] = (None, Place("222222222222", "us-east-1"), Place("111111111111", "us-east-1"))


@dataclass
class Drs:
    """A model of DRS at one place: jobs that end some time after their start, each participant with its own result."""

    random: Random
    quotas: Quotas
    place: Place | None
    now: float = 0
    jobs: list[dict[str, Any]] = field(default_factory=list)
    launched: set[str] = field(default_factory=set)

    def start(self, servers: tuple[str, ...], tags: dict[str, str]) -> str:
        active = [job for job in self.jobs if job["status"] != "COMPLETED"]
        busy = [server for job in active for server in job["really"]]
        assert not set(servers) & set(busy), "a server is in two jobs at once"
        assert not set(servers) & self.launched, "a launched server is launched again"
        assert 1 <= len(servers) <= self.quotas.servers_per_job
        assert len(active) < self.quotas.concurrent_jobs
        assert len(busy) + len(servers) <= self.quotas.servers_in_all_jobs
        job_id = f"drsjob-{self.place and self.place.account_id}-{self.place and self.place.region}-{len(self.jobs)}"
        self.jobs.append(
            {
                "jobID": job_id,
                "status": "PENDING",
                "tags": tags,
                "really": {server: self.random.choice(RESULTS) for server in servers},
                "listed": self.random.random() > 0.1,
                "ends": self.now + self.random.choice((40, 300, 900, 5000)),
            }
        )
        return job_id

    def describe(self) -> list[Job]:
        return [job_from_drs(self._describe(job), self.place) for job in self.jobs]

    def _describe(self, job: dict[str, Any]) -> dict[str, Any]:
        ended = self.now >= job["ends"]
        if ended:
            job["status"] = "COMPLETED"
            if job["listed"]:
                self.launched |= {server for server, result in job["really"].items() if result == "LAUNCHED"}
        elif job["status"] == "PENDING":
            job["status"] = "STARTED"
        participants = [
            {"sourceServerID": server, "launchStatus": result if ended else "IN_PROGRESS"}
            for server, result in job["really"].items()
        ]
        return {
            "jobID": job["jobID"],
            "type": "LAUNCH",
            "status": job["status"],
            "tags": job["tags"],
            "participatingServers": participants if job["listed"] else [],
        }


@dataclass
class Run:
    """A caller of the decision that crashes now and then, and an operator who answers anything."""

    random: Random
    drs: dict[Place | None, Drs]
    records: dict[str, ServerRecord]
    policy: WavePolicy
    timer: float = 0
    now: float = 0

    def look(self) -> str:
        step = reconcile(
            list(self.records.values()),
            [job for drs in self.drs.values() for job in drs.describe()],
            {place: drs.quotas for place, drs in self.drs.items()},
            self.policy,
            run_id="run-1",
            wave=1,
            now=at(self.now),
            wave_started_at=at(self.timer),
        )
        assert (step.seconds > 0) == (step.outcome == "wait")
        assert step.outcome == "wait" or not step.starts
        if self.crashes():
            return "wait"
        self.write(step.updates)
        for batch in step.starts:
            self.start(batch)
        if step.outcome == "ask":
            assert step.reason
            self.answer()
        self.now += step.seconds
        for drs in self.drs.values():
            drs.now = self.now
        return step.outcome

    def start(self, batch: Batch) -> None:
        there = {one.source_server_id for one in self.records.values() if one.place == batch.place}
        assert set(batch.source_server_ids) <= there, "a batch mixes places"
        tags = job_tags("run-1", 1, batch.attempt, batch.batch)
        assert all(tags != job["tags"] for drs in self.drs.values() for job in drs.jobs), "two jobs have the same tags"
        job_id = self.drs[batch.place].start(batch.source_server_ids, tags)
        if not self.crashes():
            self.write(started(self.records.values(), batch, job_id))

    def answer(self) -> None:
        decision = self.random.choice(("retry", "retry", "skip", "continue"))
        self.write(apply_decision(self.records.values(), decision))
        if decision == "retry":
            self.timer = self.now

    def crashes(self) -> bool:
        return self.random.random() < 0.1

    def write(self, updates: Any) -> None:
        for update in updates:
            self.records[update.server_key] = record_from_item(record_to_item(update))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    servers=st.integers(0, 25),
    quotas=st.lists(
        st.builds(
            Quotas,
            servers_per_job=st.integers(1, 8),
            concurrent_jobs=st.integers(1, 4),
            servers_in_all_jobs=st.integers(1, 20),
        ),
        min_size=1,
        max_size=len(PLACES),
    ),
    policy=st.builds(WavePolicy, max_failures=st.integers(0, 3), timeout=st.sampled_from((100, 1000, 3600))),
)
def test_a_wave_ends_and_nothing_is_launched_twice(
    seed: int, servers: int, quotas: list[Quotas], policy: WavePolicy
) -> None:
    random = Random(seed)
    places = dict(zip(PLACES, quotas, strict=False))
    records = [
        record(
            number,
            critical=random.random() > 0.2,
            attempts_allowed=random.randint(1, 3),
            **told_place(random.choice(list(places))),
        )
        for number in range(servers)
    ]
    drs = {place: Drs(random, limits, place) for place, limits in places.items()}
    run = Run(random, drs, {one.server_key: one for one in records}, policy)
    for _step in range(MOST_STEPS):
        if run.look() == "done":
            break
    else:
        pytest.fail(f"the wave has not ended after {MOST_STEPS} steps")
    for there in drs.values():
        there.describe()
    final = list(run.records.values())
    assert {one.status for one in final} <= {"launched", "failed", "skipped"}
    assert all(one.accepted for one in final if one.status == "failed")
    assert all(one.source_server_id in drs[one.place].launched for one in final if one.status == "launched")
    assert all(one.reason for one in final if one.status in {"failed", "skipped"})
