"""Lambda's Invoke: moto knows functions but runs them only in containers; here they run in worker processes.

Restores: real execution with the function's settings and the credentials of its role, error names as in the Python
runtime (the exception's own class), `X-Amz-Function-Error: Unhandled`, timeouts that kill, ExitError, logs in
`/aws/lambda/{name}`, asynchronous invocations that answer 202 at once and are tried again, limits of payloads.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.core.utils import unix_time_millis, utcnow

from emulator.auth import Principal, open_session
from emulator.clock import CLOCK
from emulator.completion import replace
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.modes import NONE
from emulator.iam.request import Need
from emulator.iam.trust import trusts_service
from emulator.lambda_runner.asynchronous import deliver
from emulator.lambda_runner.concurrency import slot
from emulator.lambda_runner.errors import InvalidParameterValue, InvalidRequestContent, RequestTooLarge
from emulator.lambda_runner.nursery import Outcome
from emulator.lambda_runner.pool import Code, Pool
from emulator.machines.relay import RELAY

_POOL = Pool()
_LOG_TAIL = 4096  # bytes of the log that Invoke returns when asked
_LARGEST_REQUEST = 6_291_456  # bytes
_LARGEST_EVENT = 1_048_576  # bytes, of an asynchronous invocation


def install() -> None:
    """Run functions for real, as roles that trust Lambda."""
    replace(
        LambdaBackend,
        invoke=_invoke,
        create_function=_creating(LambdaBackend.create_function),
        update_function_configuration=_configuring(LambdaBackend.update_function_configuration),
    )
    replace(LambdaFunction, _invoke_lambda=_run_for_a_service)


def shut_down() -> None:
    """Kill all workers and remove their files."""
    _POOL.close()
    RELAY.close()


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(self: LambdaBackend, spec: dict[str, Any]) -> Any:
        _check_role(self, spec)
        return original(self, spec)

    return create


def _configuring(original: Callable[..., Any]) -> Callable[..., Any]:
    def configure(self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        _check_role(self, body)
        return original(self, function_name, qualifier, body)

    return configure


def _check_role(backend: LambdaBackend, settings: dict[str, Any]) -> None:
    role = settings.get("Role")
    if role and ENFORCEMENT.mode != NONE and not trusts_service(role, "lambda.amazonaws.com", backend.account_id):
        raise InvalidParameterValue("The role defined for the function cannot be assumed by Lambda.")


def _invoke(
    self: LambdaBackend,
    function_name: str,
    qualifier: str | None,
    body: Any,
    headers: Any,
    response_headers: dict[str, str],
) -> bytes:
    function = self.get_function(function_name, qualifier)
    if function is None:
        raise UnknownFunctionException(function_name)
    kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
    most = _LARGEST_EVENT if kind == "Event" else _LARGEST_REQUEST
    if len(body or "") > most:
        raise RequestTooLarge(most, "InvokeFunction")
    try:
        event = json.loads(body) if body else {}
    except ValueError as error:
        raise InvalidRequestContent(f"Could not parse request body into json: {error}") from error
    response_headers["X-Amz-Executed-Version"] = str(function.version or "$LATEST")
    if kind == "DryRun":
        return b""
    if kind == "Event":
        CLOCK.spawn(lambda: deliver(function, lambda: not _run(function, event)[1]), f"lambda {function.function_name}")
        return b""
    result, failed, logs = _run(function, event)
    if failed:
        response_headers["X-Amz-Function-Error"] = "Unhandled"
    response_headers["x-amz-log-result"] = base64.b64encode(logs.encode()[-_LOG_TAIL:]).decode()
    return result.encode()


def _run_for_a_service(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
    return _run(self, json.loads(event) if isinstance(event, str) else event)


def _run(function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
    """Run a function once, if there is a place for it: JSON result or error, whether it failed, its log."""
    with slot(function):
        return _run_at_once(function, event)


def _run_at_once(function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
    request_id = str(uuid.uuid4())
    stream = f"{utcnow():%Y/%m/%d}/[{function.version or '$LATEST'}]{request_id.replace('-', '')}"
    timeout = float(function.timeout)
    started = time.monotonic()
    context = {
        "function_name": function.function_name,
        "function_version": str(function.version or "$LATEST"),
        "invoked_function_arn": function.function_arn,
        "memory_limit_in_mb": str(function.memory_size),
        "aws_request_id": request_id,
        "log_group_name": function.logs_group_name,
        "log_stream_name": stream,
        "identity": None,
        "client_context": None,
    }
    network = {"relay": RELAY.port, "function": function.function_arn, "in_vpc": function.vpc_config is not None}
    request = {"event": event, "context": context, "deadline": time.time() + timeout, "network": network}
    outcome = _POOL.invoke(_code(function), request, timeout)
    milliseconds = (time.monotonic() - started) * 1000
    error = _error(outcome, request_id, timeout)
    lines = [f"START RequestId: {request_id} Version: {context['function_version']}", *outcome.logs.splitlines()]
    if error and outcome.kind != "ok":
        lines.append(error["errorMessage"])
    lines += [f"END RequestId: {request_id}", f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms"]
    _write_log(function, stream, lines)
    if error:
        return json.dumps(error), True, "\n".join(lines)
    return outcome.answer["result"], False, "\n".join(lines)


def _error(outcome: Outcome, request_id: str, timeout: float) -> dict[str, Any] | None:
    if outcome.kind == "timeout":
        text = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
        return {"errorType": "Sandbox.Timedout", "errorMessage": text}
    if outcome.kind == "exit":
        text = f"RequestId: {request_id} Error: Runtime exited with error: {_how(outcome.answer['status'])}"
        return {"errorType": "Runtime.ExitError", "errorMessage": text}
    error: dict[str, Any] | None = outcome.answer.get("error")
    return error


def _how(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal: {str(signal.strsignal(-status)).lower()}"


def _code(function: Any) -> Code:
    settings = tuple(sorted((name, str(value)) for name, value in (function.environment_vars or {}).items()))
    environment = settings + _RUNTIME.of(function)
    return Code(function.function_arn, function.code_sha_256, function.handler, environment, function.code_bytes)


class _Runtime:
    """The environment that AWS adds to a function's own, with credentials of its role (one session a function)."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], Any] = {}

    def of(self, function: Any) -> tuple[tuple[str, str], ...]:
        key = (function.function_arn, function.role)
        if key not in self._sessions:
            self._sessions[key] = open_session(function.role, function.function_name[:64], function.region)
        session = self._sessions[key]
        return (
            ("_HANDLER", function.handler),
            ("AWS_ACCESS_KEY_ID", session.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", session.secret_access_key),
            ("AWS_SESSION_TOKEN", session.session_token),
            ("AWS_REGION", function.region),
            ("AWS_DEFAULT_REGION", function.region),
            ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{os.environ['MOTO_PORT']}"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_EXECUTION_ENV", f"AWS_Lambda_{function.run_time}"),
            ("AWS_LAMBDA_FUNCTION_NAME", function.function_name),
            ("AWS_LAMBDA_FUNCTION_VERSION", str(function.version or "$LATEST")),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(function.memory_size)),
            ("AWS_LAMBDA_LOG_GROUP_NAME", function.logs_group_name),
        )


