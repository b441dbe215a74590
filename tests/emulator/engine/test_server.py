"""The server from outside: command line, credentials, faults, record of calls, control API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.engine.workflows import Workflows, runs
from tests.support.embedded import ROOT, STAGING, TARGET, ControlError, EmbeddedAws


def emulator(*arguments: str, state_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run the emulator's command line."""
    return subprocess.run(
        [sys.executable, "-m", "emulator", *arguments, "--state-dir", str(state_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def answer_of(ask: Any) -> tuple[str, int]:
    """Return code and HTTP status of the error that `ask` gets."""
    with pytest.raises(ClientError) as error:
        ask()
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_start_status_stop(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yml"
    key = {"access_key_id": "AKIAEXAMPLEEXAMPLE01", "secret_access_key": "s" * 40, "user": "someone"}
    estate.write_text(json.dumps({"accounts": {TARGET: {"name": "target", "access_keys": [key]}}}))
    state = tmp_path / "state"
    assert emulator("status", state_dir=state).returncode == 1
    assert emulator("stop", state_dir=state).stdout == "no embedded AWS runs\n"
    started = emulator("start", "--estate", str(estate), "--port", "0", state_dir=state)
    assert (started.returncode, started.stderr) == (0, "")
    try:
        known = json.loads((state / "emulator.json").read_text())
        assert known["endpoint"].startswith("http://127.0.0.1:")
        assert os.getsid(known["pid"]) == known["pid"]
        with urllib.request.urlopen(f"{known['endpoint']}/_embedded/health") as response:  # noqa: S310
            assert json.load(response) == {"ready": True, "pid": known["pid"]}
        again = emulator("start", "--estate", str(estate), "--port", "0", state_dir=state)
        assert (again.returncode, again.stderr.count("\n")) == (1, 1)
        assert "runs already" in again.stderr
        shown = emulator("status", state_dir=state)
        assert shown.returncode == 0
        for word in (known["endpoint"], "someone", TARGET, "executions (0)", "functions (0)", "drs jobs (0)", "now:"):
            assert word in shown.stdout
    finally:
        stopped = emulator("stop", state_dir=state)
    assert (stopped.returncode, stopped.stdout) == (0, "embedded AWS stopped\n")
    assert not runs(known["pid"])
    assert emulator("stop", state_dir=state).returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("{", "no YAML"),
        ("- 1", "'accounts' is needed"),
        ("accounts: {}", "'accounts' is needed"),
        ('accounts: {"222": {}}', "'222'"),
        (
            'accounts: {"222222222222": {access_keys: [{access_key_id: short}]}}',
            "give access_key_id, secret_access_key, user",
        ),
        ("accounts: {222222222222: {}}", "quote its 12 digits"),
        (
            'accounts: {"222222222222": {access_keys: [{access_key_id: short, secret_access_key: s, user: u}]}}',
            "'short'",
        ),
    ],
)
def test_a_wrong_estate_gets_one_clear_line(tmp_path: Path, text: str | None, words: str) -> None:
    estate = tmp_path / "estate.yml"
    if text is not None:
        estate.write_text(text)
    done = emulator("start", "--estate", str(estate), "--port", "0", state_dir=tmp_path / "state")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert "estate.yml" in done.stderr


def test_a_port_in_use_gets_one_clear_line(tmp_path: Path, embedded: EmbeddedAws) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        estate = str(embedded.state_dir / "estate.yml")
        done = emulator("start", "--estate", estate, "--port", port, state_dir=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert port in done.stderr
    assert "in use" in done.stderr


def test_an_interrupt_of_the_caller_does_not_end_it(embedded: EmbeddedAws) -> None:
    assert os.getpgid(embedded.pid) != os.getpgid(0)
    assert os.getsid(embedded.pid) == embedded.pid


def test_it_listens_on_the_loopback_address_only(embedded: EmbeddedAws) -> None:
    port = int(embedded.endpoint.rsplit(":", 1)[1])
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_the_account_follows_from_the_credentials(embedded: EmbeddedAws) -> None:
    for account in (TARGET, STAGING):
        identity = embedded.client("sts", account=account).get_caller_identity()
        assert (identity["Account"], identity["Arn"]) == (account, f"arn:aws:iam::{account}:user/dr-operator")


def test_an_assumed_role_moves_to_its_account(embedded: EmbeddedAws) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": TARGET}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = embedded.client("iam", account=STAGING).create_role(RoleName="reader", AssumeRolePolicyDocument=trust)[
        "Role"
    ]
    sts = embedded.client("sts")
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    assert session["Expiration"].timestamp() > time.time()
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    assert embedded.client("sts", **keys).get_caller_identity()["Account"] == STAGING
    wrong = embedded.client("sts", **{**keys, "aws_session_token": "x" * 100})
    assert answer_of(wrong.get_caller_identity) == ("InvalidClientTokenId", 403)
    nobody = f"arn:aws:iam::{STAGING}:role/nobody"
    assert answer_of(lambda: sts.assume_role(RoleArn=nobody, RoleSessionName="me"))[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "mismatch"),
    [
        ("dynamodb", "list_tables", ("UnrecognizedClientException", 400), ("InvalidSignatureException", 400)),
        ("drs", "describe_jobs", ("UnrecognizedClientException", 403), ("InvalidSignatureException", 403)),
        ("iam", "list_roles", ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403)),
        ("ec2", "describe_instances", ("AuthFailure", 401), ("AuthFailure", 401)),
        ("s3", "list_buckets", ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403)),
        ("cloudwatch", "list_metrics", ("UnrecognizedClientException", 400), ("InvalidSignatureException", 400)),
    ],
)
def test_strangers_are_turned_away_as_by_aws(
    embedded: EmbeddedAws, service: str, operation: str, unknown: tuple[str, int], mismatch: tuple[str, int]
) -> None:
    stranger = embedded.client(service, aws_access_key_id="AKIASTRANGERSTRANGER")
    assert answer_of(getattr(stranger, operation)) == unknown
    forger = embedded.client(service, aws_secret_access_key="x" * 40)
    assert answer_of(getattr(forger, operation)) == mismatch


