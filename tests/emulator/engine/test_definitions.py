"""What CreateStateMachine refuses (facts 7; sfn-dg/statemachine-structure, …/concepts-error-handling)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.stepfunctions.definitions import find_mistakes

SDK = "arn:aws:states:::aws-sdk:"
END = {"Type": "Succeed"}


def mistakes(state: dict[str, Any], **machine: Any) -> list[tuple[str, str, str]]:
    """Return the mistakes of a machine with this first state and a second one, E."""
    document = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {"Next": "E", **state}, "E": END}}
    return find_mistakes(json.dumps({**document, **machine}))


def task(resource: str = "arn:aws:states:::lambda:invoke", **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, **fields}


def inner(name: str = "I", **fields: Any) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: {"Type": "Pass", "End": True}}, **fields}


@pytest.mark.parametrize(
    "state",
    [
        task(),
        task("arn:aws:lambda:us-west-2:222222222222:function:mine:live"),
        task("arn:aws:states:::states:startExecution.sync:2", Arguments={"StateMachineArn": "x", "Input": {}}),
        task(SDK + "ec2:describeVpcs", Arguments={"VpcIds": [], "MaxResults": 5}),
        task(SDK + "cloudwatchlogs:describeLogGroups"),
        task(SDK + "sqs:sendMessage.waitForTaskToken", Arguments={"QueueUrl": "x", "MessageBody": "y"}),
        task(TimeoutSeconds="{% $states.input.t %}", HeartbeatSeconds=10),
        task(Retry=[{"ErrorEquals": ["A"]}, {"ErrorEquals": ["States.ALL"], "BackoffRate": 1, "MaxDelaySeconds": 60}]),
        {"Type": "Map", "Items": [1], "ItemProcessor": inner(), "MaxConcurrency": "{% 3 %}"},
        {"Type": "Parallel", "Branches": [inner("A"), inner("B")], "Arguments": {}},
    ],
)
def test_what_is_right_is_accepted(state: dict[str, Any]) -> None:
    assert mistakes(state) == []


@pytest.mark.parametrize(
    ("state", "where", "words"),
    [
        (task(Guess=1), "/Guess", "no field Guess"),
        (task(ResultPath="$"), "/ResultPath", "no field ResultPath in JSONata"),
        ({"Type": "Parallel", "Branches": [inner()], "TimeoutSeconds": 5}, "/TimeoutSeconds", "no field"),
        ({"Type": "Parallel", "Branches": []}, "/Branches", "at least one"),
        ({"Type": "Wait", "Seconds": 1, "Timestamp": "x"}, "", "one of Seconds"),
        ({"Type": "Pass", "QueryLanguage": "JSONPath"}, "/QueryLanguage", "cannot use it"),
        ({"Type": "Pass", "QueryLanguage": "SQL"}, "/QueryLanguage", "cannot use it"),
        (task(TimeoutSeconds=0), "/TimeoutSeconds", "whole number from 1"),
        (task(TimeoutSeconds=5, HeartbeatSeconds=5), "/HeartbeatSeconds", "smaller than TimeoutSeconds"),
        (task(Retry=[{"MaxAttempts": 1}]), "/Retry[0]/ErrorEquals", "required"),
        (task(Retry=[{"ErrorEquals": []}]), "/Retry[0]/ErrorEquals", "at least one"),
        (task(Retry=[{"ErrorEquals": ["States.ALL", "A"]}]), "/Retry[0]/ErrorEquals", "alone"),
        (
            task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "E"}, {"ErrorEquals": ["A"], "Next": "E"}]),
            "/Catch[0]/ErrorEquals",
            "last entry",
        ),
        (task(Retry=[{"ErrorEquals": ["A"], "IntervalSeconds": 0}]), "/Retry[0]/IntervalSeconds", "from 1"),
        (task(Retry=[{"ErrorEquals": ["A"], "MaxAttempts": -1}]), "/Retry[0]/MaxAttempts", "from 0"),
        (task(Retry=[{"ErrorEquals": ["A"], "BackoffRate": 0.9}]), "/Retry[0]/BackoffRate", "1.0 or more"),
        (task(Retry=[{"ErrorEquals": ["A"], "MaxDelaySeconds": 31622401}]), "/Retry[0]/MaxDelaySeconds", "31622400"),
        (
            task(Retry=[{"ErrorEquals": ["A"], "IntervalSeconds": 9, "MaxDelaySeconds": 9}]),
            "/Retry[0]/MaxDelaySeconds",
            "larger than IntervalSeconds",
        ),
        (task(Retry=[{"ErrorEquals": ["A"], "JitterStrategy": "HALF"}]), "/Retry[0]/JitterStrategy", "FULL or NONE"),
        (task(Catch=[{"ErrorEquals": ["A"]}]), "/Catch[0]/Next", "required"),
        (task("{% $function %}"), "/Resource", "not recognized"),
        (task(SDK + "drs:startEverything"), "/Resource", "not recognized"),
        (task(SDK + "drs:startRecovery.sync"), "/Resource", "no pattern .sync"),
        (task("arn:aws:states:::lambda:invoke.sync"), "/Resource", "no pattern .sync"),
        (task(SDK + "ec2:describeVpcs", Arguments={"vpcIds": []}), "/Arguments/vpcIds", "no parameter"),
        (task(Arguments={"Function": "x"}), "/Arguments/Function", "no parameter"),
    ],
)
def test_what_aws_refuses_is_refused_where_it_is(state: dict[str, Any], where: str, words: str) -> None:
    (mistake,) = mistakes(state)
    assert mistake[0] == "SCHEMA_VALIDATION_FAILED"
    assert words in mistake[1]
    assert mistake[2] == "/States/S" + where


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (task("arn:aws:states:us-west-2:222222222222:activity:people"), "Activities"),
        (task("arn:aws:states:::http:invoke"), "http:invoke"),
        (task("arn:aws:states:::ecs:runTask.sync"), "ecs:runTask"),
        (task(SDK + "gamelift:listFleets"), "gamelift"),
        (
            {"Type": "Map", "Items": [1], "ItemProcessor": inner(ProcessorConfig={"Mode": "DISTRIBUTED"})},
            "mode DISTRIBUTED",
        ),
        ({"Type": "Map", "Items": [1], "ItemProcessor": inner(), "ToleratedFailureCount": 1}, "ToleratedFailureCount"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(state: dict[str, Any], words: str) -> None:
    (mistake,) = mistakes(state)
    assert mistake[0] == "NOT_EMULATED"
    assert words in mistake[1]


def test_states_that_nothing_leads_to_and_names_that_repeat() -> None:
    lost = {"S": {"Type": "Pass", "Next": "E"}, "E": END, "Lost": {"Type": "Pass", "Next": "Lost"}}
    assert mistakes({}, States=lost) == [
        ("MISSING_TRANSITION_TARGET", 'State "Lost" is not reachable.', "/States/Lost")
    ]
    ((code, _, where),) = mistakes({"Type": "Parallel", "Branches": [inner("A"), inner("E")]})
    assert (code, where) == ("DUPLICATE_STATE_NAME", "/States/E")
    ((_, text, _),) = mistakes({"Type": "Pass"}, Unknown=1)
    assert "no field Unknown" in text


def test_a_path_machine_may_have_states_with_expressions() -> None:
    states = {
        "S": {"Type": "Pass", "Parameters": {"a.$": "$.b"}, "Next": "E"},
        "E": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "End": True},
    }
    assert mistakes({}, QueryLanguage="JSONPath", States=states) == []
