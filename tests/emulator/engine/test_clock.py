"""The discrete clock: jumps, deadlines, hand-over of work, pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.clock import Signal, VirtualClock

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    made = VirtualClock(START)
    made.start()
    yield made
    made.stop()


def passed(clock: VirtualClock) -> float:
    """Return the virtual seconds since the start."""
    return (clock.now() - START).total_seconds()


def run_all(clock: VirtualClock, *targets: Callable[[], object]) -> None:
    """Start all targets at one moment and wait for their ends."""
    with clock.work():
        threads = [clock.spawn(target) for target in targets]
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), clock.status()


def test_time_stands_still_while_somebody_works(clock: VirtualClock) -> None:
    fired: list[float] = []
    with clock.work():
        clock.call_later(10, lambda: fired.append(passed(clock)))
        time.sleep(0.1)
        assert passed(clock) == 0
    clock.advance(0)
    clock.advance(10)
    assert fired == [10]


def test_nobody_waits_so_time_stands_still(clock: VirtualClock) -> None:
    time.sleep(0.05)
    assert clock.now() == START


def test_sleeps_in_sequence_add_up_and_parallel_ones_do_not(clock: VirtualClock) -> None:
    ends: list[float] = []

    def twice() -> None:
        clock.sleep(30)
        clock.sleep(60)
        ends.append(passed(clock))

    run_all(clock, *[twice] * 50)
    assert ends == [90] * 50


def test_a_deadline_is_never_jumped_to(clock: VirtualClock) -> None:
    fired: list[float] = []
    clock.deadline_at(START + timedelta(seconds=5), lambda: fired.append(passed(clock)))
    time.sleep(0.1)
    assert (fired, passed(clock)) == ([], 0)


def test_a_timer_behind_a_deadline_makes_it_fire_at_its_own_moment(clock: VirtualClock) -> None:
    fired: list[tuple[str, float]] = []
    with clock.work():
        clock.deadline_at(START + timedelta(seconds=5), lambda: fired.append(("deadline", passed(clock))))
        clock.call_later(9, lambda: fired.append(("timer", passed(clock))))
    clock.advance(10)
    assert fired == [("deadline", 5), ("timer", 9)]


def test_a_timer_comes_before_a_deadline_of_the_same_moment(clock: VirtualClock) -> None:
    fired: list[str] = []
    with clock.work():
        clock.deadline_at(START + timedelta(seconds=5), lambda: fired.append("deadline"))
        clock.call_later(5, lambda: fired.append("timer"))
    clock.advance(5)
    assert fired == ["timer", "deadline"]


def test_advancing_passes_deadlines_and_stops_exactly(clock: VirtualClock) -> None:
    fired: list[float] = []
    for seconds in (5, 7, 7.001):
        clock.deadline_at(START + timedelta(seconds=seconds), lambda: fired.append(passed(clock)))
    clock.advance(7)
    assert (fired, passed(clock)) == ([5, 7], 7)


def test_a_cancelled_timer_is_no_reason_to_jump(clock: VirtualClock) -> None:
    fired: list[str] = []
    with clock.work():
        clock.call_later(5, lambda: fired.append("timer")).cancel()
        clock.deadline_at(START + timedelta(seconds=1), lambda: fired.append("deadline"))
    time.sleep(0.05)
    assert (fired, passed(clock)) == ([], 0)


def test_a_signal_before_its_deadline_wakes_without_moving_time(clock: VirtualClock) -> None:
    signal, results = Signal(clock), []

    def waiter() -> None:
        results.append((signal.wait(deadline=100), passed(clock)))

    def setter() -> None:
        clock.sleep(40)
        signal.set()

    run_all(clock, waiter, setter)
    assert results == [(True, 40)]


def test_a_pulse_reaches_everybody_who_waits(clock: VirtualClock) -> None:
    signal, woken = Signal(clock), []

    def waiter() -> None:
        woken.append(signal.wait())

    def setter() -> None:
        clock.sleep(1)
        signal.set()
        signal.clear()

    run_all(clock, waiter, waiter, setter)
    assert woken == [True, True]


def test_work_is_handed_over_and_never_dropped(clock: VirtualClock) -> None:
    """A long relay: each hands over to the next while a timer far away waits for the count to touch zero."""
    runners = 300
    signals = [Signal(clock) for _ in range(runners + 1)]
    moments: list[float] = []

    def runner(number: int) -> Callable[[], None]:
        def run() -> None:
            signals[number].wait()
            moments.append(passed(clock))
            signals[number + 1].set()

        return run

    early: list[float] = []
    with clock.work():
        clock.call_later(1000, lambda: early.append(len(moments)))
        threads = [clock.spawn(runner(number)) for number in range(runners)]
        time.sleep(0.05)
        signals[0].set()
    for thread in threads:
        thread.join(20)
    clock.advance(1000)
    assert moments == [0.0] * runners
    assert early == [runners]


def test_a_broken_callback_does_not_stop_time(clock: VirtualClock) -> None:
    with clock.work():
        clock.call_later(1, lambda: 1 / 0)
    clock.advance(2)
    assert passed(clock) == 2


def test_who_rests_lets_time_pass(clock: VirtualClock) -> None:
    fired = threading.Event()
    with clock.work():
        clock.call_later(10, fired.set)
        with clock.resting():
            assert fired.wait(5)
        clock.call_later(10, fired.clear)
        time.sleep(0.05)
        assert fired.is_set()
    assert passed(clock) in (10, 20)


def test_nested_work_rests_as_one_party(clock: VirtualClock) -> None:
    def nested() -> None:
        with clock.work(), clock.work():
            clock.sleep(3)

    run_all(clock, nested)
    assert passed(clock) == 3


def test_pace_limits_how_fast_time_runs() -> None:
    clock = VirtualClock(START, pace=100)
    clock.start()
    began = time.monotonic()
    run_all(clock, lambda: clock.sleep(50))
    real = time.monotonic() - began
    clock.stop()
    assert passed(clock) == 50
    assert 0.4 <= real < 5


def test_a_pace_may_end_while_the_clock_waits_for_it() -> None:
    clock = VirtualClock(START, pace=0.001)
    clock.start()
    ended = threading.Event()
    clock.call_later(3600, ended.set)
    time.sleep(0.1)
    clock.set_pace(None)
    assert ended.wait(5)
    clock.stop()


def test_advancing_ignores_the_pace() -> None:
    clock = VirtualClock(START, pace=1)
    clock.start()
    began = time.monotonic()
    clock.advance(3600)
    clock.stop()
    assert time.monotonic() - began < 5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 500), min_size=1, max_size=6), min_size=1, max_size=12))
def test_every_party_sees_exactly_its_own_durations(plans: list[list[int]]) -> None:
    clock = VirtualClock(START)
    clock.start()
    seen: dict[int, list[float]] = {}
    lock = threading.Lock()

    def party(number: int, plan: list[int]) -> Callable[[], None]:
        def run() -> None:
            moments = []
            for seconds in plan:
                clock.sleep(seconds)
                moments.append(passed(clock))
            with lock:
                seen[number] = moments

        return run

    run_all(clock, *[party(number, plan) for number, plan in enumerate(plans)])
    clock.stop()
    assert seen == {number: [sum(plan[: i + 1]) for i in range(len(plan))] for number, plan in enumerate(plans)}
    assert passed(clock) == max(sum(plan) for plan in plans)
