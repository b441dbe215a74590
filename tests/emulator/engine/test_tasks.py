"""Tasks of state machines: functions, task tokens, child executions, services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.engine.workflows import REGION, Workflows, call, rest
from tests.support.embedded import STAGING, TARGET, EmbeddedAws

ECHO = "def handler(event, context):\n    return event\n"
WHO = """
import boto3

def handler(event, context):
    identity = boto3.client("sts").get_caller_identity()
    return {"account": identity["Account"], "arn": identity["Arn"]}
"""
KEEP_TOKEN = """
import boto3

def handler(event, context):
    boto3.client("ssm").put_parameter(Name=event["name"], Value=event["token"], Type="String", Overwrite=True)
"""
TOKEN = "{% $states.context.Task.Token %}"
CHILD = "arn:aws:states:::states:startExecution.sync:2"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def waiting(workflows: Workflows, name: str, **fields: Any) -> dict[str, Any]:
    """Return a task that leaves its token in a parameter and waits."""
    payload = {"name": name, "token": TOKEN}
    return call(workflows.function(KEEP_TOKEN), payload, token=True, **fields)


def token_of(workflows: Workflows, name: str) -> str:
    """Return the token that a waiting task has left."""
    workflows.settle()
    parameters = workflows.aws.client("ssm", workflows.region, workflows.account)
    return str(parameters.get_parameter(Name=name)["Parameter"]["Value"])


def fails_with(workflows: Workflows, state: dict[str, Any], document: Any = None) -> tuple[str, str]:
    ended = workflows.run({"Only": state}, document)
    assert ended["status"] == "FAILED"
    return ended["error"], ended.get("cause", "")


def test_a_function_runs_as_its_role_in_the_account_of_the_machine(embedded: EmbeddedAws) -> None:
    for account in (TARGET, STAGING):
        workflows = Workflows(embedded, "us-east-1", account)
        state = call(workflows.function(WHO), {}, Output="{% $states.result.Payload %}")
        output = workflows.run({"Call": state})["output"]
        assert output["account"] == account
        assert output["arn"].startswith(f"arn:aws:sts::{account}:assumed-role/workflow-")


def test_an_unknown_function_and_a_throttled_one(workflows: Workflows) -> None:
    error, cause = fails_with(workflows, call("nobody", {}))
    assert error == "Lambda.ResourceNotFoundException"
    assert "nobody" in cause
    workflows.aws.control(
        "faults",
        {"service": "lambda", "operation": "Invoke", "error": "TooManyRequestsException", "status": 429, "times": 2},
    )
    retry = [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 5, "BackoffRate": 1}]
    ended = workflows.run({"Call": call(workflows.function(ECHO), {}, Retry=retry)})
    assert (ended["status"], ended["seconds"]) == ("SUCCEEDED", 10)


def test_a_token_is_answered_once(workflows: Workflows) -> None:
    execution = workflows.start(workflows.machine({"Ask": waiting(workflows, "/answered")}))
    token = token_of(workflows, "/answered")
    assert workflows.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    workflows.states.send_task_success(taskToken=token, output=json.dumps({"decision": "continue"}))
    assert workflows.wait(execution)["output"] == {"decision": "continue"}
    with pytest.raises(ClientError) as error:
        workflows.states.send_task_success(taskToken=token, output="{}")
    assert code_of(error) == "TaskTimedOut"


def test_a_refused_token_fails_the_task_with_its_error(workflows: Workflows) -> None:
    catch = [{"ErrorEquals": ["Refused"], "Output": "{% $states.errorOutput %}", "Next": "End"}]
    states = {"Ask": waiting(workflows, "/refused", Catch=catch), "End": {"Type": "Succeed"}}
    execution = workflows.start(workflows.machine(states))
    token = token_of(workflows, "/refused")
    workflows.states.send_task_failure(taskToken=token, error="Refused", cause="no time")
    assert workflows.wait(execution)["output"] == {"Error": "Refused", "Cause": "no time"}


def test_tokens_that_are_none(workflows: Workflows, embedded: EmbeddedAws) -> None:
    execution = workflows.start(workflows.machine({"Ask": waiting(workflows, "/somewhere")}))
    token = token_of(workflows, "/somewhere")
    elsewhere = embedded.client("stepfunctions", REGION, STAGING)
    for client, text, code in ((workflows.states, "nonsense", "InvalidToken"), (elsewhere, token, "TaskDoesNotExist")):
        for send in (
            lambda client=client, text=text: client.send_task_success(taskToken=text, output="{}"),
            lambda client=client, text=text: client.send_task_failure(taskToken=text),
            lambda client=client, text=text: client.send_task_heartbeat(taskToken=text),
        ):
            with pytest.raises(ClientError) as error:
                send()
            assert code_of(error) == code
    with pytest.raises(ClientError) as error:
        workflows.states.send_task_success(taskToken=token, output="no json")
    assert code_of(error) == "InvalidOutput"
    workflows.states.stop_execution(executionArn=execution)


def test_a_token_times_out_only_when_time_passes_its_timeout(workflows: Workflows) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    states = {
        "Ask": waiting(workflows, "/late", TimeoutSeconds="{% $states.input.limit %}", Catch=catch),
        "Late": {"Type": "Pass", "Output": "late", "End": True},
    }
    execution = workflows.start(workflows.machine(states), {"limit": 14400})
    token = token_of(workflows, "/late")
    workflows.aws.control("clock", {"advance": 14399})
    assert workflows.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    workflows.aws.control("clock", {"advance": 1})
    ended = workflows.wait(execution)
    assert (ended["output"], ended["seconds"]) == ("late", 14400)
    assert "TaskTimedOut" in [event["type"] for event in workflows.history(execution)]
    with pytest.raises(ClientError) as error:
        workflows.states.send_task_success(taskToken=token, output="{}")
    assert code_of(error) == "TaskTimedOut"


def test_every_attempt_has_its_own_token(workflows: Workflows) -> None:
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = workflows.start(workflows.machine({"Ask": waiting(workflows, "/again", Retry=retry)}))
    first = token_of(workflows, "/again")
    workflows.states.send_task_failure(taskToken=first, error="Again")
    workflows.aws.control("clock", {"advance": 1})
    second = token_of(workflows, "/again")
    assert first != second
    workflows.states.send_task_success(taskToken=second, output="2")
    assert workflows.wait(execution)["output"] == 2


def test_heartbeats_keep_a_task_alive(workflows: Workflows) -> None:
    state = waiting(workflows, "/beat", HeartbeatSeconds=100)
    execution = workflows.start(workflows.machine({"Ask": state}))
    token = token_of(workflows, "/beat")
    for _ in range(3):
        workflows.aws.control("clock", {"advance": 90})
        workflows.states.send_task_heartbeat(taskToken=token)
    assert workflows.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    workflows.aws.control("clock", {"advance": 101})
    ended = workflows.wait(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")


def test_a_child_hands_its_output_to_its_parent(workflows: Workflows) -> None:
    child = workflows.machine(
        {"Wait": rest(100, "End"), "End": {"Type": "Succeed", "Output": {"got": "{% $states.input.n %}"}}}
    )
    state = {
        "Type": "Task",
        "Resource": CHILD,
        "Arguments": {
            "StateMachineArn": child,
            "Name": "{% $states.context.Execution.Name & '-w01' %}",
            "Input": {"n": "{% $states.input.n %}"},
        },
        "Output": {"output": "{% $states.result.Output %}", "status": "{% $states.result.Status %}"},
        "End": True,
    }
    execution = workflows.start(workflows.machine({"Wave": state}), {"n": 7}, name="parent")
    ended = workflows.wait(execution)
    assert (ended["output"], ended["seconds"]) == ({"output": {"got": 7}, "status": "SUCCEEDED"}, 100)
    (listed,) = workflows.states.list_executions(stateMachineArn=child)["executions"]
    assert listed["name"] == "parent-w01"


def test_a_child_by_the_older_pattern_hands_its_output_over_as_text(workflows: Workflows) -> None:
    """sfn-dg/connect-stepfunctions: .sync gives a string, .sync:2 gives JSON; without either nobody waits."""
    child = workflows.machine({"Wait": rest(100, "End"), "End": {"Type": "Succeed", "Output": {"a": 1}}})
    older, started = CHILD.removesuffix(":2"), CHILD.removesuffix(".sync:2")
    arguments = {"StateMachineArn": child}
    states = {
        "Start": {"Type": "Task", "Resource": started, "Arguments": arguments, "Next": "Older"},
        "Older": {"Type": "Task", "Resource": older, "Arguments": arguments, "End": True},
    }
    ended = workflows.run(states)
    assert (json.loads(ended["output"]["Output"]), ended["seconds"]) == ({"a": 1}, 100)


@pytest.mark.parametrize("end", ["TIMED_OUT", "ABORTED"])
def test_a_child_that_is_ended_early_fails_the_task(workflows: Workflows, end: str) -> None:
    """sfn-dg/connect-stepfunctions; the name States.TaskFailed goes through Parallel and Map."""
    child = workflows.machine({"Wait": rest(100)}, **({"TimeoutSeconds": 50} if end == "TIMED_OUT" else {}))
    stop = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:stopExecution",
        "Arguments": {"ExecutionArn": "{% $replace($arn, ':stateMachine:', ':execution:') & ':only' %}"},
        "End": True,
    }
    wait = {"Type": "Task", "Resource": CHILD, "Arguments": {"StateMachineArn": child, "Name": "only"}, "End": True}
    branches = [{"StartAt": "Child", "States": {"Child": wait}}]
    if end == "ABORTED":
        branches.append({"StartAt": "Rest", "States": {"Rest": rest(50, "Stop"), "Stop": stop}})
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    ended = workflows.run(
        {
            "Know": {"Type": "Pass", "Assign": {"arn": child}, "Next": "Both"},
            "Both": {
                "Type": "Map",
                "Items": [1],
                "ItemProcessor": {"StartAt": "All", "States": {"All": both}},
                "End": True,
            },
        }
    )
    assert (ended["error"], json.loads(ended["cause"])["Status"]) == ("States.TaskFailed", end)
    assert ended["seconds"] == 50


def test_a_failed_child_fails_the_task(workflows: Workflows) -> None:
    child = workflows.machine({"Fail": {"Type": "Fail", "Error": "aborted", "Cause": "the operator said so"}})
    state = {"Type": "Task", "Resource": CHILD, "Arguments": {"StateMachineArn": child, "Input": {}}, "End": True}
    error, cause = fails_with(workflows, state)
    assert error == "States.TaskFailed"
    document = json.loads(cause)
    assert (document["Status"], document["Error"], document["Cause"]) == ("FAILED", "aborted", "the operator said so")


def test_a_parent_that_is_stopped_stops_its_child(workflows: Workflows) -> None:
    child = workflows.machine({"Ask": waiting(workflows, "/child")})
    state = {"Type": "Task", "Resource": CHILD, "Arguments": {"StateMachineArn": child}, "End": True}
    execution = workflows.start(workflows.machine({"Wave": state}))
    token_of(workflows, "/child")
    workflows.states.stop_execution(executionArn=execution, error="stopped", cause="by hand")
    ended = workflows.wait(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "stopped", "by hand")
    workflows.settle()
    (listed,) = workflows.states.list_executions(stateMachineArn=child)["executions"]
    assert listed["status"] == "ABORTED"


def test_a_task_whose_time_is_up_stops_its_child(workflows: Workflows) -> None:
    child = workflows.machine({"Wait": rest(1000)})
    state = {"Type": "Task", "Resource": CHILD, "Arguments": {"StateMachineArn": child}, "TimeoutSeconds": 10}
    error, _ = fails_with(workflows, {**state, "End": True})
    assert error == "States.Timeout"
    workflows.settle()
    (listed,) = workflows.states.list_executions(stateMachineArn=child)["executions"]
    assert listed["status"] == "ABORTED"


def test_a_second_child_of_the_same_name_is_refused(workflows: Workflows) -> None:
    child = workflows.machine({"End": {"Type": "Succeed"}})
    workflows.wait(workflows.start(child, name="taken"))
    arguments = {"StateMachineArn": child, "Name": "taken", "Input": {"other": True}}
    error, _ = fails_with(workflows, {"Type": "Task", "Resource": CHILD, "Arguments": arguments, "End": True})
    assert error == "StepFunctions.ExecutionAlreadyExistsException"


def test_services_are_called_by_pascal_case_names(workflows: Workflows) -> None:
    tables = workflows.aws.client("dynamodb")
    tables.create_table(
        TableName="facts",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    tables.put_item(TableName="facts", Item={"pk": {"S": "a"}, "n": {"N": "5"}})
    get = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem",
        "Arguments": {"TableName": "facts", "Key": {"pk": {"S": "a"}}},
        "Output": "{% $number($states.result.Item.n.N) %}",
        "Next": "Vpcs",
    }
    vpcs = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:describeVpcs",
        "Arguments": {"Filters": [{"Name": "is-default", "Values": ["true"]}]},
        "Output": {"n": "{% $states.input %}", "cidr": "{% $states.result.Vpcs[0].CidrBlock %}"},
        "Next": "Groups",
    }
    workflows.aws.client("logs").create_log_group(logGroupName="/named/here")
    groups = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:cloudwatchlogs:describeLogGroups",
        "Arguments": {"LogGroupNamePrefix": "/named"},
        "Output": "{% $merge([$states.input, {'group': $states.result.LogGroups[0].LogGroupName}]) %}",
        "End": True,
    }
    ended = workflows.run({"Get": get, "Vpcs": vpcs, "Groups": groups})
    assert ended["output"] == {"n": 5, "cidr": "172.31.0.0/16", "group": "/named/here"}


def test_errors_of_services_have_their_names(workflows: Workflows) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem",
        "Arguments": {"TableName": "nowhere", "Key": {"pk": {"S": "a"}}},
        "End": True,
    }
    error, _ = fails_with(workflows, state)
    assert error == "DynamoDb.ResourceNotFoundException"
    workflows.aws.control(
        "faults", {"service": "drs", "operation": "DescribeJobs", "error": "ThrottlingException", "status": 429}
    )
    error, cause = fails_with(
        workflows,
        {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:drs:describeJobs", "Arguments": {}, "End": True},
    )
    assert error == "Drs.ThrottlingException"
    assert "Status Code: 429" in cause


def test_a_consumer_that_polls_does_not_hold_time(workflows: Workflows) -> None:
    queues = workflows.aws.client("sqs")
    queue = queues.create_queue(QueueName="polled")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": queue, "MessageBody": "late"},
        "End": True,
    }
    execution = workflows.start(workflows.machine({"Wait": rest(86400, "Send"), "Send": send}))
    (message,) = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "late"
    assert workflows.wait(execution)["seconds"] == 86400
    assert "Messages" not in queues.receive_message(QueueUrl=queue, WaitTimeSeconds=1)


def test_a_topic_gets_a_message(workflows: Workflows) -> None:
    topic = workflows.aws.client("sns").create_topic(Name="notices")["TopicArn"]
    queues = workflows.aws.client("sqs")
    queue = queues.create_queue(QueueName="inbox")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    workflows.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Arguments": {"TopicArn": topic, "Subject": "s", "Message": {"run": "{% $states.input.run %}"}},
        "End": True,
    }
    assert "MessageId" in workflows.run({"Publish": state}, {"run": "r-1"})["output"]
    (message,) = queues.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(json.loads(message["Body"])["Message"]) == {"run": "r-1"}
