"""Waves side by side, one after the other, aborted and continued: the real definitions with the real functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_budget import budget_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

from tests.support.embedded import TARGET
from tests.support.histories import LONGEST_HISTORY, histories
from tests.support.orchestrator import KEYS, PREFIX, REGION, Orchestrator, definition

NewRun = Callable[[], str]

SIDE_BY_SIDE: dict[str, Any] = {
    "waves": [
        {"name": "reports", "groups": ["rep"], "retries": 0, "depends_on": ["databases", "applications"]},
        {"name": "databases", "groups": ["db"], "retries": 0, "depends_on": []},
        {"name": "applications", "groups": ["app"], "retries": 0, "depends_on": []},
    ],
    "optional_servers": [],
}
CAPACITY = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}


def times(orchestrator: Orchestrator, run_id: str) -> dict[str, tuple[datetime, datetime]]:
    """Return when each wave started and ended, by name."""
    return {
        wave["name"]: (parse_time(wave["started_at"]), parse_time(wave["ended_at"]))
        for wave in orchestrator.runs.get_waves(run_id)
    }


def test_trap_depends_on_ignored(orchestrator: Orchestrator, new_run: NewRun) -> None:
    """Waves run side by side, and those that depend on them follow all of them, at once."""
    run_id = new_run()
    waves = [dict(wave) for wave in SIDE_BY_SIDE["waves"]]
    waves[1]["soak"] = 3600
    orchestrator.publish(name="side-by-side", **{**SIDE_BY_SIDE, "waves": waves})
    execution = orchestrator.follow(orchestrator.start("test", run_id, plan="side-by-side"))
    assert json.loads(execution["output"])["status"] == "succeeded"
    ran = times(orchestrator, run_id)
    assert max(ran["databases"][0], ran["applications"][0]) < min(ran["databases"][1], ran["applications"][1])
    validated = next(
        parse_time(server["validated_at"])
        for server in orchestrator.runs.get_servers(run_id)
        if server["server_key"] == KEYS["db-1"]
    )
    assert ran["databases"][1] - validated >= timedelta(seconds=3600)
    assert timedelta() <= ran["reports"][0] - ran["databases"][1] <= timedelta(seconds=5)
    assert ran["reports"][0] >= ran["applications"][1]
    assert orchestrator.runs.turn_tokens(run_id) == {}

    budget = budget_of(parse_plan(orchestrator.runs.get_run(run_id)["plan"]))
    lengths = {name: len(events) for name, events in histories(orchestrator, run_id).items()}
    assert 50 < lengths.pop(run_id) <= budget.run_events
    assert len(lengths) == 3
    assert 50 < max(lengths.values()) <= budget.wave_events


def test_a_paused_wave_holds_only_those_that_wait_for_it_and_an_abort_waits_for_drs(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    decision = {"timeout": 3600, "default": "abort", "four_eyes": True}
    orchestrator.publish(name="side-by-side", **SIDE_BY_SIDE, decision=decision)
    orchestrator.change_source_server("db-1", fail_launch=CAPACITY)
    me = caller(orchestrator.client("sts")).arn
    arn = orchestrator.start("test", run_id, plan="side-by-side", requested_by=me)
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses(run_id)
    assert (pause["wave"], pause["not_by"]) == (2, me)
    with pytest.raises(ConflictError, match="four eyes"):
        orchestrator.decide(run_id, "retry")
    running = orchestrator.statuses(run_id)
    assert (running["db-1"], running["rep-1"]) == ("failed", "pending")
    orchestrator.decide(run_id, "abort")
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted")
    waves = {wave["name"]: wave for wave in orchestrator.runs.get_waves(run_id)}
    assert waves["reports"]["started_at"] is None
    statuses = orchestrator.statuses(run_id)
    assert (statuses["db-1"], statuses["rep-1"]) == ("failed", "skipped")
    jobs = orchestrator.jobs(run_id)
    assert {job["status"] for job in jobs} == {"COMPLETED"}
    launched = {
        server["sourceServerID"]
        for job in jobs
        for server in job["participatingServers"]
        if server["launchStatus"] == "LAUNCHED"
    }
    servers = {item["source_server_id"]: item for item in orchestrator.runs.get_servers(run_id)}
    assert launched
    assert all(servers[server]["instance_id"] for server in launched)
    assert orchestrator.client("drs").describe_recovery_instances(filters={})["items"] == []
    assert orchestrator.runs.lock_owners(KEYS.values()) == {}


def test_a_wave_that_takes_long_goes_on_in_fresh_children(orchestrator: Orchestrator, new_run: NewRun) -> None:
    """So that no history has more than 5,000 events, whether its looks succeed at once or are retried."""
    run_id = new_run()
    throttle = {"service": "drs", "operation": "DescribeJobs", "error": "ThrottlingException", "status": 429}
    orchestrator.aws.control("faults", {**throttle, "skip": 6, "times": 16})
    states = orchestrator.client("stepfunctions")
    machine = f"arn:aws:states:{REGION}:{TARGET}:stateMachine:{PREFIX}-wave"
    text = definition("wave")
    assert text.count("$looks < 400") == 4
    states.update_state_machine(stateMachineArn=machine, definition=text.replace("$looks < 400", "$looks < 8"))
    try:
        execution = orchestrator.follow(orchestrator.start("test", run_id))
    finally:
        states.update_state_machine(stateMachineArn=machine, definition=text)
    assert execution["status"] == "SUCCEEDED"
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
    children = [item for page in pages for item in page["executions"] if item["name"].startswith(f"{run_id}-w")]
    assert {item["status"] for item in children} == {"SUCCEEDED"}
    assert len(children) > 2
    assert len(orchestrator.jobs(run_id)) == 2
    events = {name: events for name, events in histories(orchestrator, run_id).items() if name != run_id}
    retried = [sum(event["type"] == "TaskFailed" for event in own) for own in events.values()]
    assert sum(retried) > 2
    longest = max(len(own) for own in events.values())
    assert longest / 8 * 400 <= LONGEST_HISTORY


def test_a_day_of_waiting_for_a_person_and_for_a_turn_makes_no_history(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    orchestrator.publish(name="patient", decision={"timeout": 200_000, "default": "abort"})
    orchestrator.change_source_server("db-1", fail_launch=CAPACITY)
    arn = orchestrator.start("test", run_id, plan="patient")
    orchestrator.follow(arn, until_paused=True)
    before = {name: len(events) for name, events in histories(orchestrator, run_id).items()}
    orchestrator.aws.control("clock", {"advance": 90_000})
    after = {name: len(events) for name, events in histories(orchestrator, run_id).items()}
    assert before.keys() == after.keys()
    assert 0 < after[run_id] - before[run_id] < 20, "the wave that waits for its turn looks once a day"
    assert after[f"{run_id}-w01-1"] == before[f"{run_id}-w01-1"]
    orchestrator.decide(run_id, "abort")
    assert orchestrator.follow(arn)["error"] == "aborted"
