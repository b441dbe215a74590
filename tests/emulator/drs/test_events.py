"""What EventBridge hears of DRS and Step Functions, and who gets it [facts 7.10, 10.1 item 13]."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs
from tests.emulator.engine.workflows import Workflows

LAUNCH_RESULT = "DRS Source Server Launch Result"
STALLED_CHANGE = "DRS Source Server Data Replication Stalled Change"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.fixture(autouse=True)
def _nothing_left(drs: Drs) -> Iterator[None]:
    yield
    drs.aws.control("faults", method="DELETE")
    drs.aws.control("events", method="DELETE")


class Listener:
    """A queue that gets the events of a pattern."""

    def __init__(self, drs: Drs, name: str, pattern: dict[str, Any], **target: Any):
        self._queues = drs.aws.client("sqs")
        self._events = drs.aws.client("events")
        self.name = name
        self._url = self._queues.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-west-2:{TARGET}:{name}"
        self._events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn, **target}])

    def heard(self) -> list[Any]:
        """Return the messages that have come, and forget them."""
        found = []
        while messages := self._queues.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._queues.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def disable(self) -> None:
        self._events.disable_rule(Name=self.name)


def sent(drs: Drs, detail_type: str) -> list[dict[str, Any]]:
    drs.advance(0)
    return [event for event in drs.aws.control("events")["events"] if event["detail-type"] == detail_type]


def test_each_launch_tells_how_it_ended(drs: Drs) -> None:
    listener = Listener(drs, "launches", {"source": ["aws.drs"], "detail-type": [LAUNCH_RESULT]})
    good, bad = "s-paydb100000000001", "s-paydb200000000001"
    for server in (good, bad):
        drs.launch_into(server, RECOVERY_APP)
    drs.aws.control("faults", {"kind": "launch_failure", "phase": "LAUNCH", "server": bad})
    job_id = drs.recover(good, bad, isDrill=True)
    events = {event["resources"][0].rsplit("/", 1)[1]: event for event in listener.heard()}
    assert {server: event["detail"] for server, event in events.items()} == {
        good: {"state": "RECOVERY_LAUNCH_SUCCEEDED", "job-id": job_id, "is-drill": "TRUE"},
        bad: {"state": "RECOVERY_LAUNCH_FAILED", "job-id": job_id, "is-drill": "TRUE"},
    }
    event = events[good]
    assert (event["source"], event["account"], event["region"]) == ("aws.drs", TARGET, "us-west-2")
    assert event["resources"] == [drs.server(good)["arn"]]
    launched = next(item for item in drs.log(job_id, good) if item["event"] == "LAUNCH_END")["logDateTime"]
    assert event["time"] == f"{launched[:19]}Z"
    assert len(sent(drs, "DRS PIT Snapshot Taken")) == 2
    listener.disable()


def test_a_stall_tells_when_it_begins_and_when_it_ends(drs: Drs) -> None:
    listener = Listener(drs, "stalls", {"detail-type": [STALLED_CHANGE], "detail": {"state": ["STALLED"]}})
    place = {"account": TARGET, "region": "us-west-2", "source_server_id": "s-payapp10000000001"}
    for state in ("STALLED", "STALLED", "CONTINUOUS"):
        drs.aws.control("drs/source-server", {**place, "replication_state": state})
    assert [event["detail"]["state"] for event in sent(drs, STALLED_CHANGE)] == ["STALLED", "NOT_STALLED"]
    assert [event["detail"] for event in listener.heard()] == [{"state": "STALLED"}]
    listener.disable()


def test_an_event_may_get_lost_and_a_source_may_keep_quiet(drs: Drs) -> None:
    """Facts 7.10: delivery is best effort, so nobody may rely on it."""
    listener = Listener(drs, "lost", {"source": ["aws.drs"]})
    place = {"account": TARGET, "region": "us-west-2", "source_server_id": "s-payapp20000000001"}
    drs.aws.control("faults", {"id": "loss", "kind": "lost_event", "source": "aws.drs", "detail_type": "*Stalled*"})
    for state in ("STALLED", "CONTINUOUS"):
        drs.aws.control("drs/source-server", {**place, "replication_state": state})
    assert [event["lost"] for event in sent(drs, STALLED_CHANGE)] == ["loss", None]
    assert [event["detail"]["state"] for event in listener.heard()] == ["NOT_STALLED"]
    drs.aws.control("events", {"silent": ["aws.drs"]})
    for state in ("STALLED", "CONTINUOUS"):
        drs.aws.control("drs/source-server", {**place, "replication_state": state})
    drs.aws.control("events", {"silent": []})
    assert len(sent(drs, STALLED_CHANGE)) == 2
    assert listener.heard() == []
    listener.disable()


def test_functions_state_machines_topics_and_logs_are_targets(drs: Drs) -> None:
    workflows = Workflows(drs.aws)
    table = drs.aws.client("dynamodb")
    table.create_table(
        TableName="heard",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem",
        "Arguments": {"TableName": "heard", "Item": {"k": {"S": "{% $states.input.detail.state %}"}}},
        "End": True,
    }
    machine = workflows.machine({"Note": state})
    topic = drs.aws.client("sns").create_topic(Name="heard")["TopicArn"]
    inbox = Listener(drs, "inbox", {"source": ["nobody"]})
    queue = f"arn:aws:sqs:us-west-2:{TARGET}:inbox"
    drs.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    logs = drs.aws.client("logs")
    logs.create_log_group(logGroupName="/aws/events/heard")
    role = drs.aws.client("iam").create_role(RoleName="heard", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    rights = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
    drs.aws.client("iam").put_role_policy(RoleName="heard", PolicyName="start", PolicyDocument=policy)
    events = drs.aws.client("events")
    events.put_rule(Name="heard", EventPattern=json.dumps({"detail-type": [STALLED_CHANGE]}))
    group = f"arn:aws:logs:us-west-2:{TARGET}:log-group:/aws/events/heard"
    targets = [
        {"Id": "machine", "Arn": machine, "RoleArn": role},
        {"Id": "topic", "Arn": topic, "InputPath": "$.detail"},
        {"Id": "logs", "Arn": group},
        {"Id": "nowhere", "Arn": f"arn:aws:sqs:us-west-2:{TARGET}:nowhere"},
    ]
    events.put_targets(Rule="heard", Targets=targets)
    place = {"account": TARGET, "region": "us-west-2", "source_server_id": "s-payapp30000000001"}
    drs.aws.control("drs/source-server", {**place, "replication_state": "STALLED"})
    drs.advance(0)
    assert table.get_item(TableName="heard", Key={"k": {"S": "STALLED"}})["Item"] == {"k": {"S": "STALLED"}}
    (message,) = inbox.heard()
    assert json.loads(message["Message"]) == {"state": "STALLED"}
    (entry,) = logs.filter_log_events(logGroupName="/aws/events/heard")["events"]
    assert json.loads(entry["message"])["detail-type"] == STALLED_CHANGE
    failures = {item["target"]: item["failure"] for item in drs.aws.control("events")["deliveries"]}
    assert [target for target, failure in failures.items() if failure] == [targets[3]["Arn"]]
    events.disable_rule(Name="heard")


def test_an_execution_tells_how_it_goes(drs: Drs) -> None:
    """Facts 7.10: Step Functions Execution Status Change, source aws.states."""
    workflows = Workflows(drs.aws)
    listener = Listener(drs, "executions", {"source": ["aws.states"], "detail": {"status": ["SUCCEEDED", "FAILED"]}})
    machine = workflows.machine({"Done": {"Type": "Succeed"}})
    arn = workflows.start(machine, {"run": "r-1"})
    workflows.wait(arn)
    told = [event["detail"]["status"] for event in sent(drs, "Step Functions Execution Status Change")]
    assert told == ["RUNNING", "SUCCEEDED"]
    (event,) = listener.heard()
    detail = event["detail"]
    assert (event["resources"], detail["executionArn"], detail["stateMachineArn"]) == ([arn], arn, machine)
    assert (json.loads(detail["input"]), json.loads(detail["output"])) == ({"run": "r-1"}, {"run": "r-1"})
    assert detail["stopDate"] >= detail["startDate"] > 1_700_000_000_000
    listener.disable()
