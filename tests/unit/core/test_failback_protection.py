"""What is done next with servers that came home, what is remembered of it, and when a person is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_protection as protection
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action, Stage, locate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import Seen
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_protection import Look
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

from tests.unit.core.simulated_machine import FORWARD, SimulatedMachine
from tests.unit.core.test_failback import at

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(machine: SimulatedMachine, **way: Any) -> ServerRecord:
    """Return the record of a machine that its wave has launched and validated."""
    known = {
        "kind": "cross_region",
        "protecting_server_id": FORWARD,
        "stage": "in_sync",
        "stage_since": format_time(NOW),
        "doing": None,
        "refused": None,
        "progress": {},
        **way,
    }
    return ServerRecord(
        "pay-db-1",
        1,
        machine.back[0].server_id if machine.back else "",
        critical=True,
        status="validated",
        validated_at=format_time(NOW),
        way_home=known,
    )


def seen(machine: SimulatedMachine) -> Seen:
    facts = machine.facts()
    return {FORWARD: (facts, locate(facts))}


def look(machine: SimulatedMachine, known: ServerRecord, now: datetime = NOW, **options: Any) -> Look:
    return protection.follow([known], seen(machine), **{"stall": 3600, "retried_at": None, **options}, now=now)


def test_what_was_begun_is_done_when_aws_shows_it() -> None:
    machine = at(Stage.RETURNED)
    first = look(machine, record(machine))
    assert protection.next_action(first, ()) == (Action.PROTECT_AGAIN, ("pay-db-1",))
    assert protection.next_action(first, {("pay-db-1", Action.PROTECT_AGAIN)}) is None
    begun = protection.begun(first.records[0], Action.PROTECT_AGAIN, NOW)
    assert look(machine, begun).done == ()
    machine.do(Action.PROTECT_AGAIN)
    after = look(machine, begun, NOW + HOUR)
    assert after.done == (("pay-db-1", "protect_again"),)
    way = after.records[0].way_home
    assert (way["doing"], way["stage"], way["progress"]["state"]) == (None, "protecting_again", "STALLED")
    assert look(machine, after.records[0], NOW + HOUR).done == ()


def test_a_refusal_that_passes_is_asked_about_after_a_while_and_counts_anew_after_a_retry() -> None:
    machine = at(Stage.RETURNED)
    begun = protection.begun(look(machine, record(machine)).records[0], Action.PROTECT_AGAIN, NOW)
    refused = protection.refused(begun, Action.PROTECT_AGAIN, "not finished initializing", NOW, for_good=False)
    again = protection.refused(refused, Action.PROTECT_AGAIN, "not finished initializing", NOW + HOUR, for_good=False)
    assert again.way_home["refused"]["since"] == format_time(NOW)
    assert look(machine, again, NOW + HOUR / 2).troubles == {}
    asked = look(machine, again, NOW + HOUR)
    assert asked.troubles == {"pay-db-1": "not finished initializing (for 1h 00m 00s)"}
    assert asked.begin == {}
    retried = look(machine, asked.records[0], NOW + HOUR * 1.5, retried_at=NOW + HOUR)
    assert retried.troubles == {}
    assert set(retried.begin) == {Action.PROTECT_AGAIN}
    machine.do(Action.PROTECT_AGAIN)
    assert look(machine, again, NOW + HOUR).records[0].way_home["refused"] is None


def test_a_refusal_for_good_is_the_trouble_by_which_a_decision_finds_the_server() -> None:
    machine = at(Stage.RETURNED)
    begun = protection.begun(look(machine, record(machine)).records[0], Action.PROTECT_AGAIN, NOW)
    refused = protection.refused(begun, Action.PROTECT_AGAIN, "no such template", NOW, for_good=True)
    assert refused.way_home["trouble"] == "DRS refuses to protect again: no such template"
    (left,) = protection.left_as_they_are([refused], "me: so be it")
    assert left.way_home["left_as_is"] == "me: so be it"
    assert not protection.is_due(left)
    (not_left,) = protection.left_as_they_are([begun], "me: so be it")
    assert not_left == begun


def test_an_action_without_effect_is_tried_three_times() -> None:
    machine = at(Stage.PROTECTED_AGAIN)
    while locate(machine.facts()).action != Action.TERMINATE_RECOVERED:
        machine.do(locate(machine.facts()).action or Action.LAUNCH)
    known = look(machine, record(machine, stage="protected_again")).records[0]
    for times in (1, 2, 3):
        now = NOW + times * timedelta(minutes=5)
        assert set(look(machine, known, now).begin) == {Action.TERMINATE_RECOVERED}
        known = protection.begun(known, Action.TERMINATE_RECOVERED, now)
        assert protection.begun(known, Action.TERMINATE_RECOVERED, now) == known, "a repeated call counts once"
        known = look(machine, protection.accepted(known), now).records[0]
    asked = look(machine, known, NOW + HOUR)
    assert "DRS took terminate_recovered 3 times, and nothing has changed" in asked.troubles["pay-db-1"]
    retried = look(machine, asked.records[0], NOW + 2 * HOUR, retried_at=NOW + HOUR)
    assert set(retried.begin) == {Action.TERMINATE_RECOVERED}


@pytest.mark.parametrize("minutes", [1, 61])
def test_a_job_that_takes_too_long_is_asked_about(minutes: int) -> None:
    machine = at(Stage.PROTECTED_AGAIN)
    while not machine.terminating:
        machine.do(locate(machine.facts()).action or Action.LAUNCH)
    known = look(machine, record(machine, stage="protected_again")).records[0]
    told = look(machine, known, NOW + timedelta(minutes=minutes)).troubles
    assert bool(told) == (minutes == 61)
    assert all("job drsjob-1 terminates i-there-" in text for text in told.values())


def test_who_is_not_at_home_any_more_needs_a_person() -> None:
    machine = at(Stage.RECOVERED)
    assert look(machine, record(machine)).troubles == {"pay-db-1": "it does not run at home any more: it is recovered"}
    gone = protection.follow([record(machine)], {}, stall=3600, retried_at=None, now=NOW)
    assert gone.troubles == {"pay-db-1": "DRS does not show the source server that protects it any more"}
    machine.states[machine.production] = "stopped"
    assert "start it, or fail over anew" in look(machine, record(machine)).troubles["pay-db-1"]


def test_a_machine_is_due_until_the_last_step_was_told_of() -> None:
    machine = at(Stage.RETURNED)
    known = record(machine)
    assert protection.is_due(known)
    assert not protection.is_due(replace(known, status="failed", validated_at=None))
    assert not protection.is_due(replace(known, way_home={}))
    assert protection.is_due(record(machine, stage="protected", doing="delete_returning"))
    assert not protection.is_due(record(machine, stage="protected"))
    done = SimulatedMachine()
    over = look(done, record(done, doing="reverse_replication"))
    assert (over.done, protection.is_due(over.records[0])) == ((), False)
