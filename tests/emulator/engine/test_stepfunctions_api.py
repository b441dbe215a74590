"""The Step Functions API: names, ends, histories, lists, definitions, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.engine.workflows import Workflows, call, rest
from tests.support.embedded import EmbeddedAws

DONE = {"Done": {"Type": "Succeed"}}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def held(workflows: Workflows) -> str:
    """Return a machine whose executions wait for ever."""
    function = workflows.function("def handler(event, context):\n    return 1\n")
    return workflows.machine({"Ask": call(function, {"t": "{% $states.context.Task.Token %}"}, token=True)})


def definition(states: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields})


def test_the_same_request_again_joins_the_running_execution(workflows: Workflows) -> None:
    machine = held(workflows)
    first = workflows.states.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 1}')
    second = workflows.states.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 1}')
    assert (first["executionArn"], first["startDate"]) == (second["executionArn"], second["startDate"])
    with pytest.raises(ClientError) as error:
        workflows.states.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 2}')
    assert code_of(error) == "ExecutionAlreadyExists"
    workflows.states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError) as error:
        workflows.states.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 1}')
    assert code_of(error) == "ExecutionAlreadyExists"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"name": "no spaces"}, "InvalidName"),
        ({"name": "x" * 81}, "ValidationException"),
        ({"input": "{"}, "InvalidExecutionInput"),
        ({"stateMachineArn": "arn:aws:states:us-west-2:222222222222:stateMachine:none"}, "StateMachineDoesNotExist"),
    ],
)
def test_requests_that_cannot_start(workflows: Workflows, request_: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as error:
        workflows.states.start_execution(**{"stateMachineArn": workflows.machine(DONE), **request_})
    assert code_of(error) == code


def test_an_update_does_not_change_what_runs(workflows: Workflows) -> None:
    machine = workflows.machine({"Wait": rest(5, "Old"), "Old": {"Type": "Succeed", "Output": "old"}})
    function = workflows.function("def handler(event, context):\n    return 1\n")
    held_first = {"Ask": call(function, {"t": "{% $states.context.Task.Token %}"}, token=True, TimeoutSeconds=60)}
    workflows.states.update_state_machine(stateMachineArn=machine, definition=definition(held_first))
    execution = workflows.start(machine)
    new = {"New": {"Type": "Succeed", "Output": "new"}}
    workflows.states.update_state_machine(stateMachineArn=machine, definition=definition(new))
    assert workflows.wait(workflows.start(machine))["output"] == "new"
    workflows.aws.control("clock", {"advance": 60})
    assert workflows.wait(execution)["error"] == "States.Timeout"


def test_stop_ends_at_once_with_error_and_cause(workflows: Workflows) -> None:
    execution = workflows.start(held(workflows))
    workflows.settle()
    stopped = workflows.states.stop_execution(executionArn=execution, error="why", cause="because")
    ended = workflows.wait(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "why", "because")
    assert ended["stopDate"] == stopped["stopDate"]
    events = workflows.history(execution)
    assert (events[-1]["type"], events[-1]["executionAbortedEventDetails"]["error"]) == ("ExecutionAborted", "why")
    workflows.settle()
    assert len(workflows.history(execution)) == len(events)


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Parallel", "Branches": [{"StartAt": n, "States": {n: rest(10**7)}} for n in "VW"], "End": True},
        {
            "Type": "Map",
            "Items": "{% [1, 2] %}",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "W",
                "States": {"W": rest(10**7)},
            },
            "End": True,
        },
        rest(10**7),
    ],
    ids=["parallel", "map", "wait"],
)
def test_stop_frees_everybody_who_waits(embedded: EmbeddedAws, workflows: Workflows, state: dict[str, Any]) -> None:
    """A function that works in another branch holds time still, so that nothing ends by itself."""
    slow = workflows.function("import time\n\ndef handler(event, context):\n    time.sleep(1)\n    return 1\n")
    hold = workflows.start(workflows.machine({"Work": call(slow, {})}))
    execution = workflows.start(workflows.machine({"Only": state}))
    workflows.states.stop_execution(executionArn=execution)
    assert workflows.wait(execution)["status"] == "ABORTED"
    assert workflows.wait(hold)["seconds"] == 0
    workflows.settle()
    clock = embedded.control("clock")
    assert (clock["busy"], clock["timers"]) == (1, [])


def test_lists_are_newest_first_filtered_and_paged(workflows: Workflows) -> None:
    machine = held(workflows)
    started = [workflows.start(machine, name=f"n-{number}") for number in range(5)]
    workflows.states.stop_execution(executionArn=started[1])
    pages = workflows.states.get_paginator("list_executions")
    listed = pages.paginate(stateMachineArn=machine, PaginationConfig={"PageSize": 2}).build_full_result()["executions"]
    assert [item["name"] for item in listed] == ["n-4", "n-3", "n-2", "n-1", "n-0"]
    aborted = workflows.states.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert [(item["name"], "stopDate" in item) for item in aborted] == [("n-1", True)]
    assert len(workflows.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]) == 4
    for execution in started:
        workflows.states.stop_execution(executionArn=execution)


def test_the_history_has_virtual_moments_pages_and_both_orders(workflows: Workflows) -> None:
    execution = workflows.start(workflows.machine({"Wait": rest(60, "Done"), **DONE}))
    workflows.wait(execution)
    events = workflows.history(execution)
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert (events[2]["timestamp"] - events[1]["timestamp"]).total_seconds() == 60
    first = workflows.states.get_execution_history(executionArn=execution, maxResults=2, reverseOrder=True)
    assert [event["id"] for event in first["events"]] == [6, 5]
    rest_ = workflows.states.get_execution_history(
        executionArn=execution, maxResults=10, reverseOrder=True, nextToken=first["nextToken"]
    )
    assert [event["id"] for event in rest_["events"]] == [4, 3, 2, 1]
    bare = workflows.states.get_execution_history(executionArn=execution, includeExecutionData=False)["events"]
    assert "input" not in bare[0]["executionStartedEventDetails"]


@pytest.mark.parametrize(
    ("states", "code", "location"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}}, "MISSING_TRANSITION_TARGET", "/States/A/Next"),
        ({"A": {"Type": "Pass"}}, "SCHEMA_VALIDATION_FAILED", "/States/A"),
        ({"A": {"Type": "Choice", "Choices": [], "Default": "B"}}, "MISSING_TRANSITION_TARGET", "/States/A/Default"),
        ({"A": {"Type": "Pass", "Output": "{% 1 + %}", "End": True}}, "INVALID_JSONATA", "/States/A/Output"),
        ({"A": {"Type": "Pass", "ResultPath": "$", "End": True}}, "SCHEMA_VALIDATION_FAILED", "/States/A/ResultPath"),
        ({"A": {"Type": "Guess", "End": True}}, "SCHEMA_VALIDATION_FAILED", "/States/A/Type"),
        (
            {
                "A": {
                    "Type": "Parallel",
                    "Branches": [{"StartAt": "X", "States": {"Y": {"Type": "Succeed"}}}],
                    "End": True,
                }
            },
            "MISSING_TRANSITION_TARGET",
            "/States/A/Branches[0]/StartAt",
        ),
    ],
)
def test_wrong_definitions_are_found_and_refused(
    workflows: Workflows, states: dict[str, Any], code: str, location: str
) -> None:
    report = workflows.states.validate_state_machine_definition(definition=definition(states))
    assert report["result"] == "FAIL"
    assert (report["diagnostics"][0]["code"], report["diagnostics"][0]["location"]) == (code, location)
    with pytest.raises(ClientError) as error:
        workflows.states.create_state_machine(name="wrong", roleArn=workflows.role, definition=definition(states))
    assert code_of(error) == "InvalidDefinition"


def test_a_right_definition_is_valid(workflows: Workflows) -> None:
    report = workflows.states.validate_state_machine_definition(definition=definition(DONE))
    assert (report["result"], report["diagnostics"]) == ("OK", [])


def test_creating_again_is_idempotent_and_another_definition_is_refused(workflows: Workflows) -> None:
    arguments = {"name": "twice", "roleArn": workflows.role}
    first = workflows.states.create_state_machine(definition=definition(DONE), **arguments)
    again = workflows.states.create_state_machine(definition=definition(DONE), **arguments)
    assert first["stateMachineArn"] == again["stateMachineArn"]
    with pytest.raises(ClientError) as error:
        workflows.states.create_state_machine(definition=definition({"Other": {"Type": "Succeed"}}), **arguments)
    assert code_of(error) == "StateMachineAlreadyExists"


def test_a_role_or_log_group_that_does_not_exist_is_refused(workflows: Workflows) -> None:
    with pytest.raises(ClientError) as error:
        workflows.states.create_state_machine(
            name="no-role", roleArn="arn:aws:iam::222222222222:role/nobody", definition=definition(DONE)
        )
    assert code_of(error) == "AccessDeniedException"
    group = "arn:aws:logs:us-west-2:222222222222:log-group:/none:*"
    with pytest.raises(ClientError) as error:
        workflows.states.create_state_machine(
            name="no-group",
            roleArn=workflows.role,
            definition=definition(DONE),
            loggingConfiguration={
                "level": "ALL",
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
            },
        )
    assert code_of(error) == "InvalidLoggingConfiguration"


def test_executions_are_logged_to_their_group(workflows: Workflows) -> None:
    logs = workflows.aws.client("logs")
    logs.create_log_group(logGroupName="/aws/vendedlogs/states/logged")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/aws/vendedlogs/states/logged")["logGroups"]
    created = workflows.states.create_state_machine(
        name="logged",
        roleArn=workflows.role,
        definition=definition({"Wait": rest(10**6, "Done"), **DONE}),
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group["arn"]}}],
        },
    )
    execution = workflows.start(created["stateMachineArn"], {"n": 1})
    workflows.wait(execution)
    events = logs.filter_log_events(logGroupName="/aws/vendedlogs/states/logged")["events"]
    lines = [json.loads(event["message"]) for event in events]
    assert [line["type"] for line in lines][:2] == ["ExecutionStarted", "WaitStateEntered"]
    assert lines[-1]["type"] == "ExecutionSucceeded"
    assert {line["execution_arn"] for line in lines} == {execution}
    assert events[-1]["timestamp"] - events[0]["timestamp"] == 10**9


@pytest.mark.parametrize(
    ("level", "types"),
    [
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", ["ExecutionFailed"]),
        ("OFF", []),
    ],
)
def test_the_level_says_what_is_logged(workflows: Workflows, level: str, types: list[str]) -> None:
    """sfn-dg/cloudwatch-log-level and facts 7.8: levels; data only when asked for."""
    logs = workflows.aws.client("logs")
    name = f"/aws/vendedlogs/states/level-{level}"
    logs.create_log_group(logGroupName=name)
    group = {"logGroupArn": f"arn:aws:logs:us-west-2:222222222222:log-group:{name}:*"}
    created = workflows.states.create_state_machine(
        name=f"level-{level}",
        roleArn=workflows.role,
        definition=definition({"Fail": {"Type": "Fail", "Error": "bad"}}),
        loggingConfiguration={"level": level, "destinations": [{"cloudWatchLogsLogGroup": group}]},
    )
    workflows.wait(workflows.start(created["stateMachineArn"], {"secret": 1}))
    messages = [event["message"] for event in logs.filter_log_events(logGroupName=name)["events"]]
    assert [json.loads(message)["type"] for message in messages] == types
    assert "secret" not in "".join(messages)


def test_tags_of_machines(workflows: Workflows) -> None:
    """API_TagResource, facts 2.2: 50 tags, the prefix aws: is reserved, the machine exists."""
    machine = workflows.machine(DONE)
    workflows.states.tag_resource(resourceArn=machine, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": ""}])
    workflows.states.untag_resource(resourceArn=machine, tagKeys=["a"])
    assert workflows.states.list_tags_for_resource(resourceArn=machine)["tags"] == [{"key": "b", "value": ""}]
    for arn, keys, code in (
        (machine, [f"k{number}" for number in range(50)], "TooManyTags"),
        (machine, ["AWS:x"], "ValidationException"),
        (machine, ["x" * 129], "ValidationException"),
        (machine + "-none", ["x"], "ResourceNotFound"),
    ):
        with pytest.raises(ClientError) as error:
            workflows.states.tag_resource(resourceArn=arn, tags=[{"key": key, "value": "v"} for key in keys])
        assert code_of(error) == code


def test_deleting_a_machine_ends_what_runs(workflows: Workflows) -> None:
    machine = held(workflows)
    execution = workflows.start(machine)
    workflows.settle()
    workflows.states.delete_state_machine(stateMachineArn=machine)
    workflows.settle()
    with pytest.raises(ClientError) as error:
        workflows.states.describe_execution(executionArn=execution)
    assert code_of(error) == "ExecutionDoesNotExist"
    started = [item for item in workflows.aws.control("status")["executions"] if item["status"] == "RUNNING"]
    assert started == []


def test_what_is_not_emulated_says_so(workflows: Workflows) -> None:
    for ask in (
        lambda: workflows.states.create_activity(name="worker"),
        lambda: workflows.states.publish_state_machine_version(stateMachineArn=workflows.machine(DONE)),
        lambda: workflows.states.create_state_machine(
            name="fast", roleArn=workflows.role, definition=definition(DONE), type="EXPRESS"
        ),
    ):
        with pytest.raises(ClientError, match="does not emulate stepfunctions"):
            ask()
