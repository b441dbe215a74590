"""Short ways to make functions and state machines in an embedded AWS, and to see executions through."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from tests.support.embedded import TARGET, EmbeddedAws

REGION = "us-west-2"
INVOKE = "arn:aws:states:::lambda:invoke"
_NUMBERS = itertools.count(1)
_REAL_SECONDS = 30.0


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that has ended but was not waited for does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def package(files: dict[str, str]) -> bytes:
    """Return a zip with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class Workflows:
    """Functions and state machines of one account and Region."""

    def __init__(self, aws: EmbeddedAws, region: str = REGION, account: str = TARGET):
        self.aws = aws
        self.region = region
        self.account = account
        self.states = aws.client("stepfunctions", region, account)
        self.functions = aws.client("lambda", region, account)
        self.role = self._role("workflow")

    def _role(self, name: str) -> str:
        name = f"{name}-{next(_NUMBERS)}"
        iam = self.aws.client("iam", self.region, self.account)
        services = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
        statement = {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        return str(created["Role"]["Arn"])

    def function(self, source: str, *, timeout: int = 10, files: dict[str, str] | None = None, **settings: Any) -> str:
        """Create a function whose module is `source` (with `handler`) and return its name."""
        name = f"function-{next(_NUMBERS)}"
        self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=self.role,
            Handler="main.handler",
            Timeout=timeout,
            Code={"ZipFile": package({"main.py": source, **(files or {})})},
            **settings,
        )
        return name

    def machine(self, states: dict[str, Any], start: str | None = None, **settings: Any) -> str:
        """Create a state machine in JSONata and return its ARN; it starts at the first state."""
        definition = {"QueryLanguage": "JSONata", "StartAt": start or next(iter(states)), "States": states, **settings}
        created = self.states.create_state_machine(
            name=f"machine-{next(_NUMBERS)}", roleArn=self.role, definition=json.dumps(definition)
        )
        return str(created["stateMachineArn"])

    def start(self, machine: str, document: Any = None, **settings: Any) -> str:
        """Start an execution and return its ARN."""
        started = self.states.start_execution(stateMachineArn=machine, input=json.dumps(document or {}), **settings)
        return str(started["executionArn"])

    def wait(self, execution: str) -> dict[str, Any]:
        """Return the description of an execution once it has ended; `output` parsed, `seconds` virtual."""
        end = time.monotonic() + _REAL_SECONDS
        while time.monotonic() < end:
            found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                found["seconds"] = (found["stopDate"] - found["startDate"]).total_seconds()
                if "output" in found:
                    found["output"] = json.loads(found["output"])
                return found
            time.sleep(0.02)
        raise AssertionError(f"{execution} still runs after {_REAL_SECONDS} s: {self.aws.control('clock')}")

    def run(self, states: dict[str, Any], document: Any = None, **settings: Any) -> dict[str, Any]:
        """Run states as a new machine to its end."""
        return self.wait(self.start(self.machine(states, **settings), document))

    def history(self, execution: str) -> list[dict[str, Any]]:
        """Return all events of an execution."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def settle(self) -> None:
        """Wait until everybody rests."""
        self.aws.control("clock", {"advance": 0})


def call(function: str, payload: Any, *, token: bool = False, **fields: Any) -> dict[str, Any]:
    """Return a Task state that invokes a function, and ends unless `fields` say otherwise."""
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": INVOKE + (".waitForTaskToken" if token else ""),
        "Arguments": {"FunctionName": function, "Payload": payload},
        **fields,
    }
    if "Next" not in state:
        state["End"] = True
    return state


def rest(seconds: int | str, following: str | None = None) -> dict[str, Any]:
    """Return a Wait state."""
    return {"Type": "Wait", "Seconds": seconds, **({"Next": following} if following else {"End": True})}
