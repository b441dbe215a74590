"""Fault rules that hold replication up: it stalls or lags from one moment to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..faults.registry import FAULTS
from ..faults.rules import Occasion, Rule
from .control import change_source_server
from .faults import traits
from .models import DRSBackend, drs_backends
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
                place = {
                    "account": backend.account_id,
                    "region": backend.region_name,
                    "source_server_id": server.server_id,
                }
                now = {"replication_state": server.replication.state, "lag": server.replication.lag}
                before.append((place, {key: now[key] for key in changes}))
                change_source_server({**place, **changes})
        self._before[rule.rule_id] = before

    def end(self, rule: Rule) -> None:
        """Give the servers back what they had, where nobody has changed it since."""
        state = rule.parameters.get("state")
        for place, before in self._before.pop(rule.rule_id, []):
            server = drs_backends[place["account"]][place["region"]].servers.get(place["source_server_id"])
            if server is not None and state in (None, server.replication.state):
                change_source_server({**place, **before})


def _servers() -> Iterator[tuple[DRSBackend, SourceServer]]:
    for regions in list(drs_backends.values()):
        for backend in list(regions.values()):
            for server in list(backend.servers.values()):
                yield backend, server
