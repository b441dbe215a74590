"""Failover and failback, twice: the second cycle is as the first, and the end is as the beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.embedded import EmbeddedAws
from tests.support.failback_cycles import Cycles
from tests.support.orchestrator import ESTATE, KEYS, Orchestrator

ACTIONS = frozenset(
    {
        "reverse_replication",
        "protect_again",
        "stop_returning",
        "terminate_recovered",
        "forget_returned",
        "disconnect_returning",
        "delete_returning",
    }
)
"""What is done to every server between its failover and the end of its failback, beside its launch."""

BY_LOOKS = frozenset({"replication_followed", "settings_written", "job_ended"})
"""Events that tell of all servers which a look found: how many there are depends on which moment it came."""

INTERRUPTED = (
    "run_opened",
    "servers_correlated",
    "servers_discovered",
    "gate_passed",
    "failback_step_begun",
    "failback_step_done",
    "wave_started",
    "templates_prepared",
    "job_started",
    "server_launched",
    "server_validated",
    "wave_ended",
)


@pytest.fixture(params=["launch_into", "replace"], scope="module")
def cycles(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cycles]:
    """An estate of its own for every choice of what becomes of the original instances."""
    estate = yaml.safe_load(ESTATE.read_text(encoding="utf-8"))
    # DRS launches only into instances that have its policies.
    estate["server_defaults"]["instance_profile"] = "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole"
    aws = EmbeddedAws(estate)
    try:
        orchestrator = Orchestrator(aws, tmp_path_factory.mktemp("archive"))
        orchestrator.publish(failback={"original_instance": request.param})
        yield Cycles(orchestrator)
    finally:
        aws.stop()


def instances_of(cycles: Cycles, run_id: str) -> dict[str, Any]:
    return {item["server_key"]: item["instance_id"] for item in cycles.orchestrator.runs.get_servers(run_id)}


def assert_succeeded(cycles: Cycles, run_id: str, run: dict[str, Any]) -> None:
    events = [(event["kind"], event["data"]) for event in cycles.orchestrator.runs.events(run_id)][-5:]
    assert run["status"] == "succeeded", (run.get("error"), events)
    assert set(cycles.orchestrator.statuses(run_id).values()) == {"validated"}
    assert {item["server_key"] for item in cycles.orchestrator.runs.get_servers(run_id)} == set(KEYS.values())


def test_two_cycles_are_the_same_and_end_where_they_began(cycles: Cycles) -> None:
    beginning, before = cycles.portrait(), cycles.terminations()
    assert len(beginning["at home"]) == len(KEYS)
    assert (beginning["elsewhere"], beginning["recovery instances"], beginning["returning"]) == ([], [], [])
    recovered: list[dict[str, Any]] = []
    told: list[Counter[str]] = []
    for cycle in (1, 2):
        assert_succeeded(cycles, f"over-{cycle}", cycles.run("failover", f"over-{cycle}"))
        recovered.append(cycles.portrait())
        assert_succeeded(cycles, f"back-{cycle}", cycles.run("failback", f"back-{cycle}"))
        told.append(Counter(one for one in cycles.moments(f"back-{cycle}") if one not in BY_LOOKS))
        assert cycles.portrait() == beginning
    # The servers are the same, and run somewhere else.
    assert recovered[0]["elsewhere"] == recovered[1]["elsewhere"]
    assert len(recovered[0]["elsewhere"]) == len(KEYS)
    assert told[0] == told[1]
    for action in ACTIONS:
        assert told[0][f"failback_step_done {action}"] == len(KEYS), action
    gone = [*instances_of(cycles, "over-1").values(), *instances_of(cycles, "over-2").values()]
    assert cycles.terminations() - before == dict.fromkeys(gone, 1)


@pytest.mark.parametrize("cycles", ["launch_into"], indirect=True)
def test_a_failback_that_is_killed_after_every_step_ends_as_if_nothing_had_happened(cycles: Cycles) -> None:
    beginning, before = cycles.portrait(), cycles.terminations()
    assert_succeeded(cycles, "over-3", cycles.run("failover", "over-3"))
    cycles.orchestrator.aws.control("clock", {"pace": 0.01})
    try:
        seen, executions = cycles.interrupted("failback", "back-3", INTERRUPTED)
    finally:
        cycles.orchestrator.aws.control("clock", {"pace": None})
    # What follows protect-again's wait for the termination is one call: tests/functions/test_crashes.py kills that.
    for action in ("reverse_replication", "protect_again", "stop_returning", "terminate_recovered"):
        assert f"failback_step_begun {action}" in seen
    assert {"job_started", "server_validated", "wave_ended", "failback_step_done protect_again"} <= set(seen)
    assert executions >= len(seen)  # the last call may close the run before it is killed
    assert_succeeded(cycles, "back-3", cycles.record("back-3"))
    assert cycles.portrait() == beginning
    assert cycles.terminations() - before == dict.fromkeys(instances_of(cycles, "over-3").values(), 1)


STOPPED_AT = (
    "failback_step_begun reverse_replication",
    "settings_written",
    "original_settled",
    "job_started",
    "failback_step_begun protect_again",
    "failback_step_begun terminate_recovered",
)
"""In the order of a failback: what an earlier run has done does not come again."""


@pytest.mark.parametrize("cycles", ["replace"], indirect=True)
def test_a_failback_that_is_given_up_after_a_step_is_gone_on_with_by_another_run(cycles: Cycles) -> None:
    beginning, before = cycles.portrait(), cycles.terminations()
    assert_succeeded(cycles, "over-4", cycles.run("failover", "over-4"))
    given_up = []
    cycles.orchestrator.aws.control("clock", {"pace": 0.01})
    try:
        for number, moment in enumerate(STOPPED_AT):
            if cycles.give_up("failback", f"back-4-{number}", moment):
                given_up.append(moment)
    finally:
        cycles.orchestrator.aws.control("clock", {"pace": None})
    assert given_up == list(STOPPED_AT)
    run = cycles.run("failback", "back-4")
    assert run["status"] == "succeeded"
    assert cycles.portrait() == beginning
    assert cycles.terminations() - before == dict.fromkeys(instances_of(cycles, "over-4").values(), 1)
