"""The WSGI application: what happens to a request.

A request passes, in this order: the control API, identification (which API call), authentication, authorization,
throttling, faults, the backend.
Time stands still while a request is at work.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from email.utils import format_datetime
from http import HTTPStatus
from http.client import responses as REASONS  # noqa: N812 - a table
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from emulator import apicall, control
from emulator.apicall import ApiCall
from emulator.auth import Principal, Rejection, authenticate
from emulator.calls import Calls, error_code
from emulator.clock import CLOCK
from emulator.faults import calls as faults
from emulator.faults.registry import FAULTS
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.request import Need
from emulator.refusals import denied, render, throttled
from emulator.throttling.limits import THROTTLING

LOG = logging.getLogger(__name__)

Answer = tuple[int, dict[str, str], bytes]
Uses = tuple[tuple[Need, str], ...]

# moto's backends are written for one thread. A service that never calls a function from inside a request answers one
# request at a time, which makes its conditions and transactions as atomic as AWS's.
_SERIAL = {name: threading.Lock() for name in ("dynamodb", "ec2", "iam", "kms", "ssm", "sts")}
_NO_STATUS = 0  # of a call that gets no answer
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Application:
    """Answers requests with moto's backends behind it."""

    def __init__(self, backend: DomainDispatcherApplication):
        self._backend = backend
        self.calls = Calls()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        environ["RAW_URI"] = environ["REQUEST_URI"]  # where moto looks for a path as it was sent
        with CLOCK.work():
            if environ["PATH_INFO"].startswith(control.PREFIX):
                status, headers, body = self._control(environ)
            else:
                status, headers, body = self._api(environ)
        # Callers take it for AWS's clock; moto's own header has the time of the machine.
        headers = {name: value for name, value in headers.items() if name.lower() != "date"}
        headers["Date"] = format_datetime(CLOCK.now(), usegmt=True)
        if status not in _WITHOUT_BODY and environ["REQUEST_METHOD"] != "HEAD":
            headers["Content-Length"] = str(len(body))
        reason = REASONS.get(status, "Unknown")
        start_response(f"{int(status)} {reason}", list(headers.items()))
        return [body]

    def _control(self, environ: dict[str, Any]) -> Answer:
        body = apicall.read_body(environ)
        if "HTTP_ORIGIN" in environ:  # a page of somebody else, in a browser of this machine
            return HTTPStatus.FORBIDDEN, {"Content-Type": "text/plain"}, b"no requests from other web pages"
        page = control.page(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if page:
            return HTTPStatus.OK, page[1], page[0].encode()
        status, document = control.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
        return status, {"Content-Type": "application/json"}, json.dumps(document, default=str).encode()

    def _api(self, environ: dict[str, Any]) -> Answer:
        call = apicall.identify(environ)
        principal = authenticate(call, environ)
        if isinstance(principal, Rejection):
            self.calls.add(call, "", "", principal.status, principal.code)
            return apicall.error_response(call.protocol, principal.code, principal.message, principal.status)
        try:
            answer, uses = self._ask_permission(call, principal, environ)
        except faults.NoAnswerError:
            self.calls.add(call, principal.account, principal.arn, _NO_STATUS, "NoAnswer")
            raise
        status, headers, body = answer
        error = error_code(headers, body) if status >= HTTPStatus.BAD_REQUEST else None
        self.calls.add(call, principal.account, principal.arn, status, error, uses)
        return answer

    def _ask_permission(self, call: ApiCall, principal: Principal, environ: dict[str, Any]) -> tuple[Answer, Uses]:
        if not call.operation:  # the backend says what it thinks of that
            return self._answer(call, principal, environ, ()), ()
        try:
            authorization = ENFORCEMENT.authorize(call, principal, environ)
        except NotImplementedError as error:
            return _not_emulated(call, str(error)), ()
        if authorization.denial is not None:
            return render(call, denied(call, authorization.denial.message_of(call.service))), authorization.uses
        with ENFORCEMENT.acting_for(principal):
            return self._answer(call, principal, environ, authorization.uses), authorization.uses

    def _answer(self, call: ApiCall, principal: Principal, environ: dict[str, Any], uses: Uses) -> Answer:
        wait = THROTTLING.take(call, principal.account)
        if wait is not None:
            return render(call, throttled(call, retry_after=wait))
        fault = FAULTS.take(faults.occasion_of(call, principal))
        if fault is None:
            return self._ask_backend(call, environ)
        needs = [need for need, _ in uses]
        return faults.answer(
            fault, call, principal, needs, lambda body: self._ask_backend(call, apicall.with_body(environ, body))
        )

    def _ask_backend(self, call: ApiCall, environ: dict[str, Any]) -> Answer:
        captured: dict[str, Any] = {}

        def capture(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            captured["status"] = int(status.split(" ", 1)[0])
            captured["headers"] = dict(headers)

        try:
            with _SERIAL.get(call.service) or nullcontext():
                body = b"".join(self._backend(environ, capture))
        except NotImplementedError as error:
            return _not_emulated(call, str(error))
        except Exception as error:  # what a backend did not expect becomes AWS's internal failure, not a traceback
            if not self._is_emulated(environ):
                return _not_emulated(call, "")
            LOG.exception("%s %s failed in the emulator", call.service, call.operation)
            message = f"The embedded AWS failed: {type(error).__name__}: {error}"
            return apicall.error_response(call.protocol, "InternalFailure", message, 500)
        return captured["status"], captured["headers"], body

    def _is_emulated(self, environ: dict[str, Any]) -> bool:
        host = self._backend.infer_service_region_host(environ, environ["PATH_INFO"])
        return self._backend.get_backend_for_host(host) is not None


def _not_emulated(call: ApiCall, reason: str) -> Answer:
    what = f"The embedded AWS does not emulate {call.service} {call.operation}".rstrip()
    return apicall.error_response(call.protocol, "NotImplemented", f"{what}: {reason}".removesuffix(": "), 501)


def add_control_routes(application: Application) -> None:
    """Serve health, clock and calls."""

    def set_clock(body: dict[str, Any]) -> dict[str, Any]:
        unknown = set(body) - {"advance", "pace"}
        if unknown:
            raise control.ControlError(f"clock knows advance and pace, not {', '.join(sorted(unknown))}")
        pace = _number(body, "pace") if body.get("pace") is not None else None
        advance = _number(body, "advance") if "advance" in body else None
        if pace == 0:
            raise control.ControlError("pace is 0: give more, or null for no limit")
        if "pace" in body:
            CLOCK.set_pace(pace)
        if advance is not None:
            CLOCK.advance(advance)
        return CLOCK.status()

    def clear_calls(_body: dict[str, Any]) -> dict[str, Any]:
        application.calls.clear()
        return application.calls.report()

    control.route("GET", "health", lambda _body: {"ready": True, "pid": os.getpid()})
    control.route("GET", "clock", lambda _body: CLOCK.status())
    control.route("POST", "clock", set_clock)
    control.route("GET", "calls", lambda _body: application.calls.report())
    control.route("DELETE", "calls", clear_calls)


def _number(body: dict[str, Any], name: str) -> float:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise control.ControlError(f"{name} is {value!r}: give a number, 0 or more")
    return float(value)
