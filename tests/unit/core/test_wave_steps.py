"""Steps of waves: what a plan may declare, and what becomes of the record of one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import decisions, progress
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import step_records as steps
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import not_permitted, parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.report import final_status
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.step_records import StepRecord, StepStatus

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TOKEN = re.compile(r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}")
FREEZE = {"name": "freeze", "modes": ["failover"], "lambda": {"function": "payments-freeze", "payload": {"level": 1.5}}}
GO = {"name": "go", "approval": {"message": "Freeze the mainframe first"}}
DNS = {
    "name": "dns",
    "modes": ["failover"],
    "on_failure": "continue",
    "automation": {"document": "Switch-DNS", "version": "3", "parameters": {"Zone": "example.org"}, "timeout": 1800},
}


def plan(**wave: Any) -> dict[str, Any]:
    return {
        "name": "payments",
        "groups": {"db": {"servers": ["db-1"]}},
        "waves": [{"name": "databases", "groups": ["db"], **wave}],
    }


def record(**changes: Any) -> StepRecord:
    return replace(StepRecord(1, "before", 1, "freeze", "lambda", "function payments-freeze"), **changes)


def test_a_plan_reads_its_own_document_and_one_without_steps_has_none() -> None:
    declared = parse_plan(plan(before=[FREEZE, GO], after=[DNS]))
    document = declared.to_document()
    assert parse_plan(document) == declared
    wave = document["waves"][0]
    assert wave["before"] == [
        {
            "name": "freeze",
            "modes": ["failover"],
            "lambda": {"function": "payments-freeze", "payload": {"level": 1.5}, "timeout": 300, "repeatable": False},
            "on_failure": "ask",
        },
        {"name": "go", "modes": ["failover", "failback"], "approval": {"message": "Freeze the mainframe first"}},
    ]
    assert wave["after"][0]["automation"]["parameters"] == {"Zone": ["example.org"]}
    assert declared.waves[0].steps.phases("failover") == ["before", "after"]
    assert declared.waves[0].steps.phases("test") == []
    before = {name: value for name, value in document["waves"][0].items() if name not in ("before", "after")}
    assert parse_plan({**document, "waves": [before]}).waves[0].steps.phases("failover") == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({**FREEZE, "modes": None}, "modes: None: missing"),
        ({**DNS, "modes": ["drill"]}, "modes: ['drill']: must be a list of test, failover, failback"),
        ({**FREEZE, "approval": {"message": "x"}}, "must have one of lambda, automation, approval, and only one"),
        ({"name": "empty", "modes": ["test"]}, "must have one of lambda, automation, approval, and only one"),
        ({**GO, "on_failure": "continue"}, "an approval does not fail"),
        ({**GO, "approval": {"message": ""}}, "must be a text of 1 to 500 characters"),
        ({**FREEZE, "on_failure": "retry"}, "on_failure: 'retry': must be one of ask, continue"),
        ({**FREEZE, "lambda": {"function": "a b"}}, "must be the name or the ARN of a Lambda function"),
        ({**FREEZE, "lambda": {"function": "f", "timeout": 901}}, "timeout: 901: must be a whole number from 1 to 900"),
        ({**FREEZE, "lambda": {"function": "f", "payload": {"dr": 1}}}, "under which the run tells who calls"),
        ({**FREEZE, "lambda": {"function": "f", "payload": {"a": "x" * 4000}}}, "and may have 3072"),
        ({**FREEZE, "lambda": {"function": "f", "payload": {"a": {1, 2}}}}, "that JSON has no form for"),
        ({**DNS, "automation": {"document": "D-S", "version": 3}}, "must be the number of a version in quotes"),
        (
            {**DNS, "automation": {"document": "D-S", "parameters": {"a": 1}}},
            "parameters.a: 1: must be a text",
        ),
        ({**FREEZE, "name": "Freeze!"}, "must be a name of 1 to 32 lower case letters"),
        ({**FREEZE, "when": "now"}, "unknown key: use name, lambda, automation, approval, modes, on_failure"),
    ],
)
def test_what_a_step_cannot_be_is_said(step: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_plan(plan(before=[step]))
    assert says in str(refused.value)
    assert str(refused.value).startswith("dr_plans (payments).waves[0].before[0]")


def test_every_problem_is_listed_at_once() -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_plan(plan(before=[{**FREEZE, "modes": None}, GO, GO], after=[FREEZE] * 21))
    texts = str(refused.value).splitlines()
    assert len(texts) == 2 + 1 + 21
    assert sum("is the name of two steps of the wave" in text for text in texts) == 1 + 21


def test_a_step_that_the_orchestrator_may_not_take_is_named_with_the_variable() -> None:
    declared = parse_plan(plan(before=[FREEZE, GO], after=[DNS]))
    assert not_permitted(declared, ["payments-freeze"], ["Switch-DNS"]) == []
    first, second = (str(problem) for problem in not_permitted(declared, [], []))
    assert first.startswith("wave databases of plan payments, step freeze: 'payments-freeze': ")
    assert "dr_step_functions" in first
    assert "dr_step_documents" in second


def test_an_attempt_has_one_token_of_its_own() -> None:
    first = steps.started(record(), "call-1", NOW)
    again = steps.started(first, "call-2", NOW)
    tokens = {steps.client_token(run, one) for run in ("run-1", "run-2") for one in (first, again)}
    assert len(tokens) == 4
    assert all(TOKEN.fullmatch(token) for token in tokens)
    assert steps.client_token("run-1", replace(first, call="call-3")) == steps.client_token("run-1", first)


@pytest.mark.parametrize(
    ("before", "decision", "status", "finished"),
    [
        ({"status": "failed", "attempt": 1}, "retry", "pending", False),
        ({"status": "failed", "attempt": 1}, "continue", "failed", True),
        ({"status": "running", "attempt": 1}, "continue", "failed", True),
        ({"status": "pending"}, "continue", "skipped", True),
        ({"status": "running", "attempt": 1}, "retry", "pending", False),
        ({"status": "running", "attempt": 1, "automation_execution_id": "a"}, "retry", "running", False),
        ({"status": "failed", "attempt": 1}, "abort", "failed", False),
        ({"status": "running", "kind": "approval"}, "continue", "succeeded", True),
        ({"status": "running", "kind": "approval"}, "skip", "failed", True),
        ({"status": "running", "kind": "approval"}, "abort", "failed", False),
    ],
)
def test_a_decision_is_about_the_step(before: dict[str, Any], decision: str, status: str, finished: bool) -> None:
    after = steps.decided(record(**before), decision, by="me", why="it rains", pause_id="003", now=NOW)
    assert (after.status, after.finished, after.pause_id) == (status, finished, "003")
    assert steps.step_from_item(steps.step_to_item(after)) == after


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("Success", StepStatus.SUCCEEDED),
        ("Failed", StepStatus.FAILED),
        ("TimedOut", StepStatus.FAILED),
        ("Cancelled", StepStatus.FAILED),
        ("Cancelling", StepStatus.RUNNING),
        ("PendingApproval", StepStatus.RUNNING),
        ("SomethingNew", StepStatus.RUNNING),
    ],
)
def test_only_final_statuses_end_an_automation_and_unknown_ones_do_not(status: str, outcome: StepStatus) -> None:
    execution = {"AutomationExecutionStatus": status, "FailureMessage": "why"}
    found, told = steps.automation_outcome(execution)
    assert found == outcome
    assert told.startswith(status)


def test_steps_are_left_out_with_the_servers_that_they_are_for() -> None:
    def server(**changes: Any) -> ServerRecord:
        return ServerRecord("db-1", 1, "s-1", True, **changes)

    validated = server(status="validated", validated_at="2026-11-23T10:00:00.000Z")
    assert steps.reason_left_out("before", [server(), server(status="skipped")]) == ""
    assert steps.reason_left_out("before", [server(status="skipped")]) == "all servers of the wave are left out"
    assert steps.reason_left_out("after", [server(status="failed"), validated]) == ""
    assert steps.reason_left_out("after", [server(status="failed")]) == "no server of the wave was recovered"
    failed = [record(status=StepStatus.FAILED, accepted=True)]
    assert final_status([validated], steps=failed) == "succeeded_with_failures"
    assert final_status([validated], steps=[record(status=StepStatus.SKIPPED)]) == "succeeded"


def test_silence_never_approves() -> None:
    assert decisions.default_for("run-step", "continue") == "continue"
    assert decisions.default_for("approve-before", "continue") == "abort"
    assert decisions.default_for("approve-before", "skip") == "skip"
    assert decisions.default_for("approve-after", "skip") == "abort"


def test_progress_tells_of_steps() -> None:
    about = {"wave": 2, "phase": "before", "name": "freeze", "what": "function payments-freeze", "attempt": 2}
    at = "2026-11-23T10:00:00.000Z"
    lines = progress.Progress().lines(
        [
            {"at": at, "kind": "step_started", "data": {**about, "status": "running", "result": ""}},
            {"at": at, "kind": "step_ended", "data": {**about, "status": "failed", "result": "ValueError: no"}},
        ]
    )
    assert lines == [
        "10:00:00  wave 2   before freeze: function payments-freeze started, attempt 2",
        "10:00:00  wave 2   before freeze: FAILED (ValueError: no)",
    ]
