"""Admission never breaks a quota, and starts all that it may."""

from __future__ import annotations

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas, admit
from hypothesis import given
from hypothesis import strategies as st

servers = st.sampled_from([f"s-{number}" for number in range(40)])


def test_servers_are_batched_in_order() -> None:
    waiting = [f"s-{number}" for number in range(250)]
    batches = admit(waiting, [], Quotas())
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert [server for batch in batches for server in batch] == waiting


def test_servers_in_running_jobs_wait() -> None:
    assert admit(["s-1", "s-2", "s-1"], [{"s-1"}], Quotas()) == [["s-2"]]


def test_nothing_starts_beyond_the_quotas() -> None:
    waiting = [f"s-{number}" for number in range(10)]
    assert admit(waiting, [{"a"}] * 20, Quotas()) == []
    assert admit(waiting, [{f"x-{number}" for number in range(497)}], Quotas()) == [["s-0", "s-1", "s-2"]]
    assert admit(waiting, [], Quotas(servers_per_job=4, concurrent_jobs=2)) == [waiting[:4], waiting[4:8]]


@given(
    waiting=st.lists(servers),
    active=st.lists(st.sets(servers, max_size=6), max_size=6),
    quotas=st.builds(
        Quotas,
        servers_per_job=st.integers(1, 10),
        concurrent_jobs=st.integers(0, 8),
        servers_in_all_jobs=st.integers(0, 40),
    ),
)
def test_quotas_hold_nobody_starts_twice_and_room_is_used(
    waiting: list[str], active: list[set[str]], quotas: Quotas
) -> None:
    batches = admit(waiting, active, quotas)
    started = [server for batch in batches for server in batch]
    busy = set().union(*active)
    running = sum(len(job) for job in active)
    assert all(1 <= len(batch) <= quotas.servers_per_job for batch in batches)
    assert not batches or len(active) + len(batches) <= quotas.concurrent_jobs
    assert not batches or running + len(started) <= quotas.servers_in_all_jobs
    assert len(set(started)) == len(started)
    assert set(started) <= set(waiting) - busy
    left = set(waiting) - busy - set(started)
    full = (
        len(active) + len(batches) >= quotas.concurrent_jobs and all(len(b) == quotas.servers_per_job for b in batches)
    ) or running + len(started) >= quotas.servers_in_all_jobs
    assert not left or full
