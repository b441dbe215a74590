"""What a person who watches a run reads."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.progress import Progress, pause_lines
from hypothesis import given, settings
from hypothesis import strategies as st

AT = "2026-11-23T10:00:00.000Z"
DISCOVERED = {"servers": {f"s{n}": f"s-{n}" for n in range(6)}, "profile": "test"}
NAMES = ["servers", "server_key", "wave", "name", "status", "findings", "findings_not_shown", "profile", "job_id"]
NAMES += ["phase", "stages", "slowest", "seconds_left", "action"]
VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def event(kind: str, data: dict[str, Any], at: str = AT) -> dict[str, Any]:
    return {"kind": kind, "data": data, "at": at}


def server(name: str, wave: int = 1, reason: str = "") -> dict[str, Any]:
    return {"server_key": name, "wave": wave, "reason": reason}


def test_servers_of_one_moment_and_wave_share_a_line_with_counts() -> None:
    progress = Progress()
    progress.lines([event("servers_discovered", DISCOVERED)])
    events = [event("server_launched", server(f"s{n}")) for n in range(5)]
    assert progress.lines([*events, event("server_launched", server("s5", wave=2))]) == [
        "10:00:00  wave 1   launched 5 servers: s0, s1, s2, s3 and 1 more (5 of 6)",
        "10:00:00  wave 2   launched 1 server: s5 (6 of 6)",
    ]


def test_a_server_that_is_launched_again_counts_once() -> None:
    progress = Progress()
    progress.lines([event("servers_discovered", DISCOVERED)])
    twice = [event("server_launched", server("s1"), at=f"2026-11-23T10:0{n}:00.000Z") for n in range(2)]
    assert progress.lines(twice)[-1] == "10:01:00  wave 1   launched 1 server: s1 (1 of 6)"


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("server_failed", server("s1", reason="no capacity"), "wave 1   FAILED 1 server: s1 (no capacity)"),
        ("gate_passed", {"servers": 6, "findings": []}, "run      gate passed: 6 servers ready"),
        (
            "gate_failed",
            {"servers": 6, "findings": [{"server_key": "s1", "what": "stalled"}], "findings_not_shown": 0},
            "run      gate failed: 6 servers checked, findings: s1: stalled",
        ),
        (
            "job_started",
            {"wave": 2, "job_id": "drsjob-1", "servers": {"s-1": "PENDING"}},
            "wave 2   DRS job started: drsjob-1 (1 server)",
        ),
        ("run_closed", {"status": "failed", "error": "why"}, "run      run closed: failed (why)"),
        ("from_the_future", {"wave": 3, "n": 1}, 'wave 3   from_the_future: [{"n":1,"wave":3}]'),
        ("wave_started", {"wave": 3}, 'wave 3   wave_started: [{"wave":3}]'),
    ],
)
def test_lines(kind: str, data: dict[str, Any], line: str) -> None:
    assert Progress().lines([event(kind, data)]) == [f"10:00:00  {line}"]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            event,
            st.one_of(st.sampled_from([str(kind) for kind in EventKind]), st.text()),
            st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=10)), VALUES, max_size=4),
        ),
        max_size=5,
    )
)
def test_no_event_can_stop_the_watching(events: list[dict[str, Any]]) -> None:
    assert bool(Progress().lines(events)) == bool(events)


def test_a_pause_says_why_what_each_decision_does_and_how_to_decide() -> None:
    pause = {
        "pause_id": "001",
        "step": "reconcile-wave",
        "wave": 1,
        "reason": "1 server failed",
        "options": ["retry", "abort"],
        "default": "abort",
        "deadline": AT,
    }
    text = "\n".join(pause_lines(pause, "decide -e dr_run=r1"))
    for wanted in (
        "(pause 001, wave 1, reconcile-wave)",
        "Why: 1 server failed",
        "retry     launches the failed servers again",
        "decide -e dr_run=r1 -e dr_decision=retry|abort -e \"dr_reason='...'\"",
        f"Without an answer until {AT} it is: abort",
    ):
        assert wanted in text
