# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes over the network: made by a function inside the network of the servers, asked for by the one that validates.

The asking one hands over addresses and gets back what was seen, so the function inside needs no way to AWS's APIs.
This module util is private to the collection.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from ..core.probes import HTTP, TCP, parse_networks
from .dynamodb import call, chunks
from .errors import AwsError, NotFoundError
from .pacing import for_each

Target = Mapping[str, Any]
"""C({address, timeout, tcp: {port}}) or C({address, timeout, http: {…}}), settings as L(probes.Probe.settings)."""

Seen = dict[str, Any]
"""C({passed, saw, milliseconds}); C({not_tried: why}) of a target that nobody could look at."""

CHUNK = 100
"""Targets of one invocation; each has a thread of its own there."""

INVOCATIONS = 10
"""Invocations at once."""

LARGEST_BODY = 65536
PATIENCE = 1.0
"""Seconds that an attempt may take beyond its timeout before nobody waits for it any more."""

GETTING_READY = frozenset({"ENINotReadyException", "ResourceConflictException", "ResourceNotReadyException"})
"""Lambda takes the network of a function away that was idle for weeks, and gives it back at the next invocation.

Source: Lambda Developer Guide, function states.
"""


def function_name(prefix: str, profile: str) -> str:
    """Return the name of the function that looks from inside the network of a profile."""
    return f"{prefix}-probe-{profile}"


def deployed(client: Any, prefix: str) -> set[str]:
    """Return the network profiles that have a function inside, as the orchestrator knows them.

    Args:
        client: boto3 Lambda client of the orchestrator's Region.
        prefix: First part of the functions' names.
    """
    name = f"{prefix}-open-run"
    try:
        found = call(client.get_function_configuration, f"look for function {name}", FunctionName=name)
    except NotFoundError:
        return set()
    return set(parse_networks(found["Environment"]["Variables"]["PROBE_NETWORKS"]))


def look(targets: Sequence[Target]) -> list[Seen]:
    """Try every target once, all at the same time, and return what was seen, in their order."""
    if not targets:
        return []
    longest = max(target["timeout"] for target in targets)
    pool = ThreadPoolExecutor(max_workers=len(targets))
    attempts = [pool.submit(_look_at, target) for target in targets]
    wait(attempts, timeout=longest + PATIENCE)
    pool.shutdown(wait=False, cancel_futures=True)
    return [
        attempt.result() if attempt.done() and not attempt.cancelled() else _slow(target)
        for target, attempt in zip(targets, attempts, strict=True)
    ]


def ask(client: Any, function: str, targets: Mapping[str, Target], now: str) -> dict[str, Seen]:
    """Have a function inside the network look at targets, many at once.

    Args:
        client: boto3 Lambda client.
        function: Name of the function.
        targets: What to look at, by a name for each.
        now: Time of the call.

    Returns:
        What was seen of every target, by its name.

    Raises:
        AwsError: The function could not be called.
    """
    pieces = dict(enumerate(chunks(list(targets), CHUNK)))

    def invoke(_number: int, names: Sequence[str]) -> list[Seen]:
        return _invoke(client, function, [targets[name] for name in names], now)

    answers = for_each(pieces, invoke, workers=INVOCATIONS).raise_if_any(f"probe by function {function}")
    return {name: seen for number, names in pieces.items() for name, seen in zip(names, answers[number], strict=True)}


def _invoke(client: Any, function: str, targets: Iterable[Target], now: str) -> list[Seen]:
    wanted = list(targets)
    try:
        answer = call(
            client.invoke,
            f"invoke function {function}",
            FunctionName=function,
            Payload=json.dumps({"now": now, "targets": wanted}).encode(),
        )
    except AwsError as error:
        if error.code not in GETTING_READY:
            raise
        return [{"not_tried": f"function {function} is being made ready: {error.code}"}] * len(wanted)
    result = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        why = f"function {function} failed: {result.get('errorType')}: {result.get('errorMessage')}"
        return [{"not_tried": why}] * len(wanted)
    return list(result["seen"])


def _look_at(target: Target) -> Seen:
    began = time.monotonic()
    try:
        passed, saw = _try_tcp(target) if TCP in target else _try_http(target)
    except TimeoutError:
        return _slow(target)
    except ssl.SSLCertVerificationError as error:
        return _failed(f"the certificate does not hold: {error.verify_message}")
    except http.client.HTTPException as error:
        return _failed(f"no answer of HTTP: {type(error).__name__}: {error}")
    except OSError as error:
        return _failed(error.strerror or str(error) or type(error).__name__)
    return {"passed": passed, "saw": saw, "milliseconds": round((time.monotonic() - began) * 1000)}


def _try_tcp(target: Target) -> tuple[bool, str]:
    port = target[TCP]["port"]
    with socket.create_connection((target["address"], port), target["timeout"]):
        return True, f"port {port} of {target['address']} is open"


def _try_http(target: Target) -> tuple[bool, str]:
    wanted, address = target[HTTP], target["address"]
    connection = http.client.HTTPConnection(address, wanted["port"], timeout=target["timeout"])
    connection.sock = socket.create_connection((address, wanted["port"]), target["timeout"])
    try:
        if wanted["scheme"] == "https":
            context = _tls(verify=wanted["verify_tls"])
            connection.sock = context.wrap_socket(connection.sock, server_hostname=wanted["host"] or address)
        host = {"Host": wanted["host"]} if wanted["host"] else {}
        connection.request("GET", wanted["path"], headers={**host, "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(LARGEST_BODY).decode("utf-8", "replace")
    finally:
        connection.close()
    if answer.status not in wanted["status"]:
        return False, f"answers {answer.status}, not {' or '.join(map(str, wanted['status']))}"
    if wanted["body"] and wanted["body"] not in body:
        return False, f"answers {answer.status} without the text {wanted['body']!r}"
    return True, f"answers {answer.status}"


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _failed(saw: str) -> Seen:
    return {"passed": False, "saw": saw, "milliseconds": None}


def _slow(target: Target) -> Seen:
    return _failed(f"no complete answer from {target['address']} within {target['timeout']} s")
