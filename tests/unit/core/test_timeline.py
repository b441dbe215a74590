"""Estimated timelines: waves and their jobs, by the quotas."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timeline import (
    Timeline,
    Typical,
    estimate,
    typical_of_run,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import drs_item, record, source_server

TYPICAL = Typical(linux_launch=100, windows_launch=300, linux_boot=10, windows_boot=50, source="the test")
WINDOWS = {**drs_item()["sourceProperties"], "os": {"fullString": "Microsoft Windows Server 2022"}}


def timeline(waves: list[dict[str, Any]], quotas: Quotas, windows: frozenset[int] = frozenset()) -> Timeline:
    """Estimate a plan: every wave has as many C(servers) as it says."""
    servers, declared, groups = [], [], {}
    for number, wave in enumerate(waves):
        name = f"w{number}"
        for _server in range(wave["servers"]):
            index = len(servers) + 1
            given = {"sourceProperties": {**WINDOWS, "identificationHints": {"fqdn": f"server-{index}"}}}
            servers.append(source_server(index, tags={"Wave": name}, **(given if index in windows else {})))
        groups[name] = {"tags": {"Wave": name}}
        depends = [f"w{other}" for other in wave.get("after", [])]
        declared.append({"name": name, "groups": [name], "depends_on": depends, "soak": wave.get("soak", 0)})
    plan = parse_plan({"name": "test", "groups": groups, "waves": declared})
    return estimate(resolve(plan, servers), quotas, TYPICAL)


def test_batches_by_quota_one_after_another_and_waves_after_those_they_depend_on() -> None:
    found = timeline([{"servers": 5, "soak": 7}, {"servers": 1, "after": [0]}], Quotas(2, 20, 4))
    first, second = found.waves
    assert [(len(job.server_keys), job.starts_after, job.ends_after) for job in first.jobs] == [
        (2, 0, 100),
        (2, 0, 100),
        (1, 100, 200),
    ]
    assert (first.ends_after, second.starts_after, found.seconds) == (217, 217, 327)
    assert found.to_document()["waves"][0]["jobs"] == [2, 2, 1]


def test_waves_side_by_side_share_the_quotas_and_windows_takes_longer() -> None:
    found = timeline([{"servers": 2}, {"servers": 2}], Quotas(10, 1, 10), windows=frozenset({3}))
    assert [(wave.starts_after, wave.ends_after) for wave in found.waves] == [(0, 110), (0, 100 + 300 + 50)]


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4))),
    st.builds(Quotas, st.integers(1, 5), st.integers(1, 4), st.integers(1, 8)),
)
def test_every_server_launches_once_within_the_quotas_and_after_its_dependencies(
    sizes: list[int], edges: set[tuple[int, int]], quotas: Quotas
) -> None:
    waves = [
        {"servers": size, "after": [a for a, b in edges if b == number and a < number]}
        for number, size in enumerate(sizes)
    ]
    found = timeline(waves, quotas)
    jobs = [job for wave in found.waves for job in wave.jobs]
    launched = [key for job in jobs for key in job.server_keys]
    assert len(launched) == len(set(launched)) == sum(sizes)
    for moment in {job.starts_after for job in jobs}:
        active = [job for job in jobs if job.starts_after <= moment < job.ends_after]
        assert len(active) <= quotas.concurrent_jobs
        assert sum(len(job.server_keys) for job in active) <= quotas.servers_in_all_jobs
        assert max(len(job.server_keys) for job in active) <= quotas.servers_per_job
    by_number = {wave.wave: wave for wave in found.waves}
    for number, wave in enumerate(waves, start=1):
        ended = [by_number[other + 1].ends_after for other in wave["after"]]
        assert by_number[number].starts_after == max(ended, default=0)
        assert by_number[number].ends_after == max(job.ends_after for job in by_number[number].jobs) + 10
    assert found.seconds == max(wave.ends_after for wave in found.waves)
    assert [wave.starts_after for wave in found.waves] == sorted(wave.starts_after for wave in found.waves)


def test_a_run_tells_how_long_its_slowest_servers_took() -> None:
    jobs = {"job-1": "2026-11-23T10:00:00.000Z"}
    servers = [
        record(1, job_id="job-1", launched_at="2026-11-23T10:05:00.000Z", validated_at="2026-11-23T10:09:00.000Z"),
        record(2, job_id="job-1", launched_at="2026-11-23T10:06:00.000Z", validated_at="2026-11-23T10:08:00.000Z"),
        record(3, job_id="job-0", launched_at="2026-11-23T10:59:00.000Z"),
        record(4),
    ]
    found = typical_of_run("r1", servers, jobs)
    assert found == Typical(linux_launch=360, linux_boot=180, source="as in run r1")
    slow = record(5, wave=2, is_windows=True, job_id="job-1", launched_at="2026-11-23T10:30:00.000Z")
    assert typical_of_run("r1", [*servers, slow], jobs).windows_launch == 1800
    assert typical_of_run("r1", [record(4)], jobs) == Typical()
