"""RedriveExecution: what failed goes on where it stopped, and what had succeeded stays (facts 7.5, 2.2).

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.engine.workflows import Workflows, call, rest

# Fails until a parameter with the name that it is given exists; counts its calls in another.
GATE = """
import boto3

class Closed(Exception):
    pass

def handler(event, context):
    parameters = boto3.client("ssm")
    counter = event["gate"] + "/calls"
    try:
        calls = int(parameters.get_parameter(Name=counter)["Parameter"]["Value"])
    except parameters.exceptions.ParameterNotFound:
        calls = 0
    parameters.put_parameter(Name=counter, Value=str(calls + 1), Type="String", Overwrite=True)
    try:
        parameters.get_parameter(Name=event["gate"])
    except parameters.exceptions.ParameterNotFound:
        raise Closed(event["gate"])
    return calls + 1
"""
KEEP_TOKEN = """
import boto3

def handler(event, context):
    boto3.client("ssm").put_parameter(Name="/redrive/token", Value=event["t"], Type="String", Overwrite=True)
"""
TOKEN = "{% $states.context.Task.Token %}"


@pytest.fixture(scope="module")
def gate(workflows: Workflows) -> str:
    return workflows.function(GATE)


def open_gate(workflows: Workflows, name: str) -> None:
    workflows.aws.client("ssm").put_parameter(Name=name, Value="open", Type="String")


def calls(workflows: Workflows, name: str) -> int:
    return int(workflows.aws.client("ssm").get_parameter(Name=f"{name}/calls")["Parameter"]["Value"])


def redrive(workflows: Workflows, execution: str, **fields: Any) -> Any:
    return workflows.states.redrive_execution(executionArn=execution, **fields)["redriveDate"]


def types(workflows: Workflows, execution: str) -> list[str]:
    return [event["type"] for event in workflows.history(execution)]


def refusal(workflows: Workflows, execution: str) -> str:
    with pytest.raises(ClientError) as error:
        redrive(workflows, execution)
    found = error.value.response["Error"]
    assert found["Code"] == "ExecutionNotRedrivable"
    described = workflows.states.describe_execution(executionArn=execution)
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert described["redriveStatusReason"] in found["Message"]
    return str(described["redriveStatusReason"])


def test_a_failed_task_is_run_again_with_its_input_its_variables_and_fresh_retries(
    workflows: Workflows, gate: str
) -> None:
    retry = [{"ErrorEquals": ["Closed"], "IntervalSeconds": 10, "MaxAttempts": 1}]
    states = {
        "First": {"Type": "Pass", "Assign": {"n": 5}, "Output": {"from": "first"}, "Next": "Task"},
        "Task": call(
            gate,
            {"gate": "{% $states.context.Execution.Input.gate %}", "from": "{% $states.input.from %}"},
            Retry=retry,
            Output={
                "n": "{% $n %}",
                "from": "{% $states.input.from %}",
                "redriven": "{% $states.context.Execution.RedriveCount %}",
            },
        ),
    }
    execution = workflows.start(workflows.machine(states), {"gate": "/gate/task"})
    failed = workflows.wait(execution)
    assert (failed["status"], failed["error"], failed["seconds"]) == ("FAILED", "Closed", 10)
    assert (failed["redriveCount"], failed["redriveStatus"]) == (0, "REDRIVABLE")
    before = workflows.history(execution)
    assert redrive(workflows, execution) == failed["stopDate"]
    again = workflows.wait(execution)
    assert (again["status"], again["redriveCount"], calls(workflows, "/gate/task")) == ("FAILED", 1, 4)
    open_gate(workflows, "/gate/task")
    redrive(workflows, execution, clientToken="once")
    ended = workflows.wait(execution)
    assert ended["output"] == {"n": 5, "from": "first", "redriven": 2}
    assert ended["startDate"] == failed["startDate"]
    assert "error" not in ended
    events = workflows.history(execution)
    assert events[: len(before)] == before
    assert events[len(before)]["type"] == "ExecutionRedriven"
    assert events[len(before)]["executionRedrivenEventDetails"]["redriveCount"] == 1
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events].count("PassStateEntered") == 1
    told = [event["detail"] for event in workflows.aws.control("events")["events"] if execution in event["resources"]]
    assert [(detail["status"], detail["redriveCount"]) for detail in told] == [
        (status, count) for count, end in enumerate(("FAILED", "FAILED", "SUCCEEDED")) for status in ("RUNNING", end)
    ]
    assert redrive(workflows, execution, clientToken="once") == ended["redriveDate"]
    assert refusal(workflows, execution) == "Execution is SUCCEEDED and cannot be redriven"


def test_only_the_branches_and_iterations_that_had_not_succeeded_run_again(workflows: Workflows, gate: str) -> None:
    wait_then_call = {
        "Wait": rest(5, "Call"),
        "Call": call(gate, {"gate": "{% $states.input %}"}, Output="{% $states.result.Payload %}"),
    }
    iterations = {
        "Type": "Map",
        "Items": ["/gate/a", "/gate/b", "/gate/c"],
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Wait", "States": wait_then_call},
        "MaxConcurrency": 1,
        "End": True,
    }
    other = call(gate, {"gate": "/gate/other"}, Output="{% $states.result.Payload %}")
    state = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "Each", "States": {"Each": iterations}},
            {"StartAt": "Other", "States": {"Other": other}},
        ],
        "End": True,
    }
    open_gate(workflows, "/gate/a")
    open_gate(workflows, "/gate/other")
    execution = workflows.start(workflows.machine({"All": state}))
    failed = workflows.wait(execution)
    assert (failed["status"], failed["error"], failed["seconds"]) == ("FAILED", "Closed", 10)
    open_gate(workflows, "/gate/b")
    open_gate(workflows, "/gate/c")
    redrive(workflows, execution)
    ended = workflows.wait(execution)
    assert ended["output"] == [[1, 2, 1], 1]
    assert (ended["stopDate"] - ended["redriveDate"]).total_seconds() == 5
    assert types(workflows, execution)[-1] == "ExecutionSucceeded"


def test_an_aborted_and_a_timed_out_execution_go_on_with_a_new_token(workflows: Workflows) -> None:
    ask = call(workflows.function(KEEP_TOKEN), {"t": TOKEN}, token=True)
    execution = workflows.start(workflows.machine({"Ask": ask}, TimeoutSeconds=100))
    tokens = []
    for end in ("abort", "time out"):
        workflows.settle()
        tokens.append(workflows.aws.client("ssm").get_parameter(Name="/redrive/token")["Parameter"]["Value"])
        if end == "abort":
            workflows.states.stop_execution(executionArn=execution, error="by-hand")
        else:
            workflows.aws.control("clock", {"advance": 99})
            assert refusal(workflows, execution) == "Execution is RUNNING and cannot be redriven"
            workflows.aws.control("clock", {"advance": 1})
            assert workflows.wait(execution)["status"] == "TIMED_OUT"
        redrive(workflows, execution)
    workflows.settle()
    tokens.append(workflows.aws.client("ssm").get_parameter(Name="/redrive/token")["Parameter"]["Value"])
    assert len(set(tokens)) == 3
    for old in tokens[:2]:
        with pytest.raises(ClientError) as error:
            workflows.states.send_task_success(taskToken=old, output="{}")
        assert error.value.response["Error"]["Code"] == "TaskTimedOut"
    workflows.states.send_task_success(taskToken=tokens[2], output=json.dumps("answered"))
    assert workflows.wait(execution)["output"] == "answered"
    ends = [kind for kind in types(workflows, execution) if kind.startswith("Execution")]
    assert ends == [
        "ExecutionStarted",
        "ExecutionAborted",
        "ExecutionRedriven",
        "ExecutionTimedOut",
        "ExecutionRedriven",
        "ExecutionSucceeded",
    ]


def test_an_updated_machine_is_redriven_as_it_was_and_after_14_days_not_at_all(workflows: Workflows) -> None:
    machine = workflows.machine({"Fail": {"Type": "Fail", "Error": "old"}})
    execution = workflows.start(machine)
    workflows.wait(execution)
    new = {"QueryLanguage": "JSONata", "StartAt": "New", "States": {"New": {"Type": "Succeed"}}}
    workflows.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(new))
    redrive(workflows, execution)
    assert workflows.wait(execution)["error"] == "old"
    described = workflows.states.describe_state_machine_for_execution(executionArn=execution)
    assert json.loads(described["definition"])["StartAt"] == "Fail"
    assert described["stateMachineArn"] == machine
    workflows.aws.control("clock", {"advance": 14 * 86400 + 1})
    assert refusal(workflows, execution) == "Execution redrivable period exceeded"


def test_a_closed_name_is_free_after_90_days(workflows: Workflows) -> None:
    machine = workflows.machine({"Done": {"Type": "Succeed"}})
    execution = workflows.start(machine, name="again")
    workflows.wait(execution)
    workflows.aws.control("clock", {"advance": 90 * 86400})
    with pytest.raises(ClientError) as error:
        workflows.start(machine, name="again")
    assert error.value.response["Error"]["Code"] == "ExecutionAlreadyExists"
    workflows.aws.control("clock", {"advance": 1})
    with pytest.raises(ClientError) as error:
        workflows.states.describe_execution(executionArn=execution)
    assert error.value.response["Error"]["Code"] == "ExecutionDoesNotExist"
    assert workflows.states.list_executions(stateMachineArn=machine)["executions"] == []
    assert workflows.start(machine, name="again") == execution
