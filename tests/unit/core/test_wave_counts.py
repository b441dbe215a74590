"""Counts of launched and failed servers, from events."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.progress import Progress
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.wave_counts import (
    WaveCount,
    WaveCounts,
    count_line,
)
from hypothesis import given
from hypothesis import strategies as st

START = "2026-11-23T10:00:00.000Z"
RUN = {"requested_at": START, "plan": {"waves": [{}, {}, {}]}}
KEYS = [f"s{number}" for number in range(5)]
BEGIN: list[dict[str, Any]] = [
    {"at": START, "kind": "servers_discovered", "data": {"servers": {key: f"id-{key}" for key in KEYS}}},
    {"at": START, "kind": "wave_started", "data": {"wave": 2, "name": "web", "servers": 5}},
]


def of_server(kind: str, key: str, at: str = START, wave: int = 2) -> dict[str, Any]:
    return {"at": at, "kind": kind, "data": {"server_key": key, "wave": wave}}


def job(*keys: str) -> dict[str, Any]:
    return {
        "at": START,
        "kind": "job_started",
        "data": {"wave": 2, "servers": {f"id-{key}": "PENDING" for key in keys}},
    }


def counted(*events: dict[str, Any]) -> tuple[int, int]:
    counts = WaveCounts()
    counts.add([*BEGIN, *events])
    (wave,) = counts.waves
    return (len(wave.launched), len(wave.failed))


def test_a_server_counts_as_what_became_of_it_last() -> None:
    failed = of_server("server_failed", "s1")
    assert counted(of_server("server_launched", "s0"), of_server("server_validated", "s0"), failed) == (1, 1)
    assert counted(failed, job("s1")) == (0, 0)
    assert counted(failed, job("s1"), of_server("server_launched", "s1")) == (1, 0)
    assert counted(of_server("server_launched", "s1"), failed) == (0, 1)
    assert counted(failed, of_server("server_skipped", "s1")) == (0, 0)


def test_a_line_for_every_moment_in_which_counts_changed() -> None:
    later = "2026-11-23T11:06:12.000Z"
    events = [
        *BEGIN,
        of_server("server_launched", "s0", "2026-11-23T10:06:12.000Z"),
        of_server("server_failed", "s1", "2026-11-23T10:06:12.000Z"),
        of_server("server_validated", "s0", later),
        {"at": later, "kind": "wave_ended", "data": {"wave": 2, "name": "web", "status": "failed"}},
        of_server("server_launched", "s1", later),
    ]
    lines = [line for line in Progress().lines(events, RUN) if " · " in line]
    assert lines == [
        "10:00:00  wave 2/3 · 0 of 5 launched · 0 failed · 00:00",
        "10:06:12  wave 2/3 · 1 of 5 launched · 1 failed · 06:12",
        "11:06:12  wave 2/3 · 2 of 5 launched · 0 failed · 1:06:12",
    ]
    assert [line for line in Progress().lines(events) if " · " in line] == []


def test_the_line_of_the_issue() -> None:
    wave = WaveCount(2, "web", 60, {str(n) for n in range(41)}, {"a", "b"})
    assert count_line(wave, 3, START, "2026-11-23T10:06:12Z") == "wave 2/3 · 41 of 60 launched · 2 failed · 06:12"


EVENTS = st.builds(
    of_server,
    st.sampled_from(["server_launched", "server_validated", "server_failed", "server_skipped"]),
    st.sampled_from(KEYS),
)


@given(
    st.lists(st.one_of(EVENTS, st.lists(st.sampled_from(KEYS), min_size=1, max_size=5).map(lambda keys: job(*keys))))
)
def test_counts_never_exceed_the_servers_and_do_not_depend_on_how_events_are_read(events: list[dict[str, Any]]) -> None:
    whole, pieces = WaveCounts(), WaveCounts()
    whole.add([*BEGIN, *events])
    pieces.add(BEGIN)
    for event in events:
        pieces.add([event])
    (wave,) = whole.waves
    assert wave.to_document() == pieces.waves[0].to_document()
    assert not wave.launched & wave.failed
    assert len(wave.launched) + len(wave.failed) <= wave.servers


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["wave_started", "job_started", "server_failed"]),
                "data": st.dictionaries(
                    st.sampled_from(["wave", "servers", "name", "server_key"]),
                    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
                ),
            }
        )
    )
)
def test_events_of_another_version_stop_nothing(events: list[dict[str, Any]]) -> None:
    WaveCounts().add(events)
