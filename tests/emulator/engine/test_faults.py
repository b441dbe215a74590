"""Faults on demand that happen to API calls, through boto3: what goes wrong, for whom, when and how often."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.emulator.engine.workflows import Workflows, call
from tests.support.embedded import ROOT, STAGING, TARGET, ControlError, EmbeddedAws


@pytest.fixture(autouse=True)
def _no_faults_left(embedded: EmbeddedAws) -> Iterator[None]:
    yield
    embedded.control("faults", method="DELETE")


def fault(embedded: EmbeddedAws, **document: Any) -> dict[str, Any]:
    """Set a fault and return it as it is listed."""
    answer = embedded.control("faults", document)
    return next(item for item in answer["faults"] if item["id"] == answer["id"])


def refused(function: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        function(**arguments)
    return error.value.response


def works(function: Any) -> bool:
    try:
        function()
    except ClientError:
        return False
    return True


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code", "status"),
    [
        ("drs", "describe_jobs", {}, "ThrottlingException", 429),  # facts 1.0
        ("ec2", "describe_vpcs", {}, "RequestLimitExceeded", 503),  # facts 2.3
        ("lambda", "list_functions", {}, "TooManyRequestsException", 429),
        ("stepfunctions", "list_state_machines", {}, "ThrottlingException", 400),
        ("dynamodb", "list_tables", {}, "ThrottlingException", 400),
        (
            "dynamodb",
            "get_item",
            {"TableName": "t", "Key": {"k": {"S": "v"}}},
            "ProvisionedThroughputExceededException",  # facts 2.4
            400,
        ),
        ("iam", "list_roles", {}, "Throttling", 400),
        ("s3", "list_buckets", {}, "SlowDown", 503),
        ("sqs", "list_queues", {}, "RequestThrottled", 403),
    ],
)
def test_throttling_is_worded_as_each_service_does(
    embedded: EmbeddedAws, service: str, operation: str, arguments: dict[str, Any], code: str, status: int
) -> None:
    fault(embedded, kind="throttle", service=service, operation="*", retry_after=7)
    response = refused(getattr(embedded.client(service), operation), **arguments)
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_throttling_of_drs_says_when_to_come_again_as_the_model_has_it(embedded: EmbeddedAws) -> None:
    """Facts 1.0: the header Retry-After is the error's member retryAfterSeconds."""
    fault(embedded, kind="throttle", service="drs", operation="DescribeJobs", retry_after=3)
    assert refused(embedded.client("drs").describe_jobs)["retryAfterSeconds"] == "3"


def test_an_error_of_drs_has_the_members_of_its_shape(embedded: EmbeddedAws) -> None:
    """Facts 1.0: ServiceQuotaExceededException is a 402 with quotaCode and code."""
    members = {"quotaCode": "L-B827C881", "serviceCode": "drs", "resourceId": "s-1"}
    fault(embedded, service="drs", operation="DescribeJobs", error="ServiceQuotaExceededException", members=members)
    response = refused(embedded.client("drs").describe_jobs)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert {key: response[key] for key in members} == members
    assert response["code"] == "ServiceQuotaExceededException"


@pytest.mark.parametrize(
    ("service", "operation", "code", "words"),
    [
        ("drs", "describe_jobs", "AccessDeniedException", "drs:DescribeJobs on resource: *"),
        ("ec2", "describe_vpcs", "UnauthorizedOperation", "You are not authorized to perform this operation"),
        ("stepfunctions", "list_state_machines", "AccessDeniedException", "states:ListStateMachines"),
        ("iam", "list_roles", "AccessDenied", f"User: arn:aws:iam::{TARGET}:user/dr-operator is not authorized"),
        (
            "s3",
            "list_buckets",
            "AccessDenied",
            "no identity-based policy allows the s3:ListAllMyBuckets action",
        ),
        ("sns", "list_topics", "AuthorizationError", "SNS:ListTopics"),
        ("sts", "get_caller_identity", "AccessDenied", "sts:GetCallerIdentity"),
        ("lambda", "list_functions", "AccessDeniedException", "lambda:ListFunctions"),
    ],
)
def test_denied_is_worded_as_each_service_does(
    embedded: EmbeddedAws, service: str, operation: str, code: str, words: str
) -> None:
    fault(embedded, kind="denied", service=service, operation="*")
    error = refused(getattr(embedded.client(service), operation))["Error"]
    assert error["Code"] == code
    assert words in error["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "more", "code", "status"),
    [
        ("drs", "describe_jobs", {}, "InternalServerException", 500),  # facts 1.0
        ("ec2", "describe_vpcs", {"error": "Unavailable", "status": 503}, "Unavailable", 503),
        ("stepfunctions", "list_state_machines", {}, "InternalFailure", 500),
    ],
)
def test_a_service_may_be_out_of_order(
    embedded: EmbeddedAws, service: str, operation: str, more: dict[str, Any], code: str, status: int
) -> None:
    fault(embedded, kind="server_error", service=service, operation="*", **more)
    response = refused(getattr(embedded.client(service), operation))
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", False), ("timeout_after", True)])
def test_a_call_without_an_answer_may_have_done_its_work(embedded: EmbeddedAws, kind: str, made: bool) -> None:
    """Facts 7.1: after a time-out the caller cannot know, so it has to look before it tries again."""
    queues = embedded.client("sqs")
    fault(embedded, kind=kind, service="sqs", operation="CreateQueue")
    with pytest.raises(ConnectionClosedError):
        queues.create_queue(QueueName=kind)
    urls = queues.list_queues(QueueNamePrefix=kind).get("QueueUrls", [])
    assert bool(urls) is made
    call = next(item for item in embedded.control("calls")["calls"] if item["error"] == "NoAnswer")
    assert call["operation"] == "CreateQueue"


