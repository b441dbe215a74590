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

from tests.emulator.engine.workflows import Workflows, package, runs
from tests.support.embedded import EmbeddedAws


def invoke(workflows: Workflows, name: str, payload: Any = None, **fields: Any) -> tuple[dict[str, Any], Any]:
    """Invoke a function: the answer, and its parsed payload."""
    answer = workflows.functions.invoke(FunctionName=name, Payload=json.dumps(payload or {}), **fields)
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
