"""Fault rules that hold replication up: it stalls or lags from one moment to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..faults.registry import FAULTS
from ..faults.rules import Occasion, Rule
from .control import change_source_server
from .faults import traits
from .models import DRSBackend, drs_backends
from .staging import origin
from .state import SourceServer


def install() -> None:
    """Let rules change the replication of servers while they hold."""
    replication = _Replication()
    FAULTS.maintain("replication", replication.begin, replication.end)


class _Replication:
    """What the servers' replication was before a rule changed it."""

    def __init__(self) -> None:
        self._before: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = {}

    def begin(self, rule: Rule) -> None:
        """Change the replication of the servers that a rule means and that exist by now."""
        changes = {"replication_state": rule.parameters.get("state"), "lag": rule.parameters.get("lag")}
        changes = {key: value for key, value in changes.items() if value is not None}
        before = []
        for backend, server in _servers():
            if rule.matches(Occasion("replication", traits(backend, server))):
                place = _place(server)
                before.append((place, _way_back(server, changes)))
                change_source_server({**place, **changes})
        self._before[rule.rule_id] = before

    def end(self, rule: Rule) -> None:
        """Give the servers back what they had, where nobody has changed it since."""
        state = rule.parameters.get("state")
        for place, before in self._before.pop(rule.rule_id, []):
            server = drs_backends[place["account"]][place["region"]].servers.get(place["source_server_id"])
            if server is not None and state in (None, server.replication.state):
                change_source_server({**place, **before})


def _place(server: SourceServer) -> dict[str, str]:
    """Return where the server is that replicates: of an extended one, in its staging account."""
    _, _, _, region, account, resource = (origin(server) or server).arn.split(":")
    return {"account": account, "region": region, "source_server_id": resource.rpartition("/")[2]}


def _way_back(server: SourceServer, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the change that undoes others. What was on its way to CONTINUOUS sets out again."""
    replication = server.replication
    if "replication_state" in changes and replication.until:
        return {"resync": "rescan" if replication.protected_since else "initial"}
    now = {"replication_state": replication.state, "lag": replication.lag}
    return {key: now[key] for key in changes}


def _servers() -> Iterator[tuple[DRSBackend, SourceServer]]:
    for regions in list(drs_backends.values()):
        for backend in list(regions.values()):
            for server in list(backend.servers.values()):
                yield backend, server