_RUNTIME = _Runtime()


def _session_of(function: Any) -> Principal:
    return Principal.of_role(function.role, function.function_name[:64])


def _write_log(function: LambdaFunction, stream: str, lines: list[str]) -> None:
    """Write the log with the permissions of the function's role; without them there is none, as on AWS."""
    logs = function.logs_backend
    actions = ["CreateLogStream", "PutLogEvents"]
    if function.logs_group_name not in logs.groups:
        actions.insert(0, "CreateLogGroup")
    group = f"arn:aws:logs:{function.region}:{function.account_id}:log-group:{function.logs_group_name}:log-stream:"
    needs = [Need(f"logs:{name}", group + (stream if name == "PutLogEvents" else "")) for name in actions]
    if ENFORCEMENT.require(needs, _session_of(function), function.region):
        return
    logs.ensure_log_group(function.logs_group_name)
    logs.create_log_stream(function.logs_group_name, stream)
    timestamp = int(unix_time_millis())
    events = [{"timestamp": timestamp, "message": line} for line in lines]
    logs.put_log_events(function.logs_group_name, stream, events)


def status() -> list[dict[str, Any]]:
    """Return a line for each function."""
    warm = _POOL.counts()
    return [
        {
            "account": account,
            "region": region,
            "function": function.function_name,
            "handler": function.handler,
            "warm_workers": warm.get(function.function_arn, 0),
        }
        for account, regions in sorted(lambda_backends.items())
        for region, backend in sorted(regions.items())
        for function in backend.list_functions()
    ]
