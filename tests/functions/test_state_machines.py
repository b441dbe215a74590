"""The state machines with the real functions: whole drills, every decision, trouble on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import WavePolicy

from tests.support.histories import LARGEST_STATE, histories, largest_state
from tests.support.orchestrator import IDS, KEYS, MACHINES, Orchestrator, definition

NewRun = Callable[[], str]
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("machine", MACHINES)
def test_aws_would_accept_the_definition(orchestrator: Orchestrator, machine: str) -> None:
    answer = orchestrator.client("stepfunctions").validate_state_machine_definition(definition=definition(machine))
    assert (answer["result"], answer["diagnostics"]) == ("OK", [])


def test_a_drill_recovers_every_server_and_leaves_nothing_behind(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    execution = orchestrator.follow(orchestrator.start("test", run_id))
    assert (execution["status"], json.loads(execution["output"])) == (
        "SUCCEEDED",
        {"run_id": run_id, "status": "succeeded"},
    )
    assert set(orchestrator.statuses(run_id).values()) == {"cleaned_up"}
    assert orchestrator.client("drs").describe_recovery_instances(filters={})["items"] == []
    assert len(orchestrator.jobs(run_id)) == 2
    _, second = orchestrator.runs.get_waves(run_id)
    last = max(parse_time(server["validated_at"]) for server in orchestrator.runs.get_servers(run_id, 1))
    assert timedelta() <= parse_time(second["started_at"]) - last <= WavePolicy().poll_seconds * SECOND + 5 * SECOND
    for events in histories(orchestrator, run_id).values():
        assert largest_state(events) <= LARGEST_STATE
    children = orchestrator.client("stepfunctions").list_executions(
        stateMachineArn=execution["stateMachineArn"].replace("dr-test", "dr-wave")
    )["executions"]
    assert {child["name"] for child in children if child["name"].startswith(f"{run_id}-")} == {
        f"{run_id}-w01-1",
        f"{run_id}-w02-1",
    }


def failed_launch(orchestrator: Orchestrator, run_id: str) -> str:
    """Start a drill whose only critical server of wave 1 fails once, and follow it until it is paused."""
    fault = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}
    orchestrator.change_source_server("db-1", fail_launch=fault)
    arn = orchestrator.start("test", run_id)
    assert orchestrator.follow(arn, until_paused=True)["status"] == "RUNNING"
    (pause,) = orchestrator.runs.open_pauses(run_id)
    assert (pause["step"], pause["wave"]) == ("reconcile-wave", 1)
    assert "InsufficientInstanceCapacity" in pause["reason"]
    return arn


@pytest.mark.parametrize(
    ("decision", "ends", "db_1", "others"),
    [
        ("retry", "succeeded", "cleaned_up", "cleaned_up"),
        ("continue", "succeeded_with_failures", "failed", "cleaned_up"),
        ("skip", "succeeded_with_failures", "skipped", "cleaned_up"),
        ("abort", "aborted", "failed", "skipped"),
    ],
)
def test_a_failed_launch_is_asked_about_and_the_decision_counts(
    orchestrator: Orchestrator, new_run: NewRun, decision: str, ends: str, db_1: str, others: str
) -> None:
    run_id = new_run()
    arn = failed_launch(orchestrator, run_id)
    orchestrator.decide(run_id, decision)
    execution = orchestrator.follow(arn)
    assert orchestrator.runs.get_run(run_id)["status"] == ends
    if ends.startswith("succeeded"):
        assert json.loads(execution["output"]) == {"run_id": run_id, "status": ends}
    else:
        assert (execution["status"], execution["error"]) == ("FAILED", ends)
        assert run_id in execution["cause"]
    statuses = orchestrator.statuses(run_id)
    assert statuses.pop("db-1") == db_1
    assert set(statuses.values()) == {others}
    assert orchestrator.runs.lock_owners(KEYS.values()) == {}
    assert orchestrator.runs.get_run(run_id)["evidence"] is not None


def test_without_an_answer_the_default_is_applied(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    arn = failed_launch(orchestrator, run_id)
    orchestrator.aws.control("clock", {"advance": 3700})
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted")
    (pause,) = orchestrator.runs.pauses(run_id)
    assert (pause["status"], pause["decision"]) == ("expired", "abort")


def test_an_optional_server_that_fails_stops_nothing(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    orchestrator.change_source_server("rep-1", fail_launch={"phase": "CONVERSION", "times": 1})
    execution = orchestrator.follow(orchestrator.start("test", run_id))
    assert json.loads(execution["output"])["status"] == "succeeded_with_failures"
    assert orchestrator.statuses(run_id)["rep-1"] == "failed"


def test_a_wave_tolerates_as_many_critical_failures_as_its_threshold(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    """A half of its two critical servers may fail: the first that does stops nothing, the second one does."""
    waves = [{"name": "all", "groups": ["db", "app", "rep"], "retries": 0, "max_failures": "50%"}]
    optional = [KEYS["rep-1"], KEYS["db-1"]]
    orchestrator.publish(name="tolerant", waves=waves, optional_servers=optional)
    for failing, outcome in ((["app-1", "db-1"], "succeeded_with_failures"), (["app-1", "app-2"], "aborted")):
        run_id = new_run()
        for name in failing:
            orchestrator.change_source_server(name, fail_launch={"phase": "CONVERSION", "times": 1})
        arn = orchestrator.start("test", run_id, plan="tolerant")
        orchestrator.follow(arn, until_paused=True)
        pauses = orchestrator.runs.open_pauses(run_id)
        assert [pause["reason"].split(":")[0] for pause in pauses] == (
            [] if outcome.startswith("succ") else ["2 critical servers failed, the wave tolerates 1"]
        )
        if pauses:
            orchestrator.decide(run_id, "abort")
        orchestrator.follow(arn)
        assert orchestrator.runs.get_run(run_id)["status"] == outcome


def test_throttles_and_faults_of_aws_are_waited_out(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    for service, operation, error, status in (
        ("drs", "StartRecovery", "ThrottlingException", 429),
        ("drs", "DescribeJobs", "InternalServerException", 500),
        ("drs", "GetLaunchConfiguration", "ThrottlingException", 429),
        ("dynamodb", "TransactWriteItems", "ThrottlingException", 400),
        ("ec2", "DescribeLaunchTemplates", "RequestLimitExceeded", 503),
        ("ec2", "ModifyLaunchTemplate", "RequestLimitExceeded", 503),
        ("stepfunctions", "SendTaskSuccess", "ThrottlingException", 400),
        ("dynamodb", "Query", "ThrottlingException", 400),
        ("ec2", "DescribeInstances", "RequestLimitExceeded", 503),
        ("sns", "Publish", "ThrottledException", 429),
    ):
        fault = {"service": service, "operation": operation, "error": error, "status": status, "times": 6}
        orchestrator.aws.control("faults", fault)
    execution = orchestrator.follow(orchestrator.start("test", run_id))
    assert execution["status"] == "SUCCEEDED"
    assert "run_paused" not in orchestrator.kinds(run_id)
    assert len(orchestrator.jobs(run_id)) == 2


def test_trap_state_over_256_kib(orchestrator: Orchestrator, new_run: NewRun) -> None:
    """What AWS refuses, at any length, is asked about and can be retried, and no state of the run grows by it."""
    run_id = new_run()
    refusal = {"service": "drs", "operation": "StartRecovery", "error": "AccessDeniedException", "status": 403}
    orchestrator.aws.control("faults", {**refusal, "message": "no " * 100_000})
    arn = orchestrator.start("test", run_id)
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses(run_id)
    assert "AccessDeniedException" in pause["reason"]
    assert "Traceback" not in pause["reason"]
    orchestrator.decide(run_id, "retry")
    assert orchestrator.follow(arn)["status"] == "SUCCEEDED"
    for events in histories(orchestrator, run_id).values():
        assert largest_state(events) <= LARGEST_STATE


def test_a_request_that_cannot_be_ends_at_once_with_one_clear_sentence(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    execution = orchestrator.follow(orchestrator.start("test", run_id, plan="unknown"))
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidRequest")
    assert execution["cause"].startswith("There is no plan 'unknown'")
    assert orchestrator.runs.get_run(run_id) is None


def test_a_run_that_cannot_be_written_ends_at_once_and_says_why(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    refusal = {
        "service": "dynamodb",
        "operation": "TransactWriteItems",
        "error": "AccessDeniedException",
        "status": 400,
    }
    orchestrator.aws.control("faults", refusal)
    execution = orchestrator.follow(orchestrator.start("test", run_id))
    assert (execution["status"], execution["error"]) == ("FAILED", "failed")
    assert execution["cause"].startswith(f"Run {run_id} was not opened: AwsRefused: ")
    assert "AccessDeniedException" in execution["cause"]
    assert orchestrator.runs.get_run(run_id) is None


def test_a_second_run_of_the_plan_ends_at_once_and_names_the_first(orchestrator: Orchestrator, new_run: NewRun) -> None:
    first, second = new_run(), new_run()
    arn = failed_launch(orchestrator, first)
    execution = orchestrator.follow(orchestrator.start("test", second))
    assert (execution["status"], execution["error"]) == ("FAILED", "failed")
    assert f"by run {first}" in orchestrator.runs.get_run(second)["error"]
    assert set(orchestrator.runs.lock_owners(KEYS.values()).values()) == {first}
    orchestrator.decide(first, "abort")
    orchestrator.follow(arn)


def test_trap_pause_on_first_wave_ignored(orchestrator: Orchestrator, new_run: NewRun) -> None:
    """A pause before the first wave holds it: at a gate that does not open nothing starts before somebody decides."""
    run_id = new_run()
    orchestrator.change_source_server("app-1", replication_state="BACKLOG", lag=5000)
    arn = orchestrator.start("test", run_id)
    orchestrator.follow(arn, until_paused=True)
    orchestrator.aws.control("clock", {"advance": 1800})
    assert orchestrator.jobs(run_id) == []
    assert [wave["started_at"] for wave in orchestrator.runs.get_waves(run_id)] == [None, None]
    orchestrator.decide(run_id, "continue")
    assert orchestrator.follow(arn)["status"] == "SUCCEEDED"


def test_a_server_that_fails_validation_is_launched_again_on_retry(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    refusal = {"service": "ec2", "operation": "DescribeInstanceStatus", "error": "UnauthorizedOperation", "status": 403}
    orchestrator.aws.control("faults", refusal)
    arn = orchestrator.start("test", run_id)
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses(run_id)
    assert pause["step"] == "validate"
    (record,) = orchestrator.runs.get_servers(run_id, 1)
    orchestrator.runs.put_servers(
        run_id, [{**record, "status": "failed", "reason": "validation failed: it does not answer"}]
    )
    orchestrator.decide(run_id, "retry")
    assert orchestrator.follow(arn)["status"] == "SUCCEEDED"
    launches = [
        job
        for job in orchestrator.jobs(run_id)
        if IDS["db-1"] in {item["sourceServerID"] for item in job["participatingServers"]}
    ]
    assert len(launches) == 2


def test_no_task_token_is_in_any_log(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    arn = failed_launch(orchestrator, run_id)
    token = orchestrator.runs.task_token(run_id, "001")
    orchestrator.decide(run_id, "abort")
    orchestrator.follow(arn)
    client = orchestrator.client("logs")
    groups = [group["logGroupName"] for group in client.describe_log_groups()["logGroups"]]
    assert groups
    for group in groups:
        assert all(token not in event["message"] for event in client.filter_log_events(logGroupName=group)["events"])