def test_signatures_hold_for_awkward_names_and_bodies(embedded: EmbeddedAws) -> None:
    s3 = embedded.client("s3")
    s3.create_bucket(Bucket="awkward", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    key = "a b/ü+%41//x.txt"
    s3.put_object(Bucket="awkward", Key=key, Body=b"content" * 1000)
    assert s3.get_object(Bucket="awkward", Key=key)["Body"].read() == b"content" * 1000
    assert s3.head_object(Bucket="awkward", Key=key)["ContentLength"] == 7000
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="awkward", Prefix="a b/ü")["Contents"]] == [key]
    embedded.client("iam").create_role(RoleName="r+=,.@-", Path="/a/b/", AssumeRolePolicyDocument="{}")
    assert embedded.client("lambda").list_tags(Resource=_function(embedded))["Tags"] == {"k": "v /+"}


def _function(embedded: EmbeddedAws) -> str:
    workflows = Workflows(embedded)
    name = workflows.function("def handler(event, context):\n    return 1\n", Tags={"k": "v /+"})
    return f"arn:aws:lambda:us-west-2:{TARGET}:function:{name}"


@pytest.mark.parametrize(
    ("service", "operation", "error", "status"),
    [
        ("drs", "DescribeJobs", "ThrottlingException", 429),
        ("dynamodb", "ListTables", "ProvisionedThroughputExceededException", 400),
        ("ec2", "DescribeInstances", "RequestLimitExceeded", 503),
        ("iam", "ListRoles", "Throttling", 400),
        ("s3", "ListBuckets", "SlowDown", 503),
        ("stepfunctions", "ListStateMachines", "ServiceUnavailable", 503),
        ("cloudwatch", "ListMetrics", "InternalServiceFault", 500),
    ],
)
def test_a_fault_answers_in_the_protocol_of_the_service(
    embedded: EmbeddedAws, service: str, operation: str, error: str, status: int
) -> None:
    fault = {
        "service": service,
        "operation": operation,
        "error": error,
        "status": status,
        "message": "as told",
        "times": 2,
    }
    embedded.control("faults", fault)
    client = embedded.client(service)
    method = client.meta.method_to_api_mapping
    name = next(python for python, api in method.items() if api == operation)
    for _ in range(2):
        with pytest.raises(ClientError, match="as told") as caught:
            getattr(client, name)()
        found = caught.value.response
        assert (found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]) == (error, status)
    assert embedded.control("faults") == {"faults": []}


