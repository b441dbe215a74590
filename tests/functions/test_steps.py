"""Steps of waves, before the launches and after the validation: the real definitions with the real functions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.step_records import StepRecord, StepStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

from tests.functions.test_run_control import execute
from tests.support.customer import automation as customer_automation
from tests.support.customer import calls_of, deploy_automations, deploy_function
from tests.support.orchestrator import (
    PREFIX,
    STEP_DOCUMENTS,
    STEP_FUNCTIONS,
    Orchestrator,
    request,
)

NewRun = Callable[[], str]
OpenRun = Callable[..., str]
(FUNCTION,), (DOCUMENT, ENDLESS) = STEP_FUNCTIONS, STEP_DOCUMENTS
GROUPS = {"db": {"tags": {"Tier": "database"}}, "rep": {"tags": {"Tier": "reporting"}}}
LARGEST_STATE = 8 * 1024


@pytest.fixture(autouse=True, scope="module")
def customer(orchestrator: Orchestrator) -> None:
    deploy_function(orchestrator)
    deploy_automations(orchestrator)


def function(name: str, modes: tuple[str, ...] = ("test",), **payload: Any) -> dict[str, Any]:
    return {"name": name, "modes": list(modes), "lambda": {"function": FUNCTION, "payload": payload, "timeout": 60}}


def automation(name: str, document: str = DOCUMENT, timeout: int = 600) -> dict[str, Any]:
    return {"name": name, "modes": ["test"], "automation": customer_automation(document, timeout)}


def approval(name: str) -> dict[str, Any]:
    return {"name": name, "modes": ["test"], "approval": {"message": f"Look at {name} first"}}


def publish(orchestrator: Orchestrator, *waves: dict[str, Any], **changes: Any) -> None:
    """Publish plan C(stepped), whose waves are that of the database and that of the reports, with these steps."""
    groups = dict(list(GROUPS.items())[: len(waves)])
    orchestrator.publish(
        name="stepped",
        groups=groups,
        waves=[
            {"name": name, "groups": [name], "retries": 0, **wave} for name, wave in zip(groups, waves, strict=True)
        ],
        optional_servers=[],
        **changes,
    )


def run(orchestrator: Orchestrator, run_id: str, **given: Any) -> str:
    arn = orchestrator.start("test", run_id, plan="stepped", **given)
    orchestrator.follow(arn, until_paused=True)
    return arn


def asked(orchestrator: Orchestrator, run_id: str) -> dict[str, Any]:
    (pause,) = orchestrator.runs.open_pauses(run_id)
    return dict(pause)


def decide(orchestrator: Orchestrator, run_id: str, arn: str, decision: str) -> None:
    orchestrator.decide(run_id, decision)
    orchestrator.follow(arn, until_paused=True)


def steps(orchestrator: Orchestrator, run_id: str) -> dict[str, StepRecord]:
    return {step.name: step for step in orchestrator.runs.get_steps(run_id)}


def automations(orchestrator: Orchestrator) -> list[str]:
    found = orchestrator.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    return [item["AutomationExecutionStatus"] for item in found]


def test_steps_take_place_in_order_in_their_modes_and_the_answers_stay_out_of_the_states(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    before = [
        function("freeze", level="hard", answer=100_000),
        function("dns", modes=("failover",)),
        automation("copy"),
    ]
    publish(orchestrator, {"before": before, "after": [function("smoke"), {**approval("go"), "modes": ["failover"]}]})
    assert orchestrator.follow(orchestrator.start("test", run_id, plan="stepped"))["status"] == "SUCCEEDED"
    taken = orchestrator.runs.get_steps(run_id)
    assert [(step.name, step.status, step.attempt) for step in taken] == [
        ("freeze", "succeeded", 1),
        ("copy", "succeeded", 1),
        ("smoke", "succeeded", 1),
    ]
    assert all(len(step.result) <= 1000 for step in taken)
    first, second = calls_of(orchestrator, run_id)
    assert (first["level"], first["dr"]) == (
        "hard",
        {
            "run_id": run_id,
            "plan": "stepped",
            "mode": "test",
            "wave": 1,
            "wave_name": "db",
            "phase": "before",
            "step": "freeze",
            "attempt": 1,
            "servers": 1,
        },
    )
    assert second["dr"]["step"] == "smoke"
    kinds = orchestrator.kinds(run_id)
    begun, launched, ended = (kinds.index(kind) for kind in ("wave_started", "job_started", "wave_ended"))
    places = [number for number, kind in enumerate(kinds) if kind in {"step_started", "step_ended"}]
    assert begun < places[0] < places[3] < launched < kinds.index("server_validated") < places[4] < places[5] < ended
    wave = orchestrator.runs.get_waves(run_id)[0]
    copy = steps(orchestrator, run_id)["copy"]
    assert parse_time(wave["timer_started_at"]) >= parse_time(str(copy.ended_at)) > parse_time(wave["started_at"])
    states = orchestrator.client("stepfunctions")
    machine = f"arn:aws:states:us-west-2:222222222222:stateMachine:{PREFIX}-wave"
    for child in states.list_executions(stateMachineArn=machine)["executions"]:
        for event in states.get_execution_history(executionArn=child["executionArn"], maxResults=1000)["events"]:
            told = {**event.get("stateEnteredEventDetails", {}), **event.get("stateExitedEventDetails", {})}
            assert len(told.get("input", "")) <= LARGEST_STATE
            assert len(told.get("output", "")) <= LARGEST_STATE
    report = orchestrator.client("s3").get_object(Bucket=orchestrator.bucket, Key=f"runs/{run_id}/report.json")
    told = json.loads(report["Body"].read())["steps"]
    assert [(step["name"], step["status"]) for step in told] == [(step.name, step.status) for step in taken]
    assert told[1]["seconds"] >= 120


def test_a_failed_function_is_asked_about_and_the_decision_counts(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    before = [
        function("once", failures=1),
        function("never", failures=9),
        {**function("ignored", failures=9), "on_failure": "continue"},
        function("long", answer=300_000),
    ]
    publish(orchestrator, {"before": before})
    arn = run(orchestrator, run_id)
    pause = asked(orchestrator, run_id)
    assert (pause["step"], pause["wave"], pause["options"]) == ("run-step", 1, ["continue", "retry", "abort"])
    assert "step once (function customer-freeze) before wave db failed in attempt 1" in pause["reason"]
    assert "ValueError: attempt 1 fails" in pause["reason"]
    decide(orchestrator, run_id, arn, "retry")
    assert "step never" in asked(orchestrator, run_id)["reason"]
    decide(orchestrator, run_id, arn, "continue")
    assert "States.DataLimitExceeded" in asked(orchestrator, run_id)["reason"]
    decide(orchestrator, run_id, arn, "continue")
    assert json.loads(orchestrator.follow(arn)["output"])["status"] == "succeeded_with_failures"
    taken = steps(orchestrator, run_id)
    assert {name: (step.status, step.attempt, step.accepted) for name, step in taken.items()} == {
        "once": ("succeeded", 2, False),
        "never": ("failed", 1, True),
        "ignored": ("failed", 1, True),
        "long": ("failed", 1, True),
    }
    counted = Counter(call["dr"]["step"] for call in calls_of(orchestrator, run_id))
    assert counted == {"once": 2, "never": 1, "ignored": 1, "long": 1}
    assert [wave["status"] for wave in orchestrator.runs.get_waves(run_id)] == ["succeeded_with_failures"]


def test_an_approval_opens_a_wave_or_leaves_it_out_with_its_steps(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    publish(
        orchestrator,
        {"before": [approval("go")], "after": [approval("seen")]},
        {"before": [approval("reports"), function("freeze")], "after": [function("smoke")]},
    )
    arn = run(orchestrator, run_id)
    pause = asked(orchestrator, run_id)
    assert (pause["step"], pause["options"]) == ("approve-before", ["continue", "skip", "abort"])
    assert pause["reason"] == "step go before wave db asks for approval: Look at go first"
    assert orchestrator.jobs(run_id) == []
    decide(orchestrator, run_id, arn, "continue")
    pause = asked(orchestrator, run_id)
    assert (pause["step"], pause["options"]) == ("approve-after", ["continue", "abort"])
    decide(orchestrator, run_id, arn, "continue")
    decide(orchestrator, run_id, arn, "skip")
    assert json.loads(orchestrator.follow(arn)["output"])["status"] == "succeeded_with_failures"
    assert orchestrator.statuses(run_id) == {"db-1": "cleaned_up", "rep-1": "skipped"}
    taken = steps(orchestrator, run_id)
    assert {name: step.status for name, step in taken.items()} == {
        "go": "succeeded",
        "seen": "succeeded",
        "reports": "failed",
        "freeze": "skipped",
        "smoke": "skipped",
    }
    assert "the test says so" in taken["go"].result
    assert calls_of(orchestrator, run_id) == []


def test_silence_and_who_requested_the_run_approve_nothing(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    decision = {"timeout": 3600, "default": "continue", "four_eyes": True}
    publish(orchestrator, {"before": [approval("go")]}, {}, decision=decision)
    arn = run(orchestrator, run_id, requested_by=caller(orchestrator.client("sts")).arn)
    with pytest.raises(ConflictError, match="four eyes"):
        orchestrator.decide(run_id, "continue")
    orchestrator.aws.control("clock", {"advance": 3700})
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted")
    assert orchestrator.jobs(run_id) == []
    assert steps(orchestrator, run_id)["go"].status == "failed"
    assert [wave["status"] for wave in orchestrator.runs.get_waves(run_id)] == ["aborted", "aborted"]


def test_an_automation_that_fails_is_asked_about_and_one_that_runs_is_stopped_by_an_abort(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    publish(
        orchestrator,
        {"before": [automation("copy"), automation("slow", ENDLESS, timeout=60), automation("last", ENDLESS)]},
    )
    orchestrator.aws.control("faults", {"kind": "automation_failure", "document": DOCUMENT, "message": "no space"})
    known = len(automations(orchestrator))
    arn = run(orchestrator, run_id)
    assert "no space" in asked(orchestrator, run_id)["reason"]
    decide(orchestrator, run_id, arn, "retry")
    assert "not ended within 1m 00s (Waiting); it was stopped" in asked(orchestrator, run_id)["reason"]
    refusal = {"service": "ssm", "operation": "GetAutomationExecution", "error": "AccessDenied", "status": 400}
    orchestrator.aws.control("faults", refusal)
    decide(orchestrator, run_id, arn, "continue")
    pause = asked(orchestrator, run_id)
    assert (pause["step"], pause["options"]) == ("run-step", ["continue", "retry", "abort"])
    decide(orchestrator, run_id, arn, "abort")
    assert orchestrator.follow(arn)["error"] == "aborted"
    assert orchestrator.jobs(run_id) == []
    orchestrator.aws.control("clock", {"advance": 10})
    assert automations(orchestrator)[: -known or None] == ["Cancelled", "Cancelled", "Success", "Failed"]
    taken = steps(orchestrator, run_id)
    assert {name: (step.status, step.attempt) for name, step in taken.items()} == {
        "copy": ("succeeded", 2),
        "slow": ("failed", 1),
        "last": ("failed", 1),
    }
    assert "the run is being aborted" in taken["last"].result


def test_a_run_that_is_resumed_goes_on_after_the_steps_that_are_done(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    publish(orchestrator, {"before": [function("freeze"), automation("copy"), approval("go")]})
    arn = run(orchestrator, run_id)
    states = orchestrator.client("stepfunctions")
    for machine in ("wave", "test"):
        found = states.list_executions(
            stateMachineArn=f"{arn.rsplit(':', 3)[0]}:stateMachine:{PREFIX}-{machine}", statusFilter="RUNNING"
        )
        for child in found["executions"]:
            states.stop_execution(executionArn=child["executionArn"])
    known = len(automations(orchestrator))
    resumed = execute(orchestrator, "resumed", run_id)["execution_arn"]
    while not orchestrator.runs.open_pauses(run_id):
        orchestrator.aws.control("clock", {"advance": 0})
    assert asked(orchestrator, run_id)["step"] == "approve-before"
    assert len(calls_of(orchestrator, run_id)) == 1
    assert len(automations(orchestrator)) == known
    orchestrator.decide(run_id, "abort")
    assert orchestrator.follow(resumed)["error"] == "aborted"


def test_a_function_of_which_it_is_not_known_how_it_ended_is_asked_about(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    publish(orchestrator, {"before": [function("only")]})
    orchestrator.invoke("open-run", run_id, **request(run_id, "test", "stepped", orchestrator.now()))
    orchestrator.invoke("discover", run_id)

    def call(execution: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
        return orchestrator.invoke("run-step", run_id, wave=1, phase="before", execution=execution, answer=answer)

    assert call("first")["outcome"] == "invoke"
    unknown = call("second")
    assert (unknown["outcome"], unknown["asks"]) == ("ask", "run-step")
    assert "it is not known how it ended" in unknown["reason"]
    answer = {"number": 1, "attempt": 1, "result": "frozen", "error": None}
    assert call("first", answer)["outcome"] == "done"
    assert call("first", {**answer, "result": "", "error": {"Error": "Late", "Cause": ""}})["outcome"] == "done"
    (record,) = orchestrator.runs.get_steps(run_id)
    assert (record.status, record.result, record.attempt) == ("succeeded", "frozen", 1)
    orchestrator.runs.put_steps(run_id, [replace(record, status=StepStatus.RUNNING)])
    plan = orchestrator.runs.get_run(run_id)["plan"]
    plan["waves"][0]["before"][0]["lambda"]["repeatable"] = True
    orchestrator.runs.update_run(run_id, {"plan": plan})
    again = call("third")
    assert (again["outcome"], again["request"]["dr"]["attempt"]) == ("invoke", 2)


def test_a_plan_whose_step_the_orchestrator_may_not_take_is_refused_before_anything_happens(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    other = {"name": "other", "modes": ["test"], "lambda": {"function": "somebody-elses"}}
    publish(orchestrator, {"before": [other]})
    execution = orchestrator.follow(orchestrator.start("test", run_id, plan="stepped"))
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidRequest")
    assert "wave db of plan stepped, step other: 'somebody-elses'" in execution["cause"]
    assert "dr_step_functions" in execution["cause"]
    assert orchestrator.runs.get_run(run_id) is None
