"""A run that is aborted from outside, and one whose execution was stopped and that goes on from its records."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError

from tests.functions.run_control import MACHINE_ARN, execute, stop_executions, until
from tests.support.orchestrator import KEYS, Orchestrator

NewRun = Callable[[], str]
FAULT = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}


def paused(orchestrator: Orchestrator, run_id: str) -> str:
    """Start a drill whose only server of wave 1 fails, and return its execution once it asks what to do."""
    orchestrator.change_source_server("db-1", fail_launch=FAULT)
    arn = orchestrator.start("test", run_id)
    orchestrator.follow(arn, until_paused=True)
    return arn


def test_an_abort_answers_what_is_asked_and_cleans_up(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    arn = paused(orchestrator, run_id)
    assert execute(orchestrator, "aborted", run_id, check_mode=True)["changed"]
    assert orchestrator.runs.open_pauses(run_id) != []
    assert execute(orchestrator, "aborted", run_id)["changed"]
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted")
    (pause,) = orchestrator.runs.pauses(run_id)
    assert (pause["decision"], pause["decision_reason"]) == ("abort", "the test says so")
    assert "abort_requested" in orchestrator.kinds(run_id)
    assert orchestrator.client("drs").describe_recovery_instances(filters={})["items"] == []
    assert orchestrator.runs.lock_owners(KEYS.values()) == {}
    again = execute(orchestrator, "aborted", run_id)
    assert (again["changed"], again["status"]) == (False, "aborted")


@pytest.mark.parametrize("phase", ["servers_discovered", "job_started", "wave_ended"])
def test_a_run_whose_executions_were_stopped_goes_on_from_its_records(
    orchestrator: Orchestrator, new_run: NewRun, slowly: None, phase: str
) -> None:
    run_id = new_run()
    arn = orchestrator.start("test", run_id)
    until(orchestrator, run_id, phase)
    with pytest.raises(ConflictError, match="is being executed"):
        execute(orchestrator, "resumed", run_id)
    stop_executions(orchestrator)
    resumed = execute(orchestrator, "resumed", run_id)
    assert resumed["execution_arn"] == f"{arn}-r1"
    orchestrator.aws.control("clock", {"pace": None})
    execution = orchestrator.follow(resumed["execution_arn"])
    assert json.loads(execution["output"]) == {"run_id": run_id, "status": "succeeded"}
    assert set(orchestrator.statuses(run_id).values()) == {"cleaned_up"}
    assert len(orchestrator.jobs(run_id)) == 2
    assert orchestrator.kinds(run_id).count("run_opened") == 1
    with pytest.raises(ConflictError, match="has ended as succeeded"):
        execute(orchestrator, "resumed", run_id)


def test_an_execution_under_another_name_executes_no_run(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    states = orchestrator.client("stepfunctions")
    request = {"run_id": run_id, "plan": "small", "requested_by": "me"}
    arn = states.start_execution(
        stateMachineArn=f"{MACHINE_ARN}test", name=f"{run_id}-other", input=json.dumps(request)
    )["executionArn"]
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidRequest")
    assert orchestrator.runs.get_run(run_id) is None