def test_a_fault_may_mean_one_account_and_region_only(embedded: EmbeddedAws) -> None:
    fault = {
        "service": "sqs",
        "operation": "ListQueues",
        "error": "Overloaded",
        "account": STAGING,
        "region": "us-east-1",
    }
    embedded.control("faults", fault)
    embedded.client("sqs", "us-east-1", TARGET).list_queues()
    embedded.client("sqs", "us-west-2", STAGING).list_queues()
    assert answer_of(embedded.client("sqs", "us-east-1", STAGING).list_queues) == ("Overloaded", 400)
    embedded.client("sqs", "us-east-1", STAGING).list_queues()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"service": "drs"}, "needs error, operation"),
        ({"service": "drs", "operation": "DescribeJobs", "error": "E", "time": 1}, "no field time"),
        ({"service": "drs", "operation": "DescribeJobs", "error": "E", "times": 0}, "times is 0"),
        ({"service": "drs", "operation": "DescribeJobs", "error": "E", "status": 200}, "status is 200"),
        ({"service": "drss", "operation": "DescribeJobs", "error": "E"}, "no service drss"),
        ({"service": "drs", "operation": "describe_jobs", "error": "E"}, "no operation describe_jobs"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(embedded: EmbeddedAws, fault: dict[str, Any], words: str) -> None:
    with pytest.raises(ControlError, match=words) as error:
        embedded.control("faults", fault)
    assert error.value.status == 400
    assert embedded.control("faults") == {"faults": []}


def test_every_call_is_counted_and_listed(embedded: EmbeddedAws) -> None:
    embedded.control("calls", method="DELETE")
    client = embedded.client("ssm", "eu-west-1")
    client.describe_parameters()
    with pytest.raises(ClientError):
        client.get_parameter(Name="/none")
    report = embedded.control("calls")
    place = {"account": TARGET, "region": "eu-west-1", "service": "ssm"}
    assert {**place, "operation": "GetParameter", "count": 1} in report["counts"]
    first, second = [entry for entry in report["calls"] if entry["region"] == "eu-west-1"]
    assert (first["operation"], first["status"], first["error"]) == ("DescribeParameters", 200, None)
    assert (second["operation"], second["status"], second["error"]) == ("GetParameter", 400, "ParameterNotFound")
    assert second["principal"] == f"arn:aws:iam::{TARGET}:user/dr-operator"
    assert second["time"].startswith("20")


def test_what_is_not_emulated_says_so(embedded: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match="does not emulate mediaconvert ListJobs"):
        embedded.client("mediaconvert").list_jobs()
    with pytest.raises(ClientError, match="does not emulate ec2 DescribeFpgaImages"):
        embedded.client("ec2").describe_fpga_images()


@pytest.mark.parametrize(
    ("path", "body", "method", "status", "words"),
    [
        ("nowhere", None, None, 404, "does not exist; there are: calls, clock"),
        ("health", {}, "POST", 405, "knows GET, not POST"),
        ("clock", {"advance": -1}, None, 400, "advance is -1"),
        ("clock", {"pace": "fast"}, None, 400, "pace is 'fast'"),
        ("clock", {"speed": 1}, None, 400, "not speed"),
    ],
)
def test_wrong_control_requests(
    embedded: EmbeddedAws, path: str, body: dict[str, Any] | None, method: str | None, status: int, words: str
) -> None:
    with pytest.raises(ControlError, match=words) as error:
        embedded.control(path, body, method)
    assert error.value.status == status


def test_the_clock_is_advanced_and_paced(embedded: EmbeddedAws) -> None:
    before = embedded.control("clock", {"pace": 1000})
    after = embedded.control("clock", {"advance": 86400, "pace": None})
    assert (before["pace"], after["pace"]) == (1000, None)
    assert after["now"][:10] > before["now"][:10]


def test_conditional_writes_have_one_winner(embedded: EmbeddedAws) -> None:
    tables = embedded.client("dynamodb")
    tables.create_table(
        TableName="locks",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    clients = [embedded.client("dynamodb") for _ in range(8)]

    def take(number: int) -> bool:
        item = {"pk": {"S": str(number // 8)}, "who": {"N": str(number)}}
        try:
            clients[number % 8].put_item(TableName="locks", Item=item, ConditionExpression="attribute_not_exists(pk)")
        except clients[number % 8].exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(160))) == 20


def test_a_transaction_is_done_whole_or_not_at_all(embedded: EmbeddedAws) -> None:
    tables = embedded.client("dynamodb")
    tables.create_table(
        TableName="accounts",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )

    def key(name: str) -> dict[str, Any]:
        return {"pk": {"S": "a"}, "sk": {"S": name}}

    def balances() -> dict[str, str]:
        found = tables.scan(TableName="accounts", ConsistentRead=True)["Items"]
        return {item["sk"]["S"]: item["balance"]["N"] for item in found}

    def transfer(source: str, *, at_least: str, gone: str) -> None:
        change = {"TableName": "accounts", "UpdateExpression": "ADD balance :change"}
        names = {"TableName": "accounts"}
        tables.transact_write_items(
            TransactItems=[
                {"Put": {**names, "Item": {**key("new"), "balance": {"N": "1"}}}},
                {"Update": {**change, "Key": key("to"), "ExpressionAttributeValues": {":change": {"N": "2"}}}},
                {
                    "ConditionCheck": {
                        **names,
                        "Key": key(source),
                        "ConditionExpression": "balance >= :least",
                        "ExpressionAttributeValues": {":least": {"N": at_least}},
                    }
                },
                {"Delete": {**names, "Key": key(gone)}},
            ]
        )

    for name, balance in {"from": "5", "to": "0", "gone": "0", "bystander": "9"}.items():
        tables.put_item(TableName="accounts", Item={**key(name), "balance": {"N": balance}})
    before = balances()
    with pytest.raises(ClientError) as refused:
        transfer("from", at_least="6", gone="gone")
    reasons = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert reasons == ["None", "None", "ConditionalCheckFailed", "None"]
    assert balances() == before
    with pytest.raises(ClientError, match="multiple operations on one item"):
        transfer("to", at_least="0", gone="gone")
    assert balances() == before
    transfer("from", at_least="5", gone="gone")
    assert balances() == {"from": "5", "to": "2", "bystander": "9", "new": "1"}


def test_a_table_has_an_id(embedded: EmbeddedAws) -> None:
    tables = embedded.client("dynamodb")
    created = tables.create_table(
        TableName="named",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )["TableDescription"]
    assert len(created["TableId"]) == 36
    assert tables.describe_table(TableName="named")["Table"]["TableId"] == created["TableId"]


def test_a_killed_emulator_is_cleared_away(tmp_path: Path) -> None:
    aws = EmbeddedAws()
    os.kill(aws.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while time.monotonic() < end and emulator("status", state_dir=aws.state_dir).returncode == 0:
        time.sleep(0.1)
    done = emulator("stop", state_dir=aws.state_dir)
    assert (done.returncode, done.stdout) == (0, "no embedded AWS runs\n")
    assert not (aws.state_dir / "emulator.json").exists()
    aws.stop()
