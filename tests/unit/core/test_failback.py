"""Where a machine is in the failback cycle, and what must never be done with it."""

from __future__ import annotations

import contextlib
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import (
    Action,
    Kind,
    Position,
    Stage,
    locate,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_guards import objection
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_view import describe
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.replication_progress import Replication
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.simulated_machine import RefusedError, SimulatedMachine

EVENTS = ("fail_over", "work", "stall", "drill", "stop_back", "lose_original", "restart_original")

BEHAVIOURS = ("completes_at_launch", "lingers", "reuses", "launches_into", "early")


def try_everything(machine: SimulatedMachine) -> None:
    """Do all that the guards allow, although it may not be next, each with a copy of the machine."""
    facts = machine.facts()
    for action in Action:
        if objection(facts, action) == "":
            with contextlib.suppress(RefusedError):
                deepcopy(machine).do(action)


def step(machine: SimulatedMachine, *, end_original: bool) -> Position:
    """Look at a machine, and do what is said to come next."""
    try_everything(machine)
    facts = machine.facts()
    position = locate(facts, end_original=end_original)
    if position.action:
        assert objection(facts, position.action) == "", position
        try:
            machine.do(position.action)
        except RefusedError:
            machine.work()
    else:
        machine.work()
    return position


def come_home(machine: SimulatedMachine, *, end_original: bool = False) -> list[str]:
    """Do what comes next until nothing is left; return stages and actions as they came."""
    told: list[str] = []
    for _ in range(60):
        position = step(machine, end_original=end_original)
        told += [name for name in (str(position.stage), str(position.action or "")) if name and name not in told]
        if position.stage == Stage.REFUSED or (position.action is None and not position.waiting):
            return told
    raise AssertionError(f"never came home: {told}")


@settings(max_examples=250)
@given(
    courses=st.lists(st.lists(st.sampled_from([*EVENTS, "step", "step", "step", "work"]), max_size=30), max_size=3),
    behaviour=st.fixed_dictionaries({name: st.booleans() for name in BEHAVIOURS}),
    end_original=st.booleans(),
)
def test_whatever_happens_production_is_never_harmed_and_ends_protected(
    courses: list[list[str]], behaviour: dict[str, bool], end_original: bool
) -> None:
    machine = SimulatedMachine(**behaviour)
    for course in courses:
        for event in course:
            if event == "step":
                step(machine, end_original=end_original)
            else:
                getattr(machine, event)()
            try_everything(machine)
        for _ in range(4):
            machine.work()
        told = come_home(machine, end_original=end_original)
        if told[-1] != "refused":
            assert told[-1] == "protected"
            assert machine.forward.instance == machine.production
            assert [one for one in machine.there if not one.drill] == []
            assert machine.here == []
            assert machine.back == []
    assert machine.states[machine.production] == "running"


def test_a_machine_goes_through_the_cycle_twice_and_is_then_as_before() -> None:
    machine = SimulatedMachine(lingers=True)
    for _ in range(2):
        before = machine.facts()
        machine.fail_over()
        assert come_home(machine, end_original=True) == [
            *("recovered", "reverse_replication", "reversing", "in_sync", "launch", "returned", "protect_again"),
            *("protecting_again", "protected_again", "stop_returning", "stop_failback", "terminate_recovered"),
            *("forget_returned", "disconnect_returning", "delete_returning", "end_original", "protected"),
        ]
        after = machine.facts()
        assert machine.states == {machine.production: "running"} | dict.fromkeys(
            set(machine.states) - {machine.production}, "terminated"
        )
        own = replace(after.protecting, instance_id=before.protecting.instance_id)
        assert (own, after.kind) == (before.protecting, Kind.CROSS_REGION)


def at(stage: Stage, **behaviour: bool) -> SimulatedMachine:
    """Return a machine that has come to a stage."""
    machine = SimulatedMachine(**behaviour)
    machine.fail_over()
    while locate(machine.facts()).stage != stage:
        step(machine, end_original=False)
    return machine


def test_what_needs_a_person_is_refused_with_the_reason() -> None:
    stopped = at(Stage.RECOVERED)
    stopped.states[stopped.production] = "stopped"
    assert "is stopped: start it, or fail over anew" in locate(stopped.facts()).refusal

    gone = at(Stage.RECOVERED)
    gone.states[gone.production] = "terminated"
    gone.forward.state = "STALLED"
    assert "is terminated, and nothing else runs: fail over anew" in locate(gone.facts()).refusal

    lost = at(Stage.IN_SYNC)
    lost.there.clear()
    assert "may have the last data of the machine" in locate(lost.facts()).refusal

    away = at(Stage.PROTECTING_AGAIN)
    away.states[away.production] = "stopped"
    assert f"{away.production}, which {away.forward.server_id} protects, is stopped" in locate(away.facts()).refusal

    idle = at(Stage.RETURNED)
    idle.states[idle.production] = "stopping"
    assert f"{idle.production}, which was launched at home, is stopping: start it" in locate(idle.facts()).refusal

    forgotten = at(Stage.RETURNED, completes_at_launch=True)
    forgotten.here.clear()
    forgotten.back[0].state = "STOPPED"
    assert "shows no instance that it launched" in locate(forgotten.facts()).refusal

    two = at(Stage.RECOVERED)
    two.there.append(replace(two.there[0], instance="i-second"))
    two.states["i-second"] = "running"
    assert "has several recovery instances" in locate(two.facts()).refusal

    unread = replace(at(Stage.RECOVERED).facts(), unread="account 222222222222 in us-east-1: no answer")
    assert locate(unread).refusal == "not everything can be read: account 222222222222 in us-east-1: no answer"
    assert all(objection(unread, action) for action in Action)


def test_a_machine_whose_recovered_instance_is_gone_while_the_original_runs_is_protected() -> None:
    machine = at(Stage.RECOVERED)
    machine.states[machine.production] = "terminated"
    assert locate(machine.facts()).stage == Stage.PROTECTED


def test_the_original_is_ended_only_when_nothing_else_replicates_it() -> None:
    machine = at(Stage.PROTECTED_AGAIN)
    while locate(machine.facts(), end_original=True).action != Action.END_ORIGINAL:
        step(machine, end_original=True)
    facts = machine.facts()
    assert locate(facts).stage == Stage.PROTECTED
    assert objection(replace(facts, original_protected_by="s-other"), Action.END_ORIGINAL) == (
        "s-other replicates i-original"
    )
    machine.states["i-original"] = "shutting-down"
    assert locate(machine.facts(), end_original=True).waiting == "i-original is shutting down"
    machine.states["i-original"] = "terminated"
    assert locate(machine.facts(), end_original=True).stage == Stage.PROTECTED


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def view(machine: SimulatedMachine) -> dict[str, Any]:
    facts = machine.facts()
    return describe(facts, locate(facts), NOW)


def test_people_read_where_a_machine_is_and_what_comes_next() -> None:
    assert view(SimulatedMachine())["line"] == "pay-db-1: protected"
    assert view(at(Stage.RECOVERED))["line"] == "pay-db-1: recovered; next: replicate it back to where it came from"
    refused = at(Stage.RECOVERED)
    refused.states[refused.production] = "stopped"
    assert view(refused)["line"] == f"pay-db-1: refused: {view(refused)['refusal']}"
    shutting = at(Stage.PROTECTED_AGAIN)
    while not shutting.terminating:
        step(shutting, end_original=False)
    assert view(shutting)["line"].startswith("pay-db-1: protected_again; job drsjob-1 terminates i-there-")


def test_the_eta_of_a_first_copy_is_by_its_pace_where_drs_gives_none() -> None:
    facts = at(Stage.REVERSING).facts()
    assert facts.returning is not None
    copying = Replication("INITIAL_SYNC", lag=60.0, total=8 * 1024**3, replicated=2 * 1024**3)
    returning = replace(facts.returning, replication=copying, first_byte_at="2026-11-24T11:00:00Z")
    facts = replace(facts, returning=returning)
    shown = describe(facts, locate(facts), NOW)
    assert shown["progress"]["eta"] == "2026-11-24T15:00:00.000Z"
    assert shown["line"].endswith("6.0 GiB of 8.0 GiB left, lag 1m 00s, ready about 2026-11-24T15:00:00.000Z")
    late = replace(returning, replication=replace(copying, eta=NOW))
    facts = replace(facts, returning=late)
    assert describe(facts, locate(facts), NOW)["progress"]["eta"] == "2026-11-24T12:00:00.000Z"
