"""Pacing and bounded concurrency."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    ConflictError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacer, for_each, summary
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    """Time that passes only while somebody sleeps or the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_full_bucket_lets_its_burst_through_and_then_one_at_a_time() -> None:
    clock = Clock()
    pacer = Pacer(3, 2.0, clock=clock, sleep=clock.sleep)
    moments = []
    for _ in range(6):
        pacer.take()
        moments.append(clock.now)
    assert moments == [0, 0, 0, 0.5, 1.0, 1.5]


@given(
    burst=st.integers(1, 20),
    rate=st.floats(0.5, 50),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_no_window_ever_sees_more_than_the_bucket_allows(burst: int, rate: float, pauses: list[float]) -> None:
    clock = Clock()
    pacer = Pacer(burst, rate, clock=clock, sleep=clock.sleep)
    taken = []
    for pause in pauses:
        clock.now += pause
        pacer.take()
        taken.append(clock.now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - start) * rate + 1e-6


def test_results_and_errors_of_all_items_are_kept_in_order() -> None:
    def work(key: str, number: int) -> int:
        if number % 2:
            raise NotFoundError(f"no {number}")
        return number * 10

    outcomes = for_each({f"item-{number}": number for number in range(5)}, work)
    assert outcomes.results == {"item-0": 0, "item-2": 20, "item-4": 40}
    assert list(outcomes.errors) == ["item-1", "item-3"]
    with pytest.raises(NotFoundError, match=r"count: item-1: no 1; item-3: no 3"):
        outcomes.raise_if_any("count")


def test_no_items_are_no_work() -> None:
    assert for_each({}, lambda _key, value: value).raise_if_any("nothing") == {}


def test_no_more_than_the_allowed_number_work_at_once() -> None:
    lock = threading.Lock()
    at_work, most = 0, 0
    third = threading.Barrier(3)

    def work(key: int, _value: int) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        third.wait(timeout=30)
        with lock:
            at_work -= 1

    for_each({number: number for number in range(6)}, work, workers=3)
    assert most == 3


def test_mixed_errors_become_a_plain_one_that_says_each_text_once() -> None:
    def work(key: str, _value: int) -> None:
        raise (ConflictError if key == "c" else AwsError)("busy" if key == "c" else "refused")

    outcomes = for_each({"a": 1, "b": 2, "c": 3}, work)
    assert summary(outcomes.errors) == "a, b: refused; c: busy"
    with pytest.raises(AwsError) as caught:
        outcomes.raise_if_any("try")
    assert type(caught.value) is AwsError


def test_a_mistake_of_ours_is_not_taken_for_an_answer_of_aws() -> None:
    with pytest.raises(ZeroDivisionError):
        for_each({"a": 0}, lambda _key, value: 1 / value)
