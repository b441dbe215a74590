"""The HTTP server: cheroot, set up for one machine's programs that talk to it at once and keep their connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from cheroot.wsgi import Server

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# A call of a function holds a thread until the function, whose own calls need threads too, has answered.
_THREADS = 256
_SECONDS_KEPT = 3600  # connections of clients that say nothing
_SECONDS_TO_END = 1  # for requests that are at work when the server stops
_SECONDS_BETWEEN_LOOKS = 0.1  # whether it shall stop


class HttpServer:
    """Serves WSGI applications; listens from the start, answers from `serve_forever()` on.

    Raises:
        OSError: the port cannot be used.
    """

    def __init__(self, host: str, port: int):
        self._server = Server(
            (host, port),
            _not_ready,
            numthreads=_THREADS,
            request_queue_size=_THREADS,
            timeout=_SECONDS_KEPT,
            shutdown_timeout=_SECONDS_TO_END,
        )
        self._server.expiration_interval = _SECONDS_BETWEEN_LOOKS
        self._server.prepare()

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self._server.bind_addr[1])

    def serve_forever(self, application: Wsgi) -> None:
        """Answer with this application until `shutdown()`."""
        self._server.wsgi_app = application
        self._server.serve()

    def shutdown(self) -> None:
        """End `serve_forever()`; safe in a signal handler."""
        threading.Thread(target=self._server.stop).start()


def _not_ready(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response(f"{HTTPStatus.SERVICE_UNAVAILABLE.value} Starting", [("Content-Length", "0")])
    return []
