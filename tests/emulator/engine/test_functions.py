"""Lambda functions: real zips in worker processes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.lambda_runner import settings
from emulator.lambda_runner.errors import InvalidParameterValue, RequestTooLarge
from tests.emulator.engine.workflows import Workflows, package, runs
from tests.support.embedded import EmbeddedAws


def invoke(workflows: Workflows, name: str, payload: Any = None, **fields: Any) -> tuple[dict[str, Any], Any]:
    """Invoke a function: the answer, and its parsed payload."""
    answer = workflows.functions.invoke(
        FunctionName=name, Payload=json.dumps({} if payload is None else payload), **fields
    )
    text = answer["Payload"].read()
    return answer, json.loads(text) if text else None


def test_an_error_keeps_the_name_of_its_class(workflows: Workflows) -> None:
    name = workflows.function(
        "class Transient(Exception):\n    pass\n\ndef handler(event, context):\n    raise Transient(event['text'])\n"
    )
    answer, payload = invoke(workflows, name, {"text": "später"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (payload["errorType"], payload["errorMessage"]) == ("Transient", "später")
    assert "main.py" in payload["stackTrace"][0]
    assert "worker.py" not in json.dumps(payload)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import nowhere\n", "Runtime.ImportModuleError"),
        ("x = 1\n", "Runtime.HandlerNotFound"),
        ("def handler(event, context):\n    return object()\n", "Runtime.MarshalError"),
        ("import os\n\ndef handler(event, context):\n    os._exit(7)\n", "Runtime.ExitError"),
        ("def handler(event, context):\n    raise SystemExit(1)\n", "Runtime.ExitError"),
        ("raise ValueError('at import')\n", "ValueError"),
    ],
)
def test_other_ways_to_fail(workflows: Workflows, source: str, kind: str) -> None:
    answer, payload = invoke(workflows, workflows.function(source))
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", kind)


def test_a_timeout_kills_the_worker_and_the_next_call_gets_a_new_one(workflows: Workflows) -> None:
    name = workflows.function(
        "import os, time\n\ndef handler(event, context):\n    time.sleep(event['sleep'])\n    return os.getpid()\n",
        timeout=1,
    )
    _, first = invoke(workflows, name, {"sleep": 0})
    answer, payload = invoke(workflows, name, {"sleep": 60})
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    _, second = invoke(workflows, name, {"sleep": 0})
    assert first != second
    assert not runs(first)


def test_a_warm_worker_is_used_again(workflows: Workflows) -> None:
    name = workflows.function("import os\n\ndef handler(event, context):\n    return os.getpid()\n")
    assert invoke(workflows, name)[1] == invoke(workflows, name)[1]


def test_invocations_run_at_the_same_time(workflows: Workflows) -> None:
    name = workflows.function("import time\n\ndef handler(event, context):\n    time.sleep(1)\n    return 1\n")
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: invoke(workflows, name)[1], range(4))) == [1] * 4
    assert time.monotonic() - began < 4


def test_new_code_and_new_settings_take_effect(workflows: Workflows) -> None:
    source = "import os\n\ndef handler(event, context):\n    return [{}, os.environ.get('COLOUR')]\n"
    name = workflows.function(source.format(1), Environment={"Variables": {"COLOUR": "red"}})
    assert invoke(workflows, name)[1] == [1, "red"]
    workflows.functions.update_function_code(FunctionName=name, ZipFile=package({"main.py": source.format(2)}))
    assert invoke(workflows, name)[1] == [2, "red"]
    workflows.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLOUR": "blue"}})
    assert invoke(workflows, name)[1] == [2, "blue"]


def test_the_environment_is_clean(workflows: Workflows) -> None:
    source = "import os, sys\n\ndef handler(event, context):\n    return [dict(os.environ), sys.path]\n"
    environment, path = invoke(workflows, workflows.function(source))[1]
    assert not set(environment) & {"PYTHONPATH", "VIRTUAL_ENV", "MOTO_PORT", "PYTEST_CURRENT_TEST"}
    assert environment["AWS_ENDPOINT_URL"] == workflows.aws.endpoint
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-west-2"
    assert path[0] == environment["LAMBDA_TASK_ROOT"]
    root = str(Path(__file__).resolve().parents[3])
    assert [entry for entry in path if entry.rstrip("/") in (root, f"{root}/collections", f"{root}/emulator")] == []


def test_the_zip_wins_over_installed_packages(workflows: Workflows) -> None:
    files = {
        "ansible_collections/__init__.py": "",
        "ansible_collections/disaster_recovery/__init__.py": "",
        "ansible_collections/disaster_recovery/aws/__init__.py": "VALUE = 'from the zip'\n",
    }
    source = (
        "from ansible_collections.disaster_recovery import aws\n\ndef handler(event, context):\n    return aws.VALUE\n"
    )
    assert invoke(workflows, workflows.function(source, files=files))[1] == "from the zip"


def test_the_zip_wins_over_what_the_runtime_has_loaded(workflows: Workflows) -> None:
    files = {"botocore/__init__.py": "VALUE = 'from the zip'\n"}
    source = "import botocore\n\ndef handler(event, context):\n    print('logged')\n    return botocore.VALUE\n"
    answer, value = invoke(workflows, workflows.function(source, files=files), LogType="Tail")
    assert value == "from the zip"
    assert b"logged" in base64.b64decode(answer["LogResult"])


def test_the_context_and_the_log(workflows: Workflows) -> None:
    source = """
