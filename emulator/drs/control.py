"""What tests and operators of the emulator may change in DRS from outside; no AWS API.

`ROUTES` maps a path under `/_embedded/drs/` to a function of the request's body that returns the answer's body. A body
that is not acceptable raises ControlError with one clear line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import CLOCK
from . import render
from .models import LOCK, DRSBackend, drs_backends
from .responses import service_model
from .state import LaunchFault, SourceServer

PHASES = ("SNAPSHOT", "CONVERSION", "LAUNCH")
_SERVER_KEYS = frozenset(
    {"account", "region", "source_server_id", "hostname", "replication_state", "lag", "fail_launch", "slow"}
)
_FAULT_KEYS = frozenset({"phase", "times", "raw_error"})


class ControlError(ValueError):
    """The body of a control request is not acceptable; the text names the key and what it may be."""


def change_source_server(body: dict[str, Any]) -> dict[str, Any]:
    """Change a source server and return it as DescribeSourceServers shows it, plus the faults still to come.

    Keys: `account`, `region`, one of `source_server_id` and `hostname` (or FQDN) to find it; then any of
    `replication_state` (of the DRS enumeration), `lag` (seconds), `fail_launch` ({phase, times, raw_error}; null takes
    all faults away) and `slow` (factor on the time of its launches).

    Raises:
        ControlError: an unknown key or value, or no such server. Nothing is changed then.
    """
    _refuse_unknown(body, _SERVER_KEYS, "the body")
    with LOCK:
        server = _find(_store(body), body)
        changes = _checked(body)
        now = CLOCK.now()
        replication = server.replication
        if "replication_state" in changes or "lag" in changes:
            replication.state = changes.get("replication_state", replication.state)
            replication.lag = float(changes.get("lag", replication.lag if replication.state != "CONTINUOUS" else 0.0))
            replication.since = now
        if "fail_launch" in changes:
            server.faults = [] if changes["fail_launch"] is None else [*server.faults, changes["fail_launch"]]
        server.slow = changes.get("slow", server.slow)
        shown = render.source_server(server, now)
        faults = [vars(fault) for fault in server.faults if fault.times > 0]
        return {"source_server": shown, "slow": server.slow, "fail_launch": faults}


ROUTES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"source-server": change_source_server}


def _store(body: dict[str, Any]) -> DRSBackend:
    account, region = body.get("account"), body.get("region")
    if not account or not region:
        raise ControlError("account and region are required")
    if str(account) not in drs_backends or region not in drs_backends[str(account)].keys():  # noqa: SIM118 - creates
        raise ControlError(f"DRS has nothing in account {account}, Region {region}")
    return drs_backends[str(account)][region]


def _find(backend: DRSBackend, body: dict[str, Any]) -> SourceServer:
    server_id, hostname = body.get("source_server_id"), body.get("hostname")
    if bool(server_id) == bool(hostname):
        raise ControlError("exactly one of source_server_id and hostname is required")
    found = [
        server
        for server in backend.servers.values()
        if server.server_id == server_id or hostname in (server.machine.hostname, server.machine.fqdn)
    ]
    if len(found) != 1:
        wanted = server_id or hostname
        problem = "there is no source server" if not found else f"{len(found)} source servers are called"
        raise ControlError(f"{problem} {wanted!r} in account {backend.account_id}, Region {backend.region_name}")
    return found[0]


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "replication_state" in body:
        states = service_model().shape_for("DataReplicationState").metadata["enum"]
        if body["replication_state"] not in states:
            raise ControlError(f"replication_state {body['replication_state']!r} must be one of {', '.join(states)}")
        changes["replication_state"] = body["replication_state"]
    if "lag" in body:
        changes["lag"] = _number(body["lag"], "lag", lowest=0)
    if "slow" in body:
        changes["slow"] = _number(body["slow"], "slow", lowest=0.01)
    if "fail_launch" in body:
        changes["fail_launch"] = parse_fault(body["fail_launch"])
    return changes


def parse_fault(value: Any) -> LaunchFault | None:
    """Read a `fail_launch` value of the control API or of an estate.

    Raises:
        ControlError: it is not {phase, times, raw_error}.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ControlError("fail_launch must be null or an object of phase, times, raw_error")
    _refuse_unknown(value, _FAULT_KEYS, "fail_launch")
    phase, times, raw_error = value.get("phase"), value.get("times", 1), value.get("raw_error")
    if phase not in PHASES:
        raise ControlError(f"fail_launch.phase {phase!r} must be one of {', '.join(PHASES)}")
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise ControlError(f"fail_launch.times {times!r} must be a whole number of at least 1")
    if raw_error is not None and not isinstance(raw_error, str):
        raise ControlError("fail_launch.raw_error must be a text or null")
    return LaunchFault(phase, times, raw_error)


def _number(value: Any, name: str, lowest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < lowest:
        raise ControlError(f"{name} {value!r} must be a number of at least {lowest}")
    return float(value)


def _refuse_unknown(body: dict[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(body) - known)
    if unknown:
        raise ControlError(f"{where} has an unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
