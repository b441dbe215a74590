"""Probes over the network: what is seen of real listeners on this machine, and how many are asked for at once."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import network_probes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from botocore.exceptions import ClientError

from emulator.machines import relay

HTTP = {"scheme": "http", "path": "/", "status": [200], "body": "", "verify_tls": True, "host": ""}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{self.headers['Host']} is fine".encode()
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """A plain listener that says nothing, one of HTTP, one of HTTPS with a certificate of nobody; and a free port."""
    silent = socket.create_server(("127.0.0.1", 0))
    plain, secret = (ThreadingHTTPServer(("127.0.0.1", 0), _Handler) for _ in range(2))
    secret.socket = relay._tls().wrap_socket(secret.socket, server_side=True)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    for server in (plain, secret):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "silent": silent.getsockname()[1],
        "http": plain.server_port,
        "https": secret.server_port,
        "closed": free,
    }
    silent.close()
    for server in (plain, secret):
        server.shutdown()
        server.server_close()


def look(**target: Any) -> tuple[bool, str]:
    (seen,) = network_probes.look([{"address": "127.0.0.1", "timeout": 1, **target}])
    return seen["passed"], seen["saw"]


def test_a_port_is_open_or_refused(ports: dict[str, int]) -> None:
    assert look(tcp={"port": ports["silent"]}) == (True, f"port {ports['silent']} of 127.0.0.1 is open")
    assert look(tcp={"port": ports["closed"]}) == (False, "Connection refused")


def test_http_answers_with_status_and_text(ports: dict[str, int]) -> None:
    base = {**HTTP, "port": ports["http"]}
    assert look(http=base) == (True, "answers 200")
    assert look(http={**base, "host": "shop.example", "body": "shop.example is fine"}) == (True, "answers 200")
    assert look(http={**base, "body": "sorry"}) == (False, "answers 200 without the text 'sorry'")
    assert look(http={**base, "path": "/503", "status": [200, 204]}) == (False, "answers 503, not 200 or 204")
    assert look(http={**base, "path": "/302", "status": [302]}) == (True, "answers 302")
    assert look(http={**base, "port": ports["closed"]}) == (False, "Connection refused")
    assert look(http={**base, "port": ports["silent"]}) == (False, "no complete answer from 127.0.0.1 within 1 s")


def test_a_certificate_is_checked_unless_it_is_not_to_be(ports: dict[str, int]) -> None:
    base = {**HTTP, "scheme": "https", "port": ports["https"]}
    passed, saw = look(http=base)
    assert not passed
    assert saw.startswith("the certificate does not hold: ")
    assert look(http={**base, "verify_tls": False}) == (True, "answers 200")
    assert not look(http={**base, "port": ports["http"], "verify_tls": False})[0]


def test_many_targets_are_looked_at_at_once(ports: dict[str, int]) -> None:
    assert network_probes.look([]) == []
    kinds = ["silent", "closed"] * 50
    seen = network_probes.look([{"address": "127.0.0.1", "timeout": 1, "tcp": {"port": ports[kind]}} for kind in kinds])
    assert [item["passed"] for item in seen] == [kind == "silent" for kind in kinds]


class _Lambda:
    """A client of Lambda that answers for the function inside, and remembers what it was asked."""

    def __init__(self, error: str = "") -> None:
        self.asked: list[int] = []
        self._error = error

    def invoke(self, **request: Any) -> dict[str, Any]:
        targets = json.loads(request["Payload"])["targets"]
        self.asked.append(len(targets))
        if self._error == "Unhandled":
            failed = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failed).encode())}
        if self._error:
            raise ClientError({"Error": {"Code": self._error, "Message": "no"}}, "Invoke")
        seen = [{"passed": target["address"].endswith("7"), "saw": target["address"]} for target in targets]
        return {"Payload": io.BytesIO(json.dumps({"seen": seen}).encode())}


def targets(count: int) -> dict[str, dict[str, Any]]:
    return {f"s{number}": {"address": f"10.0.{number // 250}.{number % 250}", "timeout": 5} for number in range(count)}


def test_a_thousand_servers_are_asked_about_in_bounded_pieces() -> None:
    client, wanted = _Lambda(), targets(1005)
    seen = network_probes.ask(client, "dr-probe-test", wanted, "now")
    assert {name: item["saw"] for name, item in seen.items()} == {name: t["address"] for name, t in wanted.items()}
    assert sorted(client.asked) == [5, *[network_probes.CHUNK] * 10]


@pytest.mark.parametrize("error", ["ResourceNotReadyException", "ResourceConflictException", "Unhandled"])
def test_a_function_that_could_not_look_is_no_failure_of_the_servers(error: str) -> None:
    seen = network_probes.ask(_Lambda(error), "dr-probe-test", targets(2), "now")
    assert all("dr-probe-test" in item["not_tried"] for item in seen.values())


def test_a_function_that_may_not_be_called_is_an_error() -> None:
    with pytest.raises(AwsError, match="AccessDeniedException"):
        network_probes.ask(_Lambda("AccessDeniedException"), "dr-probe-test", targets(2), "now")
