"""Replication that is followed: what counts as progress, when it will be there, when a person is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import replication_progress as followed
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.replication_progress import Progress
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = 3600
STALL = HOUR


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def info(state: str, replicated: int = 0, rescanned: int = 0, **more: Any) -> dict[str, Any]:
    disk = {
        "totalStorageBytes": 1000,
        "replicatedStorageBytes": replicated,
        "rescannedStorageBytes": rescanned,
        "backloggedStorageBytes": more.pop("backlog", 0),
    }
    return {"dataReplicationState": state, "replicatedDisks": [disk], **more}


def follow(*looks: tuple[float, dict[str, Any]]) -> Progress:
    progress: Progress = {}
    for seconds, shown in looks:
        progress = followed.look(progress, followed.from_drs(shown), stall=STALL, now=at(seconds))
    return progress


def stuck(progress: Progress, seconds: float, retried: float | None = None) -> str:
    retried_at = None if retried is None else at(retried)
    return followed.stuck(progress, stall=STALL, retried_at=retried_at, now=at(seconds))


class TestStuck:
    def test_what_moves_is_left_alone_however_long_it_takes(self) -> None:
        days = [(hour * HOUR / 2, info("INITIAL_SYNC", replicated=hour)) for hour in range(1000)]
        assert stuck(follow(*days), 999 * HOUR / 2 + HOUR / 2) == ""

    def test_what_does_not_move_is_told_of_after_the_time_of_the_plan(self) -> None:
        progress = follow((0, info("INITIAL_SYNC", 100)), (60, info("INITIAL_SYNC", 200)))
        assert stuck(progress, 60 + STALL - 1) == ""
        assert "INITIAL_SYNC (20 %) and has not moved for 1h 00m 00s" in stuck(progress, 60 + STALL)

    def test_a_stall_is_told_of_with_what_drs_says_and_what_to_do(self) -> None:
        stalled = info(
            "STALLED",
            dataReplicationError={"error": "FAILED_TO_CREATE_SECURITY_GROUP", "rawError": "subnet-1 is gone"},
            dataReplicationInitiation={"nextAttemptDateTime": "2026-11-24T00:20:00Z", "steps": []},
        )
        progress = follow((0, info("INITIATING")), (30, stalled))
        assert stuck(progress, 30 + followed.STALL_GRACE - 1) == ""
        reason = stuck(progress, 30 + followed.STALL_GRACE)
        assert "FAILED_TO_CREATE_SECURITY_GROUP (subnet-1 is gone), DRS tries again at 2026-11-24T00:20:00Z" in reason
        assert "staging subnet" in reason

    def test_an_agent_that_is_not_seen_yet_has_the_time_of_the_plan(self) -> None:
        progress = follow((0, info("STALLED", dataReplicationError={"error": "AGENT_NOT_SEEN"})))
        assert stuck(progress, STALL - 1) == ""
        assert "AGENT_NOT_SEEN" in stuck(progress, STALL)

    @pytest.mark.parametrize("state", sorted(followed.ENDED_STATES))
    def test_what_somebody_has_stopped_is_told_of_at_once(self, state: str) -> None:
        progress = follow((0, info("RESCAN", 1000, 10)), (30, info(state)))
        assert state in stuck(progress, 30)

    def test_a_decision_to_go_on_gives_all_the_time_again(self) -> None:
        for shown in (info("STALLED", dataReplicationError={"error": "UNSTABLE_NETWORK"}), info("STOPPED")):
            progress = follow((0, shown))
            assert stuck(progress, HOUR, retried=HOUR - 1) == ""
            assert stuck(progress, HOUR - 1 + STALL, retried=HOUR - 1)

    def test_a_stall_after_the_decision_is_a_new_one(self) -> None:
        stalled = info("STALLED", dataReplicationError={"error": "UNSTABLE_NETWORK"})
        progress = follow((0, stalled), (700, info("RESCAN", 1000, 100)), (800, stalled))
        assert stuck(progress, 800 + followed.STALL_GRACE, retried=650)

    def test_a_backlog_moves_only_when_it_gets_smaller(self) -> None:
        growing = [(minute * 60, info("BACKLOG", 1000, 1000, backlog=100 + minute)) for minute in range(61)]
        assert stuck(follow(*growing), HOUR)
        shrinking = [(minute * 60, info("BACKLOG", 1000, 1000, backlog=100 - minute)) for minute in range(61)]
        assert not stuck(follow(*shrinking), HOUR)

    def test_a_new_backlog_is_measured_anew(self) -> None:
        looks = [(0, info("BACKLOG", 1000, 1000, backlog=1)), (60, info("CONTINUOUS", 1000, 1000))]
        again = [(HOUR + minute * 60, info("BACKLOG", 1000, 1000, backlog=500 - minute)) for minute in range(90)]
        assert not stuck(follow(*looks, *again), HOUR + 90 * 60)


class TestLook:
    def test_little_is_written_down_however_often_one_looks(self) -> None:
        progress: Progress = {}
        written = 0
        for second in range(0, 100 * HOUR, 300):
            shown = followed.from_drs({**info("INITIAL_SYNC"), "replicatedDisks": [disk_at(second)]})
            after = followed.look(progress, shown, stall=STALL, now=at(second))
            written += after is not progress
            progress = after
        assert written <= 101 + 4 * 100
        assert stuck(progress, 100 * HOUR) == ""

    def test_what_drs_does_not_tell_is_unknown(self) -> None:
        seen = followed.from_drs({"lagDuration": "soon", "etaDateTime": "later", "dataReplicationState": "WARPING"})
        assert (seen.lag, seen.eta, seen.percent, seen.state) == (None, None, None, "WARPING")


def disk_at(second: int) -> dict[str, int]:
    return {"totalStorageBytes": 100 * HOUR * 1000, "replicatedStorageBytes": second * 1000}


class TestEta:
    def test_drs_knows_best(self) -> None:
        progress = follow((0, info("RESCAN", 1000, 100, etaDateTime="2026-11-24T02:00:00Z")))
        assert followed.seconds_left(progress, at(HOUR)) == HOUR
        assert followed.describe(progress, at(HOUR)) == "RESCAN (10 %), some 1h 00m 00s left"

    def test_else_it_goes_on_as_it_has_so_far(self) -> None:
        progress = follow((0, info("INITIAL_SYNC", 100)), (HOUR, info("INITIAL_SYNC", 400)))
        assert followed.seconds_left(progress, at(HOUR)) == 2 * HOUR
        assert followed.seconds_left(follow((0, info("INITIAL_SYNC", 100))), START) is None

    def test_the_slowest_is_the_one_that_nobody_can_tell_the_end_of(self) -> None:
        near = follow((0, info("RESCAN", 1000, 100, etaDateTime="2026-11-24T02:00:00Z")))
        far = follow((0, info("RESCAN", 1000, 100, etaDateTime="2026-11-25T02:00:00Z")))
        unknown = follow((0, info("INITIATING")))
        assert followed.slowest({"near": near, "far": far}, START) == "far"
        assert followed.slowest({"near": near, "far": far, "unknown": unknown}, START) == "unknown"
        assert followed.slowest({}, START) is None

    def test_waits_grow_with_what_is_left(self) -> None:
        waits = []
        for hours in (0.1, 1, 2, 100):
            eta = at(hours * HOUR).isoformat()
            progress = follow((0, info("RESCAN", 1000, 100, etaDateTime=eta)))
            waits.append(followed.wait_seconds([progress], stall=STALL, now=START))
        assert waits == [30, 180, 360, 600]
        assert followed.wait_seconds([follow((0, info("INITIATING")))], stall=STALL, now=START) == 120
        assert followed.wait_seconds([follow((0, info("INITIATING")))], stall=60, now=START) == 60


@given(st.integers(min_value=1, max_value=30), st.integers(min_value=30, max_value=600))
def test_news_of_days_are_a_few_hundred_events(days: int, wait: int) -> None:
    told, told_at = 0, START
    for second in range(0, days * 86400, max(wait, 300)):
        if followed.news_due(began_at=START, told_at=told_at, now=at(second)):
            told, told_at = told + 1, at(second)
    assert told <= 420