def handler(event, context):
    print("seen by", context.aws_request_id)
    return [context.function_name, context.invoked_function_arn, context.get_remaining_time_in_millis()]
"""
    name = workflows.function(source, timeout=5)
    answer, (function, arn, left) = invoke(workflows, name, LogType="Tail")
    assert (function, arn) == (name, f"arn:aws:lambda:us-west-2:222222222222:function:{name}")
    assert 0 < left <= 5000
    assert answer["LogResult"]
    events = workflows.aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert [event["message"].split(" ")[0] for event in events] == ["START", "seen", "END", "REPORT"]


def test_an_asynchronous_invocation_answers_at_once_and_runs(workflows: Workflows) -> None:
    source = """
import time, boto3

def handler(event, context):
    time.sleep(1)
    boto3.client("ssm").put_parameter(Name="/async", Value="done", Type="String")
"""
    began = time.monotonic()
    answer, payload = invoke(workflows, workflows.function(source), InvocationType="Event")
    assert (answer["StatusCode"], payload) == (202, None)
    assert time.monotonic() - began < 1
    workflows.settle()
    assert workflows.aws.client("ssm").get_parameter(Name="/async")["Parameter"]["Value"] == "done"


def test_a_payload_that_is_no_json_and_a_function_that_is_not_there(workflows: Workflows) -> None:
    name = workflows.function("def handler(event, context):\n    return event\n")
    with pytest.raises(ClientError) as error:
        workflows.functions.invoke(FunctionName=name, Payload=b"{")
    assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"
    with pytest.raises(ClientError) as error:
        invoke(workflows, "nobody")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_payloads_are_limited(workflows: Workflows) -> None:
    """Invoke: 6 MB for synchronous, 1 MB for asynchronous requests, 6 MB for answers."""
    name = workflows.function("def handler(event, context):\n    return len(event) if event else 'x' * 6300000\n")
    assert invoke(workflows, name, "x" * 6_200_000)[1] == 6_200_000
    for size, fields in ((6_291_456, {}), (1_048_576, {"InvocationType": "Event"})):
        with pytest.raises(ClientError) as error:
            invoke(workflows, name, "x" * (size - 1), **fields)
        assert code_of(error) == ("RequestTooLargeException", 413)
    answer, payload = invoke(workflows, name)
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_a_large_request_does_not_outlast_the_timeout_of_a_function_that_does_not_read_it(
    workflows: Workflows,
) -> None:
    name = workflows.function("import time\n\ntime.sleep(60)\n", timeout=1)
    began = time.monotonic()
    assert invoke(workflows, name, "x" * 1_000_000)[1]["errorType"] == "Sandbox.Timedout"
    assert time.monotonic() - began < 20


def test_a_function_keeps_its_memory_and_its_files_while_its_worker_lives_only(workflows: Workflows) -> None:
    """lambda-runtime-environment: warm environments keep imports and /tmp; output is logged, however much."""
    source = """
import os, tempfile

CALLS = []

def handler(event, context):
    CALLS.append(event)
    print("x" * 3000000)
    if event == "crash":
        os.kill(os.getpid(), 9)
    kept = os.path.join(tempfile.gettempdir(), "kept")
    existed = os.path.exists(kept)
    open(kept, "w").close()
    return [len(CALLS), existed, kept]
"""
    name = workflows.function(source)
    first, second = invoke(workflows, name, "a")[1], invoke(workflows, name, "b")[1]
    assert first[:2] == [1, False]
    assert second == [2, True, first[2]]
    answer, payload = invoke(workflows, name, "crash")
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].endswith("signal: killed")
    assert not Path(first[2]).exists()
    assert invoke(workflows, name, "c")[1][:2] == [1, False]


def test_children_and_threads_of_a_function_do_not_outlive_it(workflows: Workflows) -> None:
    """lambda-runtime-environment: the environment is frozen between invocations, and goes as a whole."""
    source = """
import os, subprocess, threading, time

TICKS = []

def tick():
    while True:
        TICKS.append(1)
        time.sleep(0.01)

def handler(event, context):
    if event == "start":
        threading.Thread(target=tick, daemon=True).start()
        return subprocess.Popen(["sleep", "600"]).pid
    if event == "count":
        return len(TICKS)
    os._exit(3)
