"""Whose turn it is."""

from __future__ import annotations

import itertools
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import (
    Plan,
    for_mode,
    parse_plan,
    start_order,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.turns import turn
from hypothesis import given
from hypothesis import strategies as st


def plan_of(dependencies: list[list[int]]) -> Plan:
    names = [f"w{number}" for number in range(len(dependencies))]
    return parse_plan(
        {
            "name": "p",
            "groups": {name: {"servers": [name]} for name in names},
            "waves": [
                {"name": name, "groups": [name], "depends_on": [names[other] for other in others]}
                for name, others in zip(names, dependencies, strict=True)
            ],
        }
    )


REVERSED = {"order": "reversed"}


@given(
    st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8).map(
        lambda sets: [sorted(other for other in others if other < number) for number, others in enumerate(sets)]
    )
)
def test_a_failback_may_go_the_other_way_round(dependencies: list[list[int]]) -> None:
    plan = plan_of(dependencies)
    assert for_mode(plan, "failback") == plan
    declared = parse_plan({**plan.to_document(), "failback": REVERSED})
    assert for_mode(declared, "failover") == for_mode(declared, "test") == declared
    reverse = for_mode(declared, "failback")
    pairs = {(wave.name, other) for wave in plan.waves for other in wave.depends_on}
    assert {(other, wave.name) for wave in reverse.waves for other in wave.depends_on} == pairs
    assert [wave.name for wave in reverse.waves] == [wave.name for wave in plan.waves]
    assert sorted(start_order(reverse)) == sorted(start_order(plan))
    assert parse_plan(reverse.to_document()) == reverse


def records(plan: Plan, ended: set[int]) -> list[dict[str, Any]]:
    return [
        {
            "wave": number,
            "name": wave.name,
            "started_at": "2026-01-01T00:00:00Z" if number in ended else None,
            "ended_at": "2026-01-01T00:00:00Z" if number in ended else None,
        }
        for number, wave in enumerate(plan.waves, start=1)
    ]


def test_a_wave_waits_for_all_that_it_depends_on() -> None:
    plan = plan_of([[], [], [0, 1]])
    assert [turn(plan, n, records(plan, set()), aborting=False) for n in (1, 2, 3)] == ["start", "start", "wait"]
    assert turn(plan, 3, records(plan, {1}), aborting=False) == "wait"
    assert turn(plan, 3, records(plan, {1, 2}), aborting=False) == "start"


def test_an_aborted_run_starts_nothing_more() -> None:
    plan = plan_of([[], [0]])
    assert [turn(plan, n, records(plan, {1}), aborting=True) for n in (1, 2)] == ["done", "abort"]


def test_a_wave_that_had_begun_goes_on_to_wait_for_its_jobs_when_its_run_is_aborted() -> None:
    plan = plan_of([[]])
    (record,) = records(plan, set())
    assert turn(plan, 1, [{**record, "started_at": "2026-01-01T00:00:00Z"}], aborting=True) == "start"


def test_a_soak_is_cut_short_by_an_abort_and_by_nothing_else() -> None:
    plan = plan_of([[]])
    (record,) = records(plan, set())
    soaking = {**record, "started_at": "2026-01-01T00:00:00Z", "soaking": True}
    assert [turn(plan, 1, [soaking], aborting=aborting) for aborting in (False, True)] == ["wait", "abort"]


@given(st.data())
def test_every_wave_gets_its_turn_in_the_order_in_which_they_start(data: st.DataObject) -> None:
    """However the waves end, one of the first unfinished ones can always go on."""
    count = data.draw(st.integers(1, 8))
    numbers = data.draw(st.permutations(range(count)))
    dependencies: list[list[int]] = [[] for _ in range(count)]
    for earlier, later in itertools.combinations(numbers, 2):
        if data.draw(st.booleans()):
            dependencies[later].append(earlier)
    plan = plan_of(dependencies)
    order, ended = start_order(plan), set[int]()
    assert sorted(order) == list(range(1, count + 1))
    while len(ended) < count:
        first = next(number for number in order if number not in ended)
        assert turn(plan, first, records(plan, ended), aborting=False) == "start"
        ready = [n for n in order if n not in ended and turn(plan, n, records(plan, ended), aborting=False) == "start"]
        ended.add(data.draw(st.sampled_from(ready)))
