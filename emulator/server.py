"""The HTTP server: one threaded WSGI application around moto's backends.

A request passes, in this order: the control API, identification (which API call), authentication, faults, the backend.
Time stands still while a request is at work.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"


class StartError(Exception):
    """The emulator cannot start; the message is one line for a person."""


def read_estate(path: Path) -> dict[str, Any]:
    """Read an estate file.

    Raises:
        StartError: it cannot be read, or is no YAML mapping with `accounts`.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"estate {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise StartError(f"estate {path}: no YAML: {reason}") from error
    if not isinstance(document, dict) or not isinstance(document.get("accounts"), dict) or not document["accounts"]:
        raise StartError(f"estate {path}: a mapping with 'accounts' is needed, see emulator/README.md")
    return document


def open_socket(port: int) -> socket.socket:
    """Listen on 127.0.0.1.

    Raises:
        StartError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise StartError(f"port {port} of {HOST} cannot be used: {error.strerror}") from error
    return listener


def prepare(port: int) -> None:
    """Set moto up and complete it, before any backend is loaded."""
    os.environ["MOTO_PORT"] = str(port)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "MOTO_ACCOUNT_ID"):
        os.environ.pop(name, None)
    from emulator import moto_time

    moto_time.install()
    for name in (
        "emulator.gaps.dynamodb",
        "emulator.gaps.sts",
        "emulator.lambda_runner",
        "emulator.stepfunctions",
    ):
        importlib.import_module(name).install()
    for name in ("emulator.ec2", "emulator.drs"):
        _install_if_there(name)


def _install_if_there(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return
    if hasattr(module, "install"):
        module.install()


def load_estate(document: dict[str, Any], path: Path) -> None:
    """Create what the estate declares.

    Raises:
        StartError: the estate has a mistake.
    """
    from emulator.auth import create_accounts

    try:
        create_accounts(document["accounts"])
        estate = importlib.import_module("emulator.estate")
    except ModuleNotFoundError as error:
        if error.name != "emulator.estate":
            raise
        return
    except ValueError as error:
        raise StartError(f"estate {path}: {error}") from error
    if not hasattr(estate, "load"):
        return
    try:
        estate.load(document)
    except ValueError as error:
        raise StartError(f"estate {path}: {error}") from error


class Application:
    """The WSGI application."""

    def __init__(self, backend: Callable[..., Iterable[bytes]]):
        from emulator.calls import Calls
        from emulator.faults import Faults

        self._backend = backend
        self.calls = Calls()
        self.faults = Faults()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        from emulator.clock import CLOCK
        from emulator.control import PREFIX

        with CLOCK.work():
            if environ["PATH_INFO"].startswith(PREFIX):
                status, headers, body = self._control(environ)
            else:
                status, headers, body = self._api(environ)
        headers["Content-Length"] = (
            str(len(body)) if environ["REQUEST_METHOD"] != "HEAD" else headers.get("Content-Length", "0")
        )
        start_response(f"{status} {_REASONS.get(status, 'Unknown')}", list(headers.items()))
        return [body]

    def _control(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        from emulator import apicall, control

        status, document = control.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], apicall.read_body(environ))
        return status, {"Content-Type": "application/json"}, json.dumps(document, default=str).encode()

    def _api(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        from emulator import apicall
        from emulator.auth import Rejection, authenticate
        from emulator.calls import error_code

        call = apicall.identify(environ)
        principal = authenticate(call, environ)
        if isinstance(principal, Rejection):
            answer = apicall.error_response(call.protocol, principal.code, principal.message, principal.status)
            self.calls.add(call, "", "", principal.status, principal.code)
            return answer
        fault = self.faults.take(call, principal.account)
        if fault is not None:
            answer = apicall.error_response(call.protocol, fault.error, fault.message, fault.status)
        else:
            answer = self._ask_backend(call, environ)
        status, headers, body = answer
        error = error_code(headers, body) if status >= 400 else None
        self.calls.add(call, principal.account, principal.arn, status, error)
        return answer

    def _ask_backend(self, call: Any, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        from emulator import apicall

        captured: dict[str, Any] = {}

        def capture(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            captured["status"] = int(status.split(" ", 1)[0])
            captured["headers"] = {name: value for name, value in headers if name.lower() != "content-length"} | {
                "Content-Length": value for name, value in headers if name.lower() == "content-length"
            }

        try:
            body = b"".join(self._backend(environ, capture))
        except NotImplementedError as error:
            message = f"The embedded AWS does not emulate {call.service} {call.operation}: {error}"
            return apicall.error_response(call.protocol, "NotImplemented", message, 501)
        except Exception as error:  # what a backend did not expect becomes AWS's internal failure, not a traceback
            LOG.exception("%s %s failed in the emulator", call.service, call.operation)
            message = f"The embedded AWS failed: {type(error).__name__}: {error}"
            return apicall.error_response(call.protocol, "InternalFailure", message, 500)
        return captured["status"], captured["headers"], body


_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    301: "Moved Permanently",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


def _register_routes(application: Application) -> None:
    from emulator import control
    from emulator.clock import CLOCK

    def set_clock(body: dict[str, Any]) -> dict[str, Any]:
        unknown = set(body) - {"advance", "pace"}
        if unknown:
            raise control.ControlError(f"clock knows advance and pace, not {', '.join(sorted(unknown))}")
        if "pace" in body:
            CLOCK.pace = _positive_or_none(body["pace"])
        if "advance" in body:
            seconds = body["advance"]
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
                raise control.ControlError(f"advance is {seconds!r}: give seconds, 0 or more")
            CLOCK.advance(seconds)
        return CLOCK.status()

    def clear_faults(_body: dict[str, Any]) -> dict[str, Any]:
        application.faults.clear()
        return {"faults": []}

    def add_fault(body: dict[str, Any]) -> dict[str, Any]:
        application.faults.add(body)
        return {"faults": application.faults.pending()}

    def clear_calls(_body: dict[str, Any]) -> dict[str, Any]:
        application.calls.clear()
        return application.calls.report()

    control.route("GET", "health", lambda _body: {"ready": True, "pid": os.getpid()})
    control.route("GET", "clock", lambda _body: CLOCK.status())
    control.route("POST", "clock", set_clock)
    control.route("GET", "faults", lambda _body: {"faults": application.faults.pending()})
    control.route("POST", "faults", add_fault)
    control.route("DELETE", "faults", clear_faults)
    control.route("GET", "calls", lambda _body: application.calls.report())
    control.route("DELETE", "calls", clear_calls)
    control.add_status("clock", CLOCK.status)
    control.add_status("accounts", _accounts)


def _accounts() -> list[dict[str, Any]]:
    from moto.iam.models import iam_backends

    from emulator.auth import PARTITION

    return [
        {"account": account, "users": sorted(partitions[PARTITION].users)}
        for account, partitions in sorted(iam_backends.items())
        if partitions[PARTITION].users
    ]


def _positive_or_none(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValueError(f"pace is {value!r}: give virtual seconds a real second, more than 0, or null")
    return float(value)


def serve(estate: Path, port: int, pace: float | None, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        estate: The estate file.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        pace: Virtual seconds a real second, None for no limit.
        ready: Called with the endpoint once requests are answered.

    Raises:
        StartError: one line that says what is wrong.
    """
    document = read_estate(estate)
    listener = open_socket(port)
    endpoint = f"http://{HOST}:{listener.getsockname()[1]}"
    prepare(listener.getsockname()[1])

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from emulator import lambda_runner
    from emulator.clock import CLOCK

    class RequestHandler(MotoRequestHandler):
        """Keeps connections open, which halves the time of a call, and keeps quiet."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Log nothing: `/_embedded/calls` is the record."""

    application = Application(DomainDispatcherApplication(create_backend_app))
    _register_routes(application)
    CLOCK.pace = pace
    load_estate(document, estate)
    server = make_server(HOST, port, application, threaded=True, request_handler=RequestHandler, fd=listener.fileno())
    server.daemon_threads = True
    CLOCK.start()
    ready(endpoint)
    try:
        server.serve_forever()
    except (KeyboardInterrupt, SystemExit):
        LOG.info("stopping")
    finally:
        lambda_runner.shut_down()
        listener.close()
        sys.stdout.flush()
