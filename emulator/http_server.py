"""The HTTP server: WSGI, a thread for each connection, connections stay open.

werkzeug's own closes the connection after every answer, and waits 10 ms before that whether more of the request comes.
"""

from __future__ import annotations

import io
import logging
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)

LOG = logging.getLogger(__name__)

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_LONGEST_LINE = 65536
_MOST_HEADERS = 200
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequestError(Exception):
    """What came is no HTTP request; the connection ends."""


class HttpServer:
    """Serves a WSGI application on a listening socket until `shutdown()`.

    Args:
        listener: a socket that listens.
        application: answers requests, in many threads at once.
        now: what the Date header tells, which callers take for AWS's clock.
    """

    def __init__(self, listener: socket.socket, application: Wsgi, now: Callable[[], datetime]):
        self._listener = listener
        self._application = application
        self._now = now
        self._waker, self._woken = socket.socketpair()
        host, port = listener.getsockname()[:2]
        self._base_environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "SCRIPT_NAME": "",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
        }

    def serve_forever(self) -> None:
        """Accept connections until `shutdown()`."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    return
                connection, address = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._converse, args=(connection, address), name="http", daemon=True).start()

    def shutdown(self) -> None:
        """End `serve_forever()`; safe in a signal handler."""
        self._waker.send(b"x")

    def _converse(self, connection: socket.socket, address: tuple[str, int]) -> None:
        with connection, connection.makefile("rb", _LONGEST_LINE) as reader:
            try:
                while self._answer_one(connection, reader, address):
                    pass
            except BadRequestError as error:
                connection.sendall(_render(HTTPStatus.BAD_REQUEST, [("Connection", "close")], str(error).encode()))
            except ConnectionError:
                return  # the client went away

    def _answer_one(self, connection: socket.socket, reader: Any, address: tuple[str, int]) -> bool:
        """Answer the next request; returns whether the connection stays open."""
        environ = self._read_request(connection, reader, address)
        if environ is None:
            return False
        wish = environ.get("HTTP_CONNECTION", "").lower()
        stays = bool(wish == "keep-alive" or (environ["SERVER_PROTOCOL"] == "HTTP/1.1" and wish != "close"))
        answer: list[Any] = []
        try:
            body = b"".join(self._application(environ, lambda *start: answer.extend(start)))
            status, headers = answer[0], answer[1]
        except ConnectionError:
            raise  # a fault: the connection ends without an answer
        except Exception:  # a connection without an answer would say nothing about why
            LOG.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            status, headers, body = "500 Internal Server Error", [("Content-Length", "0")], b""
        headers = [*headers, ("Date", format_datetime(self._now(), usegmt=True))]
        if not stays:
            headers.append(("Connection", "close"))
        connection.sendall(_render(status, headers, body))
        return stays

    def _read_request(self, connection: socket.socket, reader: Any, address: tuple[str, int]) -> dict[str, Any] | None:
        line = _read_line(reader)
        if not line:
            return None
        parts = line.split()
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequestError("no request line of HTTP/1")
        method, target, version = parts
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            **self._base_environ,
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": target,
            "RAW_URI": target,
            "REMOTE_ADDR": address[0],
            "REMOTE_PORT": address[1],
            "SERVER_PROTOCOL": version,
        }
        _read_headers(reader, environ)
        if not target.startswith("/"):  # an absolute URL names the host, too
            url = urlsplit(target)
            environ |= {"PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"), "HTTP_HOST": url.netloc}
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            connection.sendall(_CONTINUE)
        body = _read_body(reader, environ)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ


def _render(status: str | HTTPStatus, headers: list[tuple[str, str]], body: bytes) -> bytes:
    if isinstance(status, HTTPStatus):
        status = f"{status.value} {status.phrase}"
        headers = [*headers, ("Content-Length", str(len(body)))]
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _read_line(reader: Any) -> str:
    line: bytes = reader.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise BadRequestError("a line of the request is too long")
    return line.decode("latin-1").rstrip("\r\n")


def _read_headers(reader: Any, environ: dict[str, Any]) -> None:
    """Put the headers into the environment as werkzeug and moto do: names with `_` count as metadata of S3 only."""
    dashed: set[str] = set()
    preserved: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = _read_line(reader)
        if not line:
            break
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError(f"no header: {line[:80]!r}")
        key, value = environ_key_for_header(name), value.strip()
        if "_" not in name:
            environ[key] = f"{environ[key]},{value}" if key in dashed and key.startswith("HTTP_") else value
            dashed.add(key)
            preserved.pop(key, None)
        elif should_preserve_original_header_name(name) and key not in dashed:
            environ[key] = f"{environ[key]},{value}" if key in preserved else value
            preserved.setdefault(key, name)
    else:
        raise BadRequestError(f"more than {_MOST_HEADERS} headers")
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved


def _read_body(reader: Any, environ: dict[str, Any]) -> bytes:
    if "chunked" in environ.pop("HTTP_TRANSFER_ENCODING", "").lower():
        return _read_chunks(reader)
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit():
        raise BadRequestError(f"Content-Length {length[:20]!r} is no number")
    body: bytes = reader.read(int(length))
    if len(body) < int(length):
        raise ConnectionError("the request ended early")
    return body


def _read_chunks(reader: Any) -> bytes:
    chunks = []
    while True:
        size = _read_line(reader).split(";")[0]
        try:
            length = int(size, 16)
        except ValueError as error:
            raise BadRequestError(f"{size[:20]!r} is no length of a chunk") from error
        if length == 0:
            break
        chunks.append(reader.read(length))
        _read_line(reader)
    while _read_line(reader):
        pass  # trailers
    return b"".join(chunks)
