"""State machines, control requests and estates that are slightly wrong are refused in words, or work."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.accounts import AccountsError, check_accounts
from emulator.estate.document import parse
from emulator.estate.reader import EstateError
from emulator.stepfunctions.definitions import find_mistakes
from tests.emulator.conformance.mutations import JUNK, mutated
from tests.emulator.conformance.roles import make_role
from tests.emulator.drs.support import SAMPLE, TARGET, Drs
from tests.emulator.estate.test_mistakes import GOOD
from tests.support.embedded import ControlError

pytestmark = pytest.mark.xdist_group("conformance")

JSON_PATH = {
    "StartAt": "Look",
    "States": {
        "Look": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity",
            "Parameters": {},
            "ResultSelector": {"account.$": "$.Account"},
            "ResultPath": "$.who",
            "TimeoutSeconds": 60,
            "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Give up", "ResultPath": "$.error"}],
            "Next": "Choose",
        },
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.who.account", "StringEquals": "1", "Next": "Give up"}],
            "Default": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "One",
                "States": {"One": {"Type": "Pass", "End": True}},
            },
            "Next": "Both",
        },
        "Both": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 5, "End": True}}}],
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
        "Give up": {"Type": "Fail", "Error": "E", "Cause": "because"},
    },
}
JSONATA = {
    "QueryLanguage": "JSONata",
    "StartAt": "Count",
    "States": {
        "Count": {
            "Type": "Pass",
            "Assign": {"many": "{% $count($states.input.items) %}"},
            "Output": {"many": "{% $many ? $many : 0 %}"},
            "Next": "Enough",
        },
        "Enough": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $many > 1 %}", "Next": "Each"}],
            "Default": "Done",
        },
        "Each": {
            "Type": "Map",
            "Items": "{% [1..$many] %}",
            "ItemProcessor": {
                "StartAt": "Rest",
                "States": {"Rest": {"Type": "Wait", "Seconds": "{% $states.input %}", "End": True}},
            },
            "Next": "Done",
        },
        "Done": {"Type": "Succeed", "Output": "{% $states.input %}"},
    },
}
STATUSES = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT"}
CONTROL = {
    "clock": {"advance": 1, "pace": 0.001},
    "drs/source-server": {
        "account": TARGET,
        "region": "us-west-2",
        "source_server_id": "s-payrep10000000001",
        "lag": 5,
        "replication_state": "CONTINUOUS",
        "slow": 1,
        "fail_launch": {"phase": "LAUNCH", "times": 1, "raw_error": "why"},
    },
    "faults": {
        "service": "sns",
        "operation": "Publish",
        "error": "ThrottlingException",
        "status": 429,
        "message": "slow down",
        "times": 3,
    },
    "nothing": {},
}

few = settings(max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def role(drs: Drs) -> str:
    """A role that Step Functions may assume, and that may do nothing: GetCallerIdentity needs no permission."""
    return make_role(drs.aws.client("iam"), "odd-machine")


@pytest.mark.parametrize("definition", [JSON_PATH, JSONATA], ids=["JSONPath", "JSONata"])
def test_the_good_machines_run(drs: Drs, role: str, definition: dict[str, Any]) -> None:
    assert _run(drs, role, f"good-{definition['StartAt']}", definition) == "SUCCEEDED"


@pytest.mark.parametrize("definition", [JSON_PATH, JSONATA], ids=["JSONPath", "JSONata"])
def test_a_wrong_machine_is_refused_or_runs(drs: Drs, role: str, definition: dict[str, Any]) -> None:
    """API reference, CreateStateMachine: InvalidDefinition; DescribeExecution: the statuses of an execution."""
    outcomes = []

    @settings(few, max_examples=40)
    @given(mutated(definition))
    def attempt(document: dict[str, Any]) -> None:
        try:
            status = _run(drs, role, f"odd-{definition['StartAt']}-{len(outcomes)}", document)
        except ClientError as error:
            status = error.response["Error"]["Code"]
        outcomes.append(status)
        assert status in STATUSES | {"InvalidDefinition"}, document

    attempt()
    assert {"InvalidDefinition", "SUCCEEDED"} <= set(outcomes)


@pytest.mark.parametrize("definition", [JSON_PATH, JSONATA], ids=["JSONPath", "JSONata"])
def test_the_mistakes_of_a_definition_are_told_in_words(definition: dict[str, Any]) -> None:
    """API reference, ValidateStateMachineDefinition: a diagnostic has a code, a message and a location."""
    found = []

    @settings(few, max_examples=200)
    @given(mutated(definition))
    def attempt(document: dict[str, Any]) -> None:
        mistakes = find_mistakes(json.dumps(document))
        assert all(code and message and where.startswith("/") for code, message, where in mistakes), mistakes
        found.append(bool(mistakes))

    attempt()
    assert set(found) == {True, False}


def _run(drs: Drs, role: str, name: str, definition: dict[str, Any]) -> str:
    sfn = drs.aws.client("stepfunctions")
    machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, input='{"items": [1, 2]}')["executionArn"]
    drs.advance(100)
    assert sfn.get_execution_history(executionArn=execution)["events"][0]["type"] == "ExecutionStarted"
    status: str = sfn.describe_execution(executionArn=execution)["status"]
    return status


@pytest.mark.parametrize("path", sorted(CONTROL))
def test_a_wrong_control_request_is_refused_in_words(drs: Drs, path: str) -> None:
    """README of the emulator: a mistake is a 400 with `{"error": …}`."""

    @few
    @given(st.one_of(mutated(CONTROL[path]), st.sampled_from(JUNK)))
    def attempt(body: Any) -> None:
        refusal = None
        try:
            drs.aws.control(path, body, "POST")
        except ControlError as error:
            refusal = (error.status, list(json.loads(error.text)))
        assert refusal in ((None, (400, ["error"])) if path != "nothing" else ((404, ["error"]),)), body

    attempt()
    drs.aws.control("clock", {"pace": 0.0001})
    drs.aws.control("faults", method="DELETE")


@pytest.mark.parametrize("estate", [GOOD, yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))], ids=["small", "sample"])
def test_a_wrong_estate_is_refused_in_one_line(estate: dict[str, Any]) -> None:
    """README of estates: a mistake stops the start with one line that names the key."""

    @few
    @given(mutated(estate))
    def attempt(document: Any) -> None:
        refusal = "nothing is wrong"
        try:
            parse(document)
            check_accounts(document["accounts"])
        except (EstateError, AccountsError) as error:
            refusal = str(error)
        assert len(refusal.splitlines()) == 1

    attempt()
