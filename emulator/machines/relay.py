"""Plays the machines: functions connect here, say where they meant to go, and talk to what listens there.

The first line of a connection is JSON: {"function", "address", "port"}; it is answered by one line, a verdict of
`reach.py`. After `open` the connection is that to the machine.
"""

from __future__ import annotations

import datetime
import json
import socketserver
import ssl
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

from .reach import OPEN, connect
from .software import Service

_LONGEST_ORDER = 1024  # bytes
_LONGEST_REQUEST = 65536  # bytes
_PATIENCE = 20  # real seconds that a machine waits for a client that says nothing


class _Connection(socketserver.StreamRequestHandler):
    timeout = _PATIENCE

    def handle(self) -> None:
        order = json.loads(self.rfile.readline(_LONGEST_ORDER) or b"{}")
        if not order:
            return
        verdict = connect(order["function"], order["address"], order["port"])
        self.wfile.write(verdict.kind.encode() + b"\n")
        if verdict.kind == OPEN and verdict.service is not None:
            try:
                _talk(self.request, verdict.service)
            except OSError:  # the client has what it wanted, or does not like the certificate
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


class Relay:
    """The server that plays all machines; it starts when somebody asks for its port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        with self._lock:
            if self._server is None:
                self._server = _Server(("127.0.0.1", 0), _Connection)
                threading.Thread(target=self._server.serve_forever, name="machines", daemon=True).start()
            return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop playing."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


RELAY = Relay()


def _talk(link: Any, service: Service) -> None:
    if service.tls:
        link = _tls().wrap_socket(link, server_side=True)
    if service.status is None:
        while link.recv(_LONGEST_REQUEST):
            pass
        return
    request = b""
    while b"\r\n\r\n" not in request and len(request) < _LONGEST_REQUEST:
        received = link.recv(_LONGEST_REQUEST)
        if not received:
            return
        request += received
    body = service.body.encode()
    head = f"HTTP/1.1 {service.status} Declared\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    link.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


@cache
def _tls() -> ssl.SSLContext:
    """Return a context with a certificate that nobody has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "machine.example.internal")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "certificate.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
    return context
