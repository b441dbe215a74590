"""An embedded AWS with DynamoDB and Step Functions, and one orchestrator for every test, named after it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
    entry_to_item,
)
from botocore.config import Config

from tests.support.embedded import ROOT, EmbeddedAws

OPERATOR = "arn:aws:iam::222222222222:user/dr-operator"
CLIENTS: dict[tuple[str, str, str], Any] = {}  # making a client takes longer than most tests
ROLE = "hand-made-state-machines"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PLAN = {
    "name": "payments",
    "groups": {"db": {"servers": ["pay-db-1.example.internal"]}, "web": {"servers": ["pay-web-1.example.internal"]}},
    "waves": [{"name": "databases", "groups": ["db"]}, {"name": "web", "groups": ["web"]}],
    "targets": {"rto": 7200, "rpo": 900},
}


def minutes(count: float) -> datetime:
    """Return the moment so many minutes after the tests' beginning of time."""
    return AT + timedelta(minutes=count)


class Orchestrator:
    """A runs table and hand-made state machines under a prefix of their own.

    The state machines do nothing but wait for their task token, which they send to a queue; the test does the writing
    that the functions would do.
    """

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.prefix = f"test-{uuid.uuid4().hex[:8]}"
        self.dynamodb = self.clients("dynamodb")
        self.sfn = self.clients("stepfunctions")
        self.sqs = self.clients("sqs")
        self.name = f"{self.prefix}-runs"
        self._make_table(self.name)
        self.table = RunsTable(self.dynamodb, self.name)
        self._queue = ""

    def _make_table(self, name: str) -> None:
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )

    def map_addresses(self, **addresses: str) -> None:
        """Make the IP map, with an entry for every server of the plan: its address in profile test, by short name."""
        self._make_table(f"{self.prefix}-ip-map")
        for name, address in addresses.items():
            key = f"{name.replace('_', '-')}.example.internal"
            target = ProfileAddress("subnet-1", "10.99.0.0/16", address, ("sg-1",), "explicit")
            source = EntrySource(address, "10.0.0.0/8", key, "222222222222", None)
            entry = MapEntry(key, 0, source, {"test": target}, DrsIdentity("s-1", "222222222222", "us-west-2"), 1)
            item = {"pk": f"server#{key}", "sk": "nic#0", **entry_to_item(entry)}
            self.dynamodb.put_item(TableName=f"{self.prefix}-ip-map", Item=to_item(item))

    def params(self, **options: Any) -> dict[str, Any]:
        """Return the options that every module about runs has."""
        return {"prefix": self.prefix, "runs_table": None, **options}

    def clients(self, service: str, *, region: str = "us-west-2", credentials: object = None) -> Any:
        """Return a client as a module's run() gets it."""
        assert credentials is None
        key = (self.aws.endpoint, service, region)
        if key not in CLIENTS:
            CLIENTS[key] = self.aws.client(service, region=region, config=Config(max_pool_connections=40))
        return CLIENTS[key]

    def writes(self) -> dict[str, int]:
        """Return how many calls were made so far of every operation that is not a mere read."""
        reading = ("Describe", "Get", "List", "BatchGet", "Query")
        counts: dict[str, int] = {}
        for entry in self.aws.control("calls")["counts"]:
            if not entry["operation"].startswith(reading):
                counts[entry["operation"]] = counts.get(entry["operation"], 0) + entry["count"]
        return counts

    def deploy(self, *names: str, states: dict[str, Any] | None = None) -> None:
        """Create state machines that wait for their task token, or consist of the given states."""
        self._queue = self.sqs.create_queue(QueueName=self.prefix)["QueueUrl"]
        waiting = {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {"QueueUrl": self._queue, "MessageBody": {"token.$": "$$.Task.Token"}},
                "End": True,
            }
        }
        chosen = states or waiting
        for name in names:
            self.sfn.create_state_machine(
                name=f"{self.prefix}-{name}",
                definition=json.dumps({"StartAt": next(iter(chosen)), "States": chosen}),
                roleArn=f"arn:aws:iam::222222222222:role/{ROLE}",
            )

    def task_token(self) -> str:
        """Return the token that the next execution sent."""
        found: list[Any] = []
        for _attempt in range(6):  # whoever starts the execution may be slow
            found = found or self.sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=10).get("Messages", [])
        [message] = found
        self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        token: str = json.loads(message["Body"])["token"]
        return token

    def arn(self, mode: str, run_id: str) -> str:
        """Return the ARN of a run's execution."""
        return f"arn:aws:states:us-west-2:222222222222:execution:{self.prefix}-{mode}:{run_id}"

    def start(self, mode: str, run_id: str) -> None:
        """Start an execution as the module does."""
        arn = self.arn(mode, run_id).replace(":execution:", ":stateMachine:").rsplit(":", 1)[0]
        self.sfn.start_execution(stateMachineArn=arn, name=run_id, input=json.dumps({"plan": PLAN["name"]}))

    def ended(self, mode: str, run_id: str) -> dict[str, Any]:
        """Wait until a run's execution has ended, and return it."""
        latest = time.monotonic() + 30
        while time.monotonic() < latest:
            found: dict[str, Any] = self.sfn.describe_execution(executionArn=self.arn(mode, run_id))
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.1)
        raise AssertionError(f"the execution of {run_id} does not end")

    def open_run(self, run_id: str, *, mode: str = "test", **changes: Any) -> dict[str, Any]:
        """Write a run as the function open-run does."""
        run, _ = self.table.open_run(
            run_id=run_id,
            plan=PLAN,
            mode=mode,
            requested_at=AT,
            requested_by=OPERATOR,
            execution_arn=self.arn(mode, run_id),
        )
        opened = {"plan": PLAN["name"], "mode": mode, "requested_by": OPERATOR}
        self.table.append_event(run_id, "run_opened", opened, AT)
        return self.table.update_run(run_id, changes) if changes else run

    def pause(self, run_id: str, token: str = "token-of-nobody", **changes: Any) -> dict[str, Any]:  # noqa: S107
        """Write a pause as the function ask-operator does."""
        return self.table.create_pause(
            run_id,
            {
                "step": "reconcile-wave",
                "wave": 1,
                "reason": "1 server has failed",
                "details": {},
                "options": ["continue", "retry", "skip", "abort"],
                "default": "abort",
                "deadline": "2100-01-01T00:00:00.000Z",
                "task_token": token,
                **changes,
            },
        )


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """One embedded AWS with the sample estate for all tests here."""
    running = EmbeddedAws(ROOT / "emulator" / "estate" / "sample.yml")
    running.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    running.client("iam").put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=json.dumps(POLICY))
    yield running
    running.stop()


@pytest.fixture
def house(aws: EmbeddedAws) -> Orchestrator:
    """An orchestrator of the test's own."""
    return Orchestrator(aws)


@pytest.fixture
def table(house: Orchestrator) -> RunsTable:
    """A runs table of the test's own."""
    return house.table
