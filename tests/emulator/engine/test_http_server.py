"""The HTTP server by itself: what WSGI says, on connections that stay open."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.http_server import HttpServer
from emulator.server import open_socket

NOW = datetime(2026, 11, 23, 10, 57, 1, tzinfo=UTC)


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer what came; break at /broken, answer nothing at /dropped."""
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("as told")
    if environ["PATH_INFO"] == "/dropped":
        raise ConnectionAbortedError("as told")
    body = environ["wsgi.input"].read()
    shown = {key: value for key, value in environ.items() if isinstance(value, str | dict)}
    answer = json.dumps({**shown, "body": body.decode()}).encode()
    headers = [("X-Length", str(len(answer)))]
    if environ["REQUEST_METHOD"] == "HEAD":
        start_response("200 OK", [*headers, ("Content-Length", "7000")])
        return []
    start_response("200 OK", [*headers, ("Content-Length", str(len(answer)))])
    return [answer]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that echoes."""
    listener = open_socket(0)
    server = HttpServer(listener, echo, lambda: NOW)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield listener.getsockname()[1]
    server.shutdown()
    thread.join()
    listener.close()


def raw(port: int, request: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_connection_serves_many_requests(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    used = connection.sock
    for number in range(3):
        connection.request(
            "POST", f"/a%2Fb/%C3%BC?x={number}&y", body=f"body {number}", headers={"X-Amz-Date": "today"}
        )
        answer = connection.getresponse()
        shown = json.load(answer)
        assert answer.headers["Date"] == "Mon, 23 Nov 2026 10:57:01 GMT"
        assert (shown["body"], shown["QUERY_STRING"]) == (f"body {number}", f"x={number}&y")
        assert shown["PATH_INFO"].encode("latin-1").decode() == "/a/b/ü"
        assert (shown["RAW_URI"], shown["HTTP_X_AMZ_DATE"]) == (f"/a%2Fb/%C3%BC?x={number}&y", "today")
    assert connection.sock is used
    connection.request("HEAD", "/")
    head = connection.getresponse()
    assert (head.status, head.headers["Content-Length"], head.read()) == (200, "7000", b"")
    connection.request("GET", "/", headers={"Connection": "close"})
    assert connection.getresponse().headers["Connection"] == "close"
    connection.close()


def test_chunks_are_put_together(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("PUT", "/", body=iter([b"one ", b"two"]), encode_chunked=True)
    shown = json.load(connection.getresponse())
    connection.close()
    assert (shown["body"], shown["CONTENT_LENGTH"]) == ("one two", "7")


def test_a_client_that_asks_first_is_told_to_go_on(port: int) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    answer = raw(port, head + b"abc")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_names_with_underscores_are_metadata_of_s3_only(port: int) -> None:
    lines = ["GET / HTTP/1.0", "x-amz-meta-my_key: 1", "x_amz_date: forged", "X-Amz-Date: true", "A: 1", "A: 2"]
    body = raw(port, "\r\n".join([*lines, "", ""]).encode()).split(b"\r\n\r\n", 1)[1]
    shown = json.loads(body)
    assert (shown["HTTP_X_AMZ_META_MY_KEY"], shown["HTTP_X_AMZ_DATE"], shown["HTTP_A"]) == ("1", "true", "1,2")
    assert shown["moto.preserved_header_names"] == {"HTTP_X_AMZ_META_MY_KEY": "x-amz-meta-my_key"}


@pytest.mark.parametrize(
    ("request_bytes", "words"),
    [
        (b"nonsense\r\n\r\n", b"no request line"),
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", b"no header: 'nonsense'"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"Content-Length '-1' is no number"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"'x' is no length of a chunk"),
        (b"GET /" + b"x" * 65540 + b" HTTP/1.1\r\n\r\n", b"too long"),
        (b"GET / HTTP/1.1\r\n" + b"A: 1\r\n" * 201 + b"\r\n", b"more than 200 headers"),
    ],
)
def test_what_is_no_request_is_refused(port: int, request_bytes: bytes, words: bytes) -> None:
    answer = raw(port, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    assert words in answer


def test_a_broken_application_is_an_error_and_the_connection_goes_on(port: int) -> None:
    answer = raw(port, b"GET /broken HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n")
    assert b"HTTP/1.1 200 OK" in answer


def test_half_a_request_gets_no_answer(port: int) -> None:
    assert raw(port, b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc") == b""


def test_an_application_may_end_a_connection_without_an_answer(port: int) -> None:
    assert raw(port, b"GET /dropped HTTP/1.1\r\n\r\n") == b""
