"""The same estate, the same seed and the same calls give the same time line and the same identifiers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.emulator.drs.support import Drs, frozen
from tests.support.embedded import ROOT, EmbeddedAws

SMALL = ROOT / "tests" / "support" / "small_estate.yml"
ADDRESSES = {"s-db100000000000001": "10.20.1.11", "s-app10000000000001": "10.20.1.21", "s-app20000000000001": None}
SUBNET = "subnet-0a20100000000d001"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
RETRIES = {
    "StartAt": "Fail",
    "States": {
        "Fail": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
            "Parameters": {"Name": "none"},
            "Retry": [
                {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 3, "JitterStrategy": "FULL"}
            ],
            "End": True,
        }
    },
}


def elapsed(start: str | datetime, moment: str | datetime) -> float:
    """Return the seconds between two moments, to the millisecond."""
    first, second = (datetime.fromisoformat(item) if isinstance(item, str) else item for item in (start, moment))
    return round((second - first).total_seconds(), 3)


def drills(running: Drs) -> list[Any]:
    """Drill three servers, again so that the first instances are cleaned up, and tell everything about it."""
    for server_id, address in ADDRESSES.items():
        running.launch_into(server_id, SUBNET, address)
    told: list[Any] = []
    for _ in range(2):
        job_id = running.recover(*ADDRESSES, isDrill=True)
        job = running.job(job_id)
        log = running.log(job_id)
        told += [job_id, elapsed(job["creationDateTime"], job["endDateTime"])]
        told += [
            [elapsed(job["creationDateTime"], item["logDateTime"]), item["event"], item["eventData"]] for item in log
        ]
    for server_id in ADDRESSES:
        instance = running.instance(running.recovery_instance_of(server_id)["ec2InstanceID"])
        (interface,) = instance["NetworkInterfaces"]
        told += [instance["InstanceId"], instance["PrivateIpAddress"], interface["NetworkInterfaceId"]]
        told += [interface["MacAddress"], [disk["Ebs"]["VolumeId"] for disk in instance["BlockDeviceMappings"]]]
    return told


def retries(aws: EmbeddedAws) -> list[float]:
    """Run a task that fails, and return when it was tried."""
    role = aws.client("iam").create_role(RoleName="retries", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(name="retries", definition=json.dumps(RETRIES), roleArn=role)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], name="the-same")
    aws.control("clock", {"advance": 600})
    execution = states.describe_execution(executionArn=started["executionArn"])
    assert execution["status"] == "FAILED"
    events = states.get_execution_history(executionArn=started["executionArn"])["events"]
    return [elapsed(execution["startDate"], event["timestamp"]) for event in events if event["type"] == "TaskScheduled"]


def story(_number: int) -> list[Any]:
    """Run the scenario in an emulator of its own."""
    with frozen(SMALL) as running:
        vpc = running.ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
        return [vpc, *drills(running), *retries(running.aws)]


@pytest.fixture(scope="module")
def stories() -> Iterator[list[list[Any]]]:
    """The scenario, twice."""
    with ThreadPoolExecutor(2) as pool:
        yield list(pool.map(story, range(2)))


def test_the_same_calls_give_the_same_time_line_and_identifiers(stories: list[list[Any]]) -> None:
    assert stories[0] == stories[1]


def test_the_scenario_is_not_empty(stories: list[list[Any]]) -> None:
    events = [item[1] for item in stories[0] if isinstance(item, list) and len(item) == 3]
    assert events.count("LAUNCH_END") == 6
    assert events.count("CLEANUP_END") == 3
    tries = stories[0][-4:]
    assert tries[0] < tries[1] < tries[2] < tries[3] < 71
