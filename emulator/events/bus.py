"""The default bus: services put events on it, best effort."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moto.events.models import EventsBackend, events_backends

from emulator.faults.registry import FAULTS
from emulator.faults.rules import Occasion
from emulator.kept import keep

_KEPT = 1_000


class Bus:
    """The events of services, in all accounts and Regions, and what became of them.

    Attributes:
        silent: Sources that send nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._deliveries: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self.silent: frozenset[str] = frozenset()

    def put(
        self,
        place: tuple[str, str],
        when: datetime,
        source: str,
        detail_type: str,
        resources: Sequence[str],
        detail: Mapping[str, Any],
    ) -> None:
        """Put an event on the default bus, unless it gets lost.

        Args:
            place: Account and Region.
            when: When it happened.
            source: `aws.drs`.
            detail_type: `DRS Source Server Launch Result`.
            resources: ARNs.
            detail: What the service says about it.
        """
        if source in self.silent:
            return
        account, region = place
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": account,
            "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": list(resources),
            "detail": dict(detail),
        }
        fault = FAULTS.take(
            Occasion(
                "event",
                {
                    "account": account,
                    "region": region,
                    "source": source,
                    "detail_type": detail_type,
                    "resource": tuple(resources),
                },
            )
        )
        with self._lock:
            self._sent.append({**event, "lost": fault.rule_id if fault else None})
        if fault is None:
            for rule in _rules(account, region):
                rule.send_to_targets({**event, "ingestion-time": when.timestamp()})

    def record_delivery(self, event: Mapping[str, Any], rule: str, target: str) -> None:
        """Note that a target got an event."""
        self._note(event, rule, target, None)

    def record_failure(self, event: Mapping[str, Any], rule: str, target: str, reason: str) -> None:
        """Note that a target did not get an event."""
        self._note(event, rule, target, reason)

    def report(self) -> dict[str, Any]:
        """Return the latest events of services and the latest deliveries."""
        with self._lock:
            return {
                "silent": sorted(self.silent),
                "events": list(self._sent),
                "deliveries": list(self._deliveries),
            }

    def clear(self) -> None:
        """Forget events and deliveries."""
        with self._lock:
            self._sent.clear()
            self._deliveries.clear()

    def _note(self, event: Mapping[str, Any], rule: str, target: str, failure: str | None) -> None:
        with self._lock:
            self._deliveries.append({"event": event["id"], "rule": rule, "target": target, "failure": failure})


def _rules(account: str, region: str) -> list[Any]:
    if account not in events_backends or region not in events_backends[account].keys():  # noqa: SIM118 - creates
        return []
    backend: EventsBackend = events_backends[account][region]
    return list(backend.event_buses["default"].rules.values())


BUS = Bus()
keep("events", BUS, ("silent", "_sent", "_deliveries"), forgotten=("_lock",))