@pytest.mark.parametrize(
    ("service", "operation", "state", "error"),
    [
        ("drs", "DescribeJobs", {"Resource": "arn:aws:states:::aws-sdk:drs:describeJobs"}, "Drs.SdkClientException"),
        ("lambda", "Invoke", {"Resource": "arn:aws:states:::lambda:invoke"}, "Lambda.SdkClientException"),
    ],
)
def test_a_state_machine_can_catch_a_call_without_an_answer(
    workflows: Workflows, service: str, operation: str, state: dict[str, Any], error: str
) -> None:
    """Facts 7.1: SdkClientException of the service."""
    fault(workflows.aws, kind="timeout_after", service=service, operation=operation)
    arguments = {"FunctionName": "f"} if service == "lambda" else {}
    catch = [{"ErrorEquals": [error], "Next": "Caught"}]
    task = {"Type": "Task", "Arguments": arguments, **state, "Catch": catch, "End": True}
    assert workflows.run({"Ask": task, "Caught": {"Type": "Succeed"}})["output"]["Error"] == error


def test_a_slow_call_in_a_function_lets_its_time_out_come(workflows: Workflows) -> None:
    """Others may be at work, waiting for the slow call: time passes for them too."""
    source = "import boto3\ndef handler(event, context):\n    return boto3.client('sqs').list_queues().get('QueueUrls')"
    name = workflows.function(source)
    fault(workflows.aws, kind="slow", service="sqs", operation="ListQueues", seconds=90)
    task = call(name, {}, TimeoutSeconds=60)
    ended = workflows.run({"Ask": task})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert ended["seconds"] == 60


def test_a_slow_call_takes_virtual_time(embedded: EmbeddedAws) -> None:
    fault(embedded, kind="slow", service="sqs", operation="ListQueues", seconds=90, times=1)
    before = datetime.fromisoformat(embedded.control("clock")["now"])
    embedded.client("sqs").list_queues()
    after = datetime.fromisoformat(embedded.control("clock")["now"])
    assert (after - before).total_seconds() == 90


def test_a_pattern_of_operations_strikes_all_that_fit(embedded: EmbeddedAws) -> None:
    fault(embedded, kind="throttle", service="ec2", operation="Describe*", times=None)
    ec2 = embedded.client("ec2")
    assert not works(ec2.describe_vpcs)
    assert not works(ec2.describe_subnets)
    assert works(lambda: ec2.create_vpc(CidrBlock="10.9.0.0/16"))


def test_some_calls_pass_first_and_then_so_many_fail(embedded: EmbeddedAws) -> None:
    shown = fault(embedded, kind="throttle", service="sqs", operation="ListQueues", skip=2, times=2)
    assert (shown["skip"], shown["times"], shown["happened"]) == (2, 2, 0)
    assert [works(embedded.client("sqs").list_queues) for _ in range(5)] == [True, True, False, False, True]
    assert embedded.control("faults") == {"faults": []}


def test_dice_fall_the_same_way_for_the_same_seed(embedded: EmbeddedAws) -> None:
    runs = []
    for seed in ("one", "one", "two"):
        rule = fault(embedded, kind="throttle", service="sqs", operation="*", probability=0.5, seed=seed, times=None)
        runs.append([works(embedded.client("sqs").list_queues) for _ in range(24)])
        embedded.control("faults", {"id": rule["id"]}, "DELETE")
    assert runs[0] == runs[1] != runs[2]
    assert {True, False} == set(runs[0])


