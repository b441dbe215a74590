"""Servers enter a failback where AWS shows them, and are followed until they are in sync."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_following as following
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import way_home
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action, Kind, Stage, locate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import Look
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_words import Position
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.replication_progress import Replication
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import at, record
from tests.unit.core.simulated_machine import FORWARD, RefusedError, SimulatedMachine

STALL = 3600


def machine_at(stage: str) -> SimulatedMachine:
    """Return a machine on its way, by the stage that AWS shows."""
    machine = SimulatedMachine()
    steps = {
        "protected": (),
        "recovered": (machine.fail_over,),
        "refused": (machine.fail_over,),
        "reversing": (machine.fail_over, lambda: machine.do(Action.REVERSE_REPLICATION)),
    }
    into = {"in_sync": "", "returned": "launch", "protecting_again": "protect_again", "protected_again": ""}
    for step in steps.get(stage, steps["reversing"]):
        step()
    for name, action in into.items() if stage in into else ():
        machine.work()
        machine.work()
        if action and stage != "in_sync":
            machine.do(Action(action))
        if name == stage:
            break
    if stage == "refused":
        machine.states[machine.production] = "stopped"
    return machine


def enter(machine: SimulatedMachine, before: ServerRecord | None = None, **options: Any) -> ServerRecord:
    facts = machine.facts()
    options = {"drill": False, "now": at(0), **options}
    return way_home.new_record(before or record(source_server_id=FORWARD), facts, locate(facts), **options)


def look(
    machine: SimulatedMachine,
    before: ServerRecord,
    seconds: float = 0,
    retried: float | None = None,
    drill: bool = False,
) -> Look:
    facts = machine.facts()
    seen = {FORWARD: (facts, locate(facts))}
    retried_at = None if retried is None else at(retried)
    return following.follow(
        [before], seen, stall=STALL, max_lag=900, retried_at=retried_at, now=at(seconds), drill=drill
    )


def placed(position: Position, before: ServerRecord, seconds: float = 0, retried: float | None = None) -> Look:
    """Look at a machine whose position is what the test says."""
    seen = {FORWARD: (machine_at("reversing").facts(), position)}
    retried_at = None if retried is None else at(retried)
    return following.follow([before], seen, stall=STALL, max_lag=900, retried_at=retried_at, now=at(seconds))


class TestEntering:
    @pytest.mark.parametrize(
        ("stage", "status", "instance"),
        [
            ("protected", "skipped", None),
            ("recovered", "pending", None),
            ("reversing", "pending", None),
            ("in_sync", "pending", None),
            ("returned", "launched", "i-here-3"),
            ("protecting_again", "validated", "i-here-3"),
            ("protected_again", "validated", "i-here-3"),
            ("refused", "skipped", None),
        ],
    )
    def test_a_server_enters_where_it_is(self, stage: str, status: str, instance: str | None) -> None:
        found = enter(machine_at(stage))
        assert (found.way_home["stage"], found.status, found.instance_id) == (stage, status, instance)
        assert bool(found.validated_at) is (status == "validated")
        assert found.was_home is (stage == "protected")
        assert (found.account_id, found.region) == ("222222222222", "us-east-1")

    def test_one_that_takes_no_part_says_why(self) -> None:
        assert enter(machine_at("protected")).reason == "is not recovered"
        assert enter(machine_at("refused")).reason.startswith("cannot go home: recovered instance i-there-1 is stopped")

    @pytest.mark.parametrize("stage", ["returned", "protecting_again", "protected_again"])
    def test_what_is_at_home_needs_no_rehearsal(self, stage: str) -> None:
        found = enter(machine_at(stage), drill=True)
        assert (found.status, found.reason) == ("skipped", "runs at home already")

    def test_the_source_server_is_the_one_that_leads_home_once_it_is_there(self) -> None:
        assert enter(machine_at("recovered")).source_server_id == ""
        assert enter(machine_at("reversing")).source_server_id == "s-back0000000000002"

    def test_what_was_put_right_takes_part_again(self) -> None:
        machine = machine_at("refused")
        before = enter(machine)
        machine.restart_original()
        assert way_home.may_enter_anew(before)
        assert enter(machine, before).status == "pending"

    def test_what_a_person_has_decided_stays(self) -> None:
        (skipped,) = following.left_out([enter(machine_at("reversing"))])
        assert not way_home.may_enter_anew(skipped)
        assert not way_home.may_enter_anew(replace(enter(machine_at("in_sync")), attempts=1))

    def test_another_source_server_has_a_progress_of_its_own(self) -> None:
        machine = machine_at("in_sync")
        before = following.settled(look(machine, enter(machine)).records[0], at(0))
        assert before.way_home["settings_at"]
        machine.back[0].server_id = "s-another0000000001"
        after = enter(machine, before).way_home
        assert (after["settings_at"], after["in_sync_at"], after["progress"]) == (None, None, {})


class TestFollowing:
    def test_a_server_is_reversed_followed_and_set(self) -> None:
        machine = machine_at("recovered")
        first = look(machine, enter(machine))
        assert first.begin == {Action.REVERSE_REPLICATION: ("server-1",)}
        begun = following.begun(first.records[0], Action.REVERSE_REPLICATION)
        machine.do(Action.REVERSE_REPLICATION)
        second = look(machine, begun, 30)
        assert second.done == (("server-1", "reverse_replication"),)
        assert second.begin == {}
        assert following.counts(second.records) == {"reversing": 1}
        machine.work()
        machine.work()
        third = look(machine, second.records[0], 600)
        assert third.done == ()
        assert third.unset == third.records
        assert following.is_in_sync(third.records[0])
        (settled,) = (following.settled(one, at(600)) for one in third.unset)
        assert look(machine, settled, 630).unset == ()

    @pytest.mark.parametrize(("stage", "status"), [("returned", "launched"), ("protecting_again", "validated")])
    def test_what_another_run_has_launched_meanwhile_is_not_launched_again(self, stage: str, status: str) -> None:
        before = enter(machine_at("in_sync"))
        (after,) = look(machine_at(stage), before, 60).records
        assert (after.status, after.instance_id) == (status, "i-here-3")
        (rehearsed,) = look(machine_at(stage), before, 60, drill=True).records
        assert (rehearsed.status, rehearsed.instance_id) == ("skipped", None)

    def test_what_drs_refuses_for_long_is_told_of(self) -> None:
        machine = machine_at("recovered")
        begun = following.begun(look(machine, enter(machine)).records[0], Action.REVERSE_REPLICATION)
        refused = following.refused(begun, "it has not finished initializing", at(0))
        again = following.refused(refused, "it has not finished initializing", at(60))
        assert again == refused
        assert look(machine, again, following.PATIENCE - 1).troubles == {}
        assert look(machine, again, following.PATIENCE).troubles == {"server-1": "it has not finished initializing"}
        assert look(machine, again, following.PATIENCE, retried=10).troubles == {}
        assert following.accepted(again).way_home["refused"] is None

    def test_what_cannot_go_on_is_told_of(self) -> None:
        before = look(machine_at("reversing"), enter(machine_at("reversing"))).records[0]
        assert "is stopped" in look(machine_at("refused"), before).troubles["server-1"]
        assert look(machine_at("protected"), before).troubles == {"server-1": "it is not recovered any more"}
        gone = following.follow([before], {}, stall=STALL, max_lag=900, retried_at=None, now=at(0))
        assert "does not show the source server" in gone.troubles["server-1"]

    def test_a_machine_that_does_not_run_is_told_of_before_it_is_in_sync(self) -> None:
        for stage, told in (("reversing", "i-there-1 is stopped: start it"), ("in_sync", "")):
            machine = machine_at(stage)
            before = look(machine, enter(machine)).records[0]
            machine.states[machine.production] = "stopped"
            assert told in look(machine, before, 60).troubles.get("server-1", "")

    def test_what_waits_for_a_person_is_told_of(self) -> None:
        before = enter(machine_at("reversing"))
        position = Position(Kind.ON_PREMISES, Stage.REVERSING, waiting="boot the client", needs_person=True)
        assert placed(position, before).troubles == {"server-1": "boot the client"}

    def test_what_is_waited_for_without_replication_is_told_of_after_the_time_of_the_plan(self) -> None:
        position = Position(Kind.ON_PREMISES, Stage.RECOVERED, waiting="no client is paired")
        before = placed(position, enter(machine_at("recovered"))).records[0]
        assert placed(position, before, STALL - 1).troubles == {}
        assert placed(position, before, STALL).troubles == {"server-1": "no client is paired"}
        assert placed(position, before, STALL, retried=1).troubles == {}
        assert following.news([before], at(0))["slowest"] == {"server_key": "server-1", "text": "no client is paired"}

    @pytest.mark.parametrize(
        ("state", "lag", "still"),
        [
            ("BACKLOG", 900.0, True),
            ("BACKLOG", 901.0, False),
            ("RESCAN", None, False),
            ("STALLED", 0.0, False),
            ("PAUSED", 0.0, False),
        ],
    )
    def test_who_was_in_sync_still_is_within_the_lag_of_the_plan(
        self, state: str, lag: float | None, still: bool
    ) -> None:
        machine = machine_at("in_sync")
        before = look(machine, enter(machine)).records[0]
        position = Position(Kind.CROSS_REGION, Stage.REVERSING, replication=Replication(state, lag=lag))
        assert following.is_in_sync(placed(position, before, 60).records[0]) is still

    def test_what_is_being_launched_was_in_sync(self) -> None:
        position = Position(Kind.CROSS_REGION, Stage.LAUNCHING, waiting="job drsjob-1 launches it at home")
        after = placed(position, enter(machine_at("in_sync"))).records[0]
        assert following.is_in_sync(after)

    def test_a_decision_to_skip_leaves_out_who_is_not_in_sync(self) -> None:
        machine = machine_at("in_sync")
        there = look(machine, enter(machine)).records[0]
        late = replace(enter(machine_at("reversing")), server_key="server-2")
        done = replace(there, server_key="server-3", status="launched")
        unset = following.troubled(replace(there, server_key="server-4"), "its template is gone")
        left = following.left_out([there, late, done, unset])
        assert [(one.server_key, one.status, one.reason) for one in left] == [
            ("server-2", "skipped", "skipped by an operator while reversing"),
            ("server-4", "skipped", "skipped by an operator while in_sync: its template is gone"),
        ]


class TestTelling:
    def test_questions_name_a_few_servers_and_count_the_others(self) -> None:
        troubles = {f"server-{number}": "it is stuck" for number in range(1, 9)}
        asked = following.question(troubles)
        assert asked.startswith("8 servers do not get on. server-1: it is stuck; server-2")
        assert asked.endswith("server-5: it is stuck; and 3 more")
        assert len(following.question(dict.fromkeys(troubles, "x" * 200))) < 2000

    def test_reasons_tell_counts_and_the_slowest(self) -> None:
        machine = machine_at("reversing")
        records = [look(machine, enter(machine)).records[0], enter(machine_at("recovered"))]
        told = following.news(records, at(0))
        assert following.reason(told) == "2 servers: 1 recovered, 1 reversing; slowest server-1: INITIATING"
        assert following.reason(following.news([], at(0))) == "0 servers: "

    def test_as_long_as_something_is_to_be_reversed_looks_are_close(self) -> None:
        far = Replication("INITIAL_SYNC", total=100, replicated=1, eta=at(86400))
        position = Position(Kind.CROSS_REGION, Stage.REVERSING, replication=far)
        slow = placed(position, enter(machine_at("reversing"))).records[0]
        assert following.next_look([slow], stall=STALL, now=at(0)) == 600
        assert following.next_look([slow, enter(machine_at("recovered"))], stall=STALL, now=at(0)) == 30


@given(st.lists(st.sampled_from(["work", "work", "act", "act", "stall", "stop_back", "lose_original"]), max_size=40))
def test_whatever_happens_each_step_is_begun_once_and_done_once(course: list[str]) -> None:
    machine = machine_at("recovered")
    current = enter(machine)
    open_steps: list[str] = []
    for number, name in enumerate(course):
        found = look(machine, current, number * 60)
        (current,) = found.records
        for _key, action in found.done:
            assert open_steps == [action]
            open_steps.clear()
        if name != "act":
            getattr(machine, name)()
            continue
        for action in found.begin:
            if current.way_home["doing"] != action:
                open_steps = [action.value]
            current = following.begun(current, action)
            with contextlib.suppress(RefusedError):
                machine.do(action)
