"""What tests and operators of the emulator may change in DRS from outside; no AWS API.

`ROUTES` maps a path under `/_embedded/drs/` to a function of the request's body that returns the answer's body. A body
that is not acceptable raises ControlError with one clear line.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..clock import CLOCK
from ..faults.schema import PHASES
from ..machines.software import SoftwareError, parse_agent, parse_services
from . import events, render
from .models import LOCK, DRSBackend, drs_backends
from .replication import impose, initiate, rescan, set_lag, stop
from .responses import service_model
from .state import LaunchFault, SourceServer

_SERVER_KEYS = frozenset(
    {
        "account",
        "region",
        "source_server_id",
        "hostname",
        "replication_state",
        "replication_error",
        "initiation_error",
        "resync",
        "lag",
        "fail_launch",
        "slow",
        "listens",
        "ssm_agent",
    }
)
RESYNCS = ("initial", "rescan")
_FAULT_KEYS = frozenset({"phase", "times", "raw_error"})


class ControlError(ValueError):
    """The body of a control request is not acceptable; the text names the key and what it may be."""


def change_source_server(body: dict[str, Any]) -> dict[str, Any]:
    """Change a source server and return it as DescribeSourceServers shows it, plus the faults still to come.

    Keys: `account`, `region`, one of `source_server_id` and `hostname` (or FQDN) to find it; then any of
    `replication_state` (of the DRS enumeration; it stays until somebody changes it), `replication_error` (why it is
    STALLED), `lag` (seconds), `resync` (`initial`: as after the installation of the agent; `rescan`: as after a reboot;
    both go on by themselves), `initiation_error` (the next initiations fail with it; null: no more), `fail_launch`
    ({phase, times, raw_error}; null takes all faults away), `slow` (factor on the time of its launches), `listens` and
    `ssm_agent` (what runs on the machine, also where it was recovered already; as in an estate).

    Raises:
        ControlError: an unknown key or value, or no such server. Nothing is changed then.
    """
    refuse_unknown(body, _SERVER_KEYS, "the body")
    with LOCK:
        backend = store(body)
        server = _find(backend, body)
        changes = _checked(body, server)
        now = CLOCK.now()
        server.initiation_error = changes.get("initiation_error", server.initiation_error)
        if "replication_state" in changes:
            before = server.replication.state
            impose(server.replication, changes["replication_state"], now, changes.get("replication_error"))
            events.stalled_change(server.arn, now, before, server.replication.state)
        if "resync" in changes:
            _resync(backend, server, changes["resync"], now)
        if "lag" in changes:
            set_lag(server.replication, changes["lag"], now)
        if "fail_launch" in changes:
            server.faults = [] if changes["fail_launch"] is None else [*server.faults, changes["fail_launch"]]
        server.slow = changes.get("slow", server.slow)
        server.machine.services = changes.get("listens", server.machine.services)
        server.machine.agent = changes.get("ssm_agent", server.machine.agent)
        shown = render.source_server(server, now)
        faults = [vars(fault) for fault in server.faults if fault.times > 0]
        return {"source_server": shown, "slow": server.slow, "fail_launch": faults}


ROUTES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"source-server": change_source_server}


def store(body: dict[str, Any]) -> DRSBackend:
    """Return the store of the account and Region that a body names.

    Raises:
        ControlError: DRS has nothing there.
    """
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


def _checked(body: dict[str, Any], server: SourceServer) -> dict[str, Any]:
    changes = _software(body)
    if "replication_state" in body:
        changes["replication_state"] = one_of(body, "replication_state", "DataReplicationState")
    if body.get("replication_error") is not None:
        if body.get("replication_state") != "STALLED":
            raise ControlError("replication_error is for replication_state STALLED only")
        changes["replication_error"] = one_of(body, "replication_error", "DataReplicationErrorString")
    if "initiation_error" in body:
        wanted = body["initiation_error"]
        changes["initiation_error"] = wanted and one_of(body, "initiation_error", "DataReplicationErrorString")
    if "resync" in body:
        if body["resync"] not in RESYNCS or "replication_state" in body or server.extends:
            raise ControlError(
                f"resync {body['resync']!r} must be one of {', '.join(RESYNCS)}, without replication_state, for a"
                " server that is not extended"
            )
        changes["resync"] = body["resync"]
    if "lag" in body:
        changes["lag"] = _number(body["lag"], "lag", lowest=0)
    if "slow" in body:
        changes["slow"] = _number(body["slow"], "slow", lowest=0.01)
    if "fail_launch" in body:
        changes["fail_launch"] = parse_fault(body["fail_launch"])
    return changes


def one_of(body: dict[str, Any], key: str, shape: str) -> str:
    """Return a value of a body that must be one of an enumeration of DRS.

    Raises:
        ControlError: it is not.
    """
    allowed = service_model().shape_for(shape).metadata["enum"]
    if body[key] not in allowed:
        raise ControlError(f"{key} {body[key]!r} must be one of {', '.join(allowed)}")
    return str(body[key])


def _software(body: dict[str, Any]) -> dict[str, Any]:
    readers: dict[str, Callable[[Any, str], Any]] = {"listens": parse_services, "ssm_agent": parse_agent}
    try:
        return {key: read(body[key], key) for key, read in readers.items() if key in body}
    except SoftwareError as error:
        raise ControlError(str(error)) from error


def _resync(backend: DRSBackend, server: SourceServer, kind: str, now: datetime) -> None:
    if kind == "initial":
        stop(server, server.replication.state, now)
        initiate(backend, server, now)
    else:
        rescan(backend, server, now)


def parse_fault(value: Any) -> LaunchFault | None:
    """Read a `fail_launch` value of the control API or of an estate.

    Raises:
        ControlError: it is not {phase, times, raw_error}.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ControlError("fail_launch must be null or an object of phase, times, raw_error")
    refuse_unknown(value, _FAULT_KEYS, "fail_launch")
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


def refuse_unknown(body: dict[str, Any], known: frozenset[str], where: str) -> None:
    """Raise ControlError for a key that is not known."""
    unknown = sorted(set(body) - known)
    if unknown:
        raise ControlError(f"{where} has an unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