def test_a_fault_may_mean_one_principal_account_and_region_only(embedded: EmbeddedAws) -> None:
    iam = embedded.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": TARGET}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="waves", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    iam.attach_role_policy(RoleName="waves", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    session = embedded.client("sts").assume_role(RoleArn=f"arn:aws:iam::{TARGET}:role/waves", RoleSessionName="run")
    keys = session["Credentials"]
    as_role = embedded.client(
        "sqs",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    fault(embedded, kind="denied", service="sqs", operation="*", principal="waves", times=None)
    assert not works(as_role.list_queues)
    assert works(embedded.client("sqs").list_queues)
    fault(embedded, kind="denied", service="sqs", operation="*", account=STAGING, region="eu-*", times=None)
    assert not works(embedded.client("sqs", "eu-west-1", STAGING).list_queues)
    assert works(embedded.client("sqs", "us-east-1", STAGING).list_queues)
    assert works(embedded.client("sqs", "eu-west-1").list_queues)


def test_a_fault_holds_from_one_moment_to_another(embedded: EmbeddedAws) -> None:
    queues = embedded.client("sqs")
    fault(embedded, kind="throttle", service="sqs", operation="*", times=None, **{"from": 60, "to": 120})
    seen = []
    for _ in range(3):
        seen.append(works(queues.list_queues))
        embedded.control("clock", {"advance": 61})
    assert seen == [True, False, True]


def test_a_batch_is_done_in_part_and_the_rest_can_be_sent_again(embedded: EmbeddedAws) -> None:
    tables = embedded.client("dynamodb")
    for name in ("one", "two"):
        tables.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "N"}],
        )
    fault(embedded, kind="unprocessed", service="dynamodb", operation="BatchWriteItem", processed=2)
    puts = [{"PutRequest": {"Item": {"k": {"N": str(number)}}}} for number in range(3)]
    left = tables.batch_write_item(RequestItems={"one": puts, "two": puts[:2]})["UnprocessedItems"]
    assert left == {"one": puts[2:], "two": puts[:2]}
    assert tables.scan(TableName="one")["Count"] == 2
    assert tables.batch_write_item(RequestItems=left)["UnprocessedItems"] == {}

    fault(embedded, kind="unprocessed", service="dynamodb", operation="BatchGetItem")
    keys = [{"k": {"N": str(number)}} for number in range(3)]
    asked = {name: {"Keys": keys[:2], "ConsistentRead": True} for name in ("one", "two")}
    answer = tables.batch_get_item(RequestItems=asked)
    assert answer["Responses"] == {"one": keys[:1]}
    assert answer["UnprocessedKeys"] == {"one": {"Keys": keys[1:2], "ConsistentRead": True}, "two": asked["two"]}
    assert tables.batch_get_item(RequestItems=answer["UnprocessedKeys"])["UnprocessedKeys"] == {}
    for name in ("one", "two"):
        tables.delete_table(TableName=name)


def test_faults_are_listed_and_deleted_by_id(embedded: EmbeddedAws) -> None:
    first = fault(embedded, id="mine", kind="throttle", service="sqs", operation="*")
    second = fault(embedded, kind="throttle", service="sns", operation="*")
    assert first["id"] == "mine"
    with pytest.raises(ControlError, match="there is a fault 'mine' already"):
        fault(embedded, id="mine", kind="throttle", service="sqs", operation="*")
    left = embedded.control("faults", {"id": "mine"}, "DELETE")["faults"]
    assert [item["id"] for item in left] == [second["id"]]
    with pytest.raises(ControlError, match=f"there is no fault 'mine'; there are: {second['id']}"):
        embedded.control("faults", {"id": "mine"}, "DELETE")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"kind": "explode"}, "there is no kind of fault 'explode'; there are automation_failure, denied, error"),
        ({"kind": "throttle", "service": "drs"}, "of kind throttle needs operation"),
        ({"kind": "throttle", "service": "drs", "operation": "X*"}, "drs has no operation X"),
        (
            {"kind": "slow", "service": "drs", "operation": "*", "seconds": -1},
            "seconds is -1: give a number, 0 or more",
        ),
        ({"kind": "denied", "service": "drs", "operation": "*", "probability": 2}, "probability is 2: give a number"),
        ({"kind": "denied", "service": "drs", "operation": "*", "from": "soon"}, "from is 'soon': give a date"),
        ({"kind": "denied", "service": "drs", "operation": "*", "from": 9, "to": 3}, "to is 3: it comes before from"),
        ({"kind": "launch_failure", "phase": "BOOT"}, "phase is 'BOOT': give one of CLEANUP, SNAPSHOT"),
        (
            {"kind": "unprocessed", "service": "dynamodb", "operation": "GetItem"},
            "only BatchGetItem and BatchWriteItem of dynamodb leave something unprocessed",
        ),
        ({"kind": "replication"}, "of kind replication needs state, lag or both"),
        ({"kind": "replication", "state": "FINE"}, "state is 'FINE': give one of STOPPED"),
        ({"kind": "replication", "lag": 5, "times": 2}, "of kind replication has no field times"),
        ({"kind": "no_capacity", "operation": "RunInstances"}, "of kind no_capacity has no field operation"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(embedded: EmbeddedAws, document: dict[str, Any], words: str) -> None:
    with pytest.raises(ControlError) as error:
        embedded.control("faults", document)
    assert error.value.status == 400
    assert words in error.value.text
    assert embedded.control("faults") == {"faults": []}


def test_rules_are_set_from_the_command_line(embedded: EmbeddedAws) -> None:
    def command(*arguments: str) -> tuple[int, str]:
        line = [sys.executable, "-m", "emulator", "faults", "--state-dir", str(embedded.state_dir), *arguments]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    assert command("add", "{id: mine, kind: throttle, service: sqs, operation: '*'}") == (0, "fault mine is set")
    assert "mine" in command("list")[1]
    assert command("add", "{kind: slow}") == (1, "error: a fault of kind slow needs operation, seconds, service")
    assert command("clear", "mine") == (0, "fault mine is taken away")
    assert command("list") == (0, "no faults are set")
