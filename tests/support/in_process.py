"""The embedded AWS inside this process, without a server: what forks of the process do to it is theirs alone.

For programs that try many courses of events from one point. A process that has made one is good for nothing else: moto
and the time of day are completed for good.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config

from emulator import server
from tests.support.embedded import TARGET, EmbeddedAws

_PORT = 4599
ENDPOINT = f"http://127.0.0.1:{_PORT}"
"""Nobody listens there: requests are answered before they are sent."""

Send = Callable[[AWSPreparedRequest, str], AWSResponse]
"""Gets a request and botocore's name of it, C(before-send.dynamodb.GetItem)."""


class _Raw(io.BytesIO):
    def stream(self, **_options: Any) -> Any:
        while chunk := self.read(65536):
            yield chunk


class InProcessAws(EmbeddedAws):
    """The embedded AWS as L(EmbeddedAws) shows it, one in a process.

    Args:
        estate: Path of an estate file.
    """

    def __init__(self, estate: Path) -> None:
        document = server.read_estate(estate)
        server.prepare(_PORT)
        # Only now: moto's backends copy its clock when they are loaded.
        from emulator import moto_dispatch
        from emulator.application import Application, add_control_routes
        from emulator.clock import CLOCK
        from emulator.overview import add_sections

        self._clock = CLOCK
        self._application = Application(moto_dispatch.backends())
        self._one_at_a_time = threading.Lock()
        self._accounts = document["accounts"]
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._session = session(self.send)
        add_control_routes(self._application)
        add_sections(self._application.calls)
        server.load_estate(document, estate)

    def client(self, service: str, region: str = "us-west-2", account: str = TARGET, **overrides: Any) -> Any:
        """Return a boto3 client; errors come at once, and nothing can be overridden."""
        assert not overrides
        key = (service, region, account)
        if key not in self._clients:
            config = Config(retries={"total_max_attempts": 1})
            keys = self.credentials(account)
            made = self._session.client(service, region_name=region, endpoint_url=ENDPOINT, config=config, **keys)
            self._clients[key] = made
        return self._clients[key]

    def control(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """Ask the control API; time passes in no other way, so that no thread is alive when the process forks."""
        data = b"" if body is None else json.dumps(body).encode()
        self._clock.start()
        try:
            status, _, answer = self._ask(method or ("GET" if body is None else "POST"), f"/_embedded/{path}", {}, data)
        finally:
            self._clock.stop()
        assert status == 200, answer
        return json.loads(answer)

    def send(self, request: AWSPreparedRequest, _event_name: str = "") -> AWSResponse:
        """Answer a request of botocore."""
        body: Any = request.body or b""
        data = body.encode() if isinstance(body, str) else body.read() if hasattr(body, "read") else bytes(body)
        with self._one_at_a_time:
            status, headers, answer = self._ask(
                request.method, request.url.removeprefix(ENDPOINT), request.headers, data
            )
        told: Any = HeadersDict(headers)
        return AWSResponse(request.url, status, told, _Raw(answer))

    def _ask(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(target)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "REQUEST_URI": target,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(url.path),
            "QUERY_STRING": url.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(_PORT),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": f"127.0.0.1:{_PORT}",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            text = value.decode() if isinstance(value, bytes) else str(value)
            environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = text
        told: dict[str, Any] = {}

        def start_response(status: str, answered: list[tuple[str, str]], _error: Any = None) -> None:
            told.update(status=int(status.split(" ", 1)[0]), headers=dict(answered))

        answer = b"".join(self._application(environ, start_response))
        return told["status"], told["headers"], answer


def session(send: Send) -> Any:
    """Return a boto3 session whose requests are answered by C(send)."""
    core: Any = botocore.session.Session()
    core.register("before-send", lambda request, event_name, **_: send(request, event_name))
    return boto3.session.Session(botocore_session=core)
