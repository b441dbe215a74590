"""A rehearsal that is paused goes on in another process: save, stop, start --load."""

from __future__ import annotations

import ast
import importlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import kept, state_file
from emulator.__main__ import main
from tests.emulator.drs.support import SAMPLE, STANDSTILL, Drs, frozen_sample
from tests.emulator.engine.test_determinism import TRUST
from tests.support.embedded import ROOT, ControlError, EmbeddedAws

SERVER = "s-paydb100000000001"
OTHER = "s-paydb200000000001"
SUBNET = "subnet-0a20100000000d001"
WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}


def make_things(drs: Drs) -> dict[str, Any]:
    """Make something in every service that a rehearsal uses, and leave a job half done."""
    aws = drs.aws
    tables, states = aws.client("dynamodb"), aws.client("stepfunctions")
    tables.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    tables.put_item(TableName="things", Item={"pk": {"S": "one"}, "list": {"L": [{"N": "1"}]}})
    aws.client("s3").create_bucket(Bucket="things", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    aws.client("s3").put_object(Bucket="things", Key="a/b", Body=b"content")
    aws.client("sns").create_topic(Name="things")
    key = aws.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    role = aws.client("iam").create_role(RoleName="things", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    trust = json.dumps(TRUST).replace("states.amazonaws.com", "lambda.amazonaws.com")
    runs = aws.client("iam").create_role(RoleName="runs", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    function = aws.client("lambda").create_function(
        FunctionName="things", Runtime="python3.13", Handler="index.handler", Role=runs, Code={"ZipFile": a_zip()}
    )["FunctionArn"]
    machine = states.create_state_machine(name="waits", definition=json.dumps(WAITING), roleArn=role)["stateMachineArn"]
    ended = states.start_execution(stateMachineArn=machine, name="ended")["executionArn"]
    token = answered_token(aws, role)
    drs.advance(100)
    drs.launch_into(SERVER, SUBNET, "10.20.1.11")
    job = drs.start(SERVER, isDrill=True)
    drs.advance(300)
    return {"machine": machine, "ended": ended, "job": job, "token": token, "key": key, "function": function}


def a_zip() -> bytes:
    """Return the code of a function."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event\n")
    return content.getvalue()


def answered_token(aws: EmbeddedAws, role: str) -> str:
    """Run a task that waits for its token, answer it, and return the token."""
    states, queues = aws.client("stepfunctions"), aws.client("sqs")
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    aws.client("iam").put_role_policy(RoleName="things", PolicyName="sqs", PolicyDocument=json.dumps(allowed))
    url = queues.create_queue(QueueName="tokens")["QueueUrl"]
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": ask}})
    machine = states.create_state_machine(name="asks", definition=definition, roleArn=role)
    states.start_execution(stateMachineArn=machine["stateMachineArn"])
    token = str(queues.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"])
    states.send_task_success(taskToken=token, output="{}")
    return token


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Path, list[Any]]]:
    """What was made, the file, and what DRS and Step Functions told before it was saved."""
    path = tmp_path_factory.mktemp("state") / "saved"
    with frozen_sample() as drs:
        made = make_things(drs)
        states = drs.aws.client("stepfunctions")
        running = states.start_execution(stateMachineArn=made["machine"], name="running")["executionArn"]
        with pytest.raises(ControlError, match="execution running runs; a running execution cannot be saved"):
            drs.aws.control("state", {"save": str(path)})
        assert not path.exists()
        states.stop_execution(executionArn=running)
        with pytest.raises(ControlError, match=r"give .*absolute"):
            drs.aws.control("state", {"save": "relative"})
        assert main(["save", str(path), "--state-dir", str(drs.aws.state_dir)]) == 0
        assert path.stat().st_mode & 0o077 == 0
        yield made, path, told(drs, made)


def told(drs: Drs, made: dict[str, Any]) -> list[Any]:
    """Return what the services say about the things."""
    states = drs.aws.client("stepfunctions")
    servers = drs.api.describe_source_servers(filters={})["items"]
    for server in servers:  # these tell the present moment
        server.pop("sourceProperties")
        server.pop("dataReplicationInfo")
        server.pop("lifeCycle")
    return [
        drs.events(made["job"]),
        drs.template_data(SERVER),
        servers,
        states.get_execution_history(executionArn=made["ended"])["events"],
        drs.aws.client("dynamodb").get_item(TableName="things", Key={"pk": {"S": "one"}})["Item"],
        drs.aws.client("s3").get_object(Bucket="things", Key="a/b")["Body"].read(),
        drs.aws.client("sns").list_topics()["Topics"],
        drs.aws.client("lambda").get_function(FunctionName=made["function"])["Configuration"]["CodeSha256"],
        drs.aws.client("kms").get_public_key(KeyId=made["key"])["PublicKey"],
    ]


def test_a_saved_state_goes_on_in_another_process(saved: tuple[dict[str, Any], Path, list[Any]]) -> None:
    made, path, before = saved
    aws = EmbeddedAws(SAMPLE, pace=STANDSTILL, load=path)
    try:
        drs = Drs(aws)
        assert told(drs, made) == before
        assert drs.job(made["job"])["status"] == "STARTED"
        drs.finish(made["job"])
        assert drs.status_of(made["job"], SERVER) == "LAUNCHED"
        instance = drs.instance(drs.recovery_instance_of(SERVER)["ec2InstanceID"])
        assert instance["PrivateIpAddress"] == "10.20.1.11"
        drs.launch_into(OTHER, SUBNET, "10.20.1.11")
        second = drs.recover(OTHER)
        assert drs.status_of(second, OTHER) == "FAILED"
        states = aws.client("stepfunctions")
        with pytest.raises(states.exceptions.TaskTimedOut):
            states.send_task_success(taskToken=made["token"], output="{}")
        again = states.start_execution(stateMachineArn=made["machine"], name="again")["executionArn"]
        drs.advance(100)
        assert states.describe_execution(executionArn=again)["status"] == "SUCCEEDED"
    finally:
        aws.stop()


FORGOTTEN = {
    "emulator.clock.CLOCK": "saved by itself",
    "emulator.control._PAGE": "filled at the start",
    "emulator.control._ROUTES": "filled at the start",
    "emulator.control._STATUS": "filled at the start",
    "emulator.drs.job_flow._SERVER_STEPS": "filled at the start",
    "emulator.drs.models.PERFORMERS": "filled at the start",
    "emulator.drs.operations.OPERATIONS": "filled at the start",
    "emulator.ec2.identifiers._scope": "of threads at work",
    "emulator.faults.registry.FAULTS": "with rules nothing is saved",
    "emulator.iam.identities.NOBODY": "a constant",
    "emulator.iam.identities._ROLE_IDS": "found again",
    "emulator.kept._OBJECTS": "filled at the start",
    "emulator.kept._TABLES": "filled at the start",
    "emulator.lambda_runner.concurrency._RUNNING": "with functions at work nothing is saved",
    "emulator.lambda_runner.service._POOL": "warm workers",
    "emulator.lambda_runner.service._RUNTIME": "sessions that are opened anew",
    "emulator.lambda_runner.worker.NETWORK": "of a worker's process",
    "emulator.machines.relay.RELAY": "opened anew",
    "emulator.stepfunctions.clients._CLIENTS": "made anew",
    "emulator.stepfunctions.clients._SESSIONS": "opened anew",
    "emulator.throttling.settings.DEFAULTS": "a constant",
}
"""State of modules that a saved state does not keep, and why."""


def test_every_state_of_a_module_is_kept_or_forgotten_on_purpose() -> None:
    """README of the emulator: what is saved and what is forgotten; somebody who adds a state has to decide."""
    undecided = {name for name, item in states_of_modules() if not kept.is_kept(item)}
    assert undecided == FORGOTTEN.keys()


def states_of_modules() -> Iterator[tuple[str, object]]:
    """Yield what modules of the emulator have at their top that may change: containers that begin empty, objects."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "emulator").rglob("*.py"))}
    classes = {
        node.name
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and "frozen=True" not in "".join(map(ast.unparse, node.decorator_list))
        if not any(ast.unparse(base) == "NamedTuple" for base in node.bases)
    }
    for path, tree in trees.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in tree.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            made = node.value.func if isinstance(node.value, ast.Call) else None
            name = ast.unparse(made).rpartition(".")[2] if made else ""
            is_empty = ast.unparse(node.value) in ("{}", "[]")
            if is_empty or name in classes | {"dict", "list", "set", "Counter", "deque", "defaultdict", "OrderedDict"}:
                yield f"{module}.{ast.unparse(target)}", getattr(importlib.import_module(module), ast.unparse(target))


def test_an_attribute_that_is_neither_kept_nor_forgotten_stops_the_start() -> None:
    class Store:
        def __init__(self) -> None:
            self.items: list[str] = []
            self.new = 0

    with pytest.raises(ValueError, match="things: is new kept in a saved state, or forgotten"):
        kept.keep("things", Store(), ("items",))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"something else", "this is no state"),
        (b"embedded AWS, saved state\nnonsense", "damaged or of another version"),
    ],
)
def test_what_is_no_saved_state_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(state_file.StateError, match=words):
        state_file.load(path)


def test_a_start_from_no_saved_state_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none"
    assert main(["start", "--load", str(path), "--port", "0", "--state-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: saved state {path}: No such file or directory\n"


def test_nothing_to_save(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["save", str(tmp_path / "state"), "--state-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "error: no embedded AWS runs\n"