"""
    name = workflows.function(source)
    child = invoke(workflows, name, "start")[1]
    before = invoke(workflows, name, "count")[1]
    time.sleep(0.5)
    assert invoke(workflows, name, "count")[1] - before < 25
    assert runs(child)
    began = time.monotonic()
    _, payload = invoke(workflows, name, "end")
    assert payload["errorMessage"].endswith("exit status 3")
    assert time.monotonic() - began < 8
    assert not runs(child)


def test_reserved_concurrency_turns_further_invocations_away(workflows: Workflows) -> None:
    """Invoke: TooManyRequestsException, HTTP 429, with its reason; 0 stops a function."""
    name = workflows.function("import time\n\ndef handler(event, context):\n    time.sleep(1)\n    return 1\n")
    workflows.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def ask(_number: int) -> Any:
        try:
            return invoke(workflows, name)[1]
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Reason"]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, range(2)))
    throttled = ("TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert sorted(answers, key=str) == [throttled, 1]
    workflows.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as error:
        invoke(workflows, name)
    assert code_of(error) == ("TooManyRequestsException", 429)


@pytest.mark.parametrize(("retries", "minutes"), [(None, [0, 1, 3]), (1, [0, 1]), (0, [0])])
def test_an_asynchronous_invocation_is_tried_again(
    workflows: Workflows, retries: int | None, minutes: list[int]
) -> None:
    """invocation-async-error-handling: twice more, after one and two minutes, unless configured otherwise."""
    name = workflows.function("def handler(event, context):\n    raise ValueError('no')\n")
    if retries is not None:
        workflows.functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=retries)
    invoke(workflows, name, InvocationType="Event")
    workflows.aws.control("clock", {"advance": 600})
    events = workflows.aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    starts = sorted(event["timestamp"] for event in events if event["message"].startswith("START"))
    assert [round((start - starts[0]) / 60_000) for start in starts] == minutes


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Runtime": "nodejs22.x"}, "NotImplemented"),
        ({"PackageType": "Image", "Code": {"ImageUri": "x"}}, "NotImplemented"),
        ({"Layers": ["arn:aws:lambda:us-west-2:222222222222:layer:mine:1"]}, "NotImplemented"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-west-2:222222222222:dead"}}, "NotImplemented"),
        ({"Timeout": 901}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"X": "x" * 4096}}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException"),
    ],
)
def test_functions_that_cannot_be(workflows: Workflows, settings: dict[str, Any], code: str) -> None:
    function = {
        "FunctionName": "impossible",
        "Role": workflows.role,
        "Runtime": "python3.12",
        "Handler": "main.handler",
        "Code": {"ZipFile": package({"main.py": ""})},
    }
    with pytest.raises(ClientError) as error:
        workflows.functions.create_function(**function | settings)
    assert code_of(error)[0] == code
    if code == "NotImplemented":
        assert "does not emulate lambda CreateFunction: " in error.value.response["Error"]["Message"]


def test_packages_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """gettingstarted-limits: the request and the unzipped size."""
    text = base64.b64encode(package({"main.py": "x" * 100})).decode()
    settings.check_code({"ZipFile": text}, "CreateFunction")
    monkeypatch.setattr(settings, "LARGEST_UNZIPPED", 99)
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 99 bytes"):
        settings.check_code({"ZipFile": text}, "CreateFunction")
    monkeypatch.setattr(settings, "LARGEST_PACKAGE", 99)
    with pytest.raises(RequestTooLarge, match="smaller than 99 bytes for the UpdateFunctionCode"):
        settings.check_code({"ZipFile": text}, "UpdateFunctionCode")


def test_an_update_leaves_what_runs_alone(workflows: Workflows) -> None:
    source = "import time\n\ndef handler(event, context):\n    time.sleep(event)\n    return {}\n"
    name = workflows.function(source.format("'old'"))
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(invoke, workflows, name, 1)
        time.sleep(0.5)
        code = package({"main.py": source.format("'new'")})
        workflows.functions.update_function_code(FunctionName=name, ZipFile=code)
        assert invoke(workflows, name, 0)[1] == "new"
        assert old.result()[1] == "old"
    assert invoke(workflows, name, 0)[1] == "new"


def test_stopping_leaves_no_worker_and_no_file() -> None:
    aws = EmbeddedAws()
    workflows = Workflows(aws)
    source = "import os\n\ndef handler(event, context):\n    return [os.getpid(), os.environ['LAMBDA_TASK_ROOT']]\n"
    pid, root = invoke(workflows, workflows.function(source))[1]
    assert runs(pid)
    aws.stop()
    assert not runs(pid)
    assert not Path(root).parent.exists()


def test_a_killed_emulator_takes_its_workers_along() -> None:
    aws = EmbeddedAws()
    workflows = Workflows(aws)
    source = "import os\n\ndef handler(event, context):\n    return [os.getpid(), os.environ['LAMBDA_TASK_ROOT']]\n"
    pid, root = invoke(workflows, workflows.function(source))[1]
    os.kill(aws.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs(pid)
    aws.stop()
    shutil.rmtree(Path(root).parent)
