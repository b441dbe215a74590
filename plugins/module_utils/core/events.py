# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run's events: append-only, each carrying the hash of the one before, so that any change shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

FIRST_HASH = ""
"""Previous hash of the first event."""


class EventKind(StrEnum):
    """Kinds that this version writes; stored events may have others."""

    RUN_OPENED = "run_opened"
    SERVERS_DISCOVERED = "servers_discovered"
    GATE_PASSED = "gate_passed"
    GATE_FAILED = "gate_failed"
    WAVE_STARTED = "wave_started"
    WAVE_ENDED = "wave_ended"
    TEMPLATES_PREPARED = "templates_prepared"
    JOB_STARTED = "job_started"
    JOB_ENDED = "job_ended"
    SERVER_LAUNCHED = "server_launched"
    SERVER_VALIDATED = "server_validated"
    SERVER_FAILED = "server_failed"
    SERVER_SKIPPED = "server_skipped"
    SERVER_CLEANED_UP = "server_cleaned_up"
    RUN_PAUSED = "run_paused"
    DECISION_MADE = "decision_made"
    CLEAN_UP_STARTED = "clean_up_started"
    CLEAN_UP_ENDED = "clean_up_ended"
    RUN_CLOSED = "run_closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; C(at) is text as L(timestamps.format_time) writes it, C(sequence) counts from 1."""

    sequence: int
    at: str
    kind: str
    data: Mapping[str, Any]
    previous_hash: str
    hash: str


def canonical(value: Any) -> str:
    """Return JSON that is equal for equal values: sorted keys, no spaces, whole C(Decimal)s as integers."""
    raise NotImplementedError


def chain(previous_hash: str, sequence: int, at: datetime, kind: str, data: Mapping[str, Any]) -> Event:
    """Return the event that follows the one with C(previous_hash).

    hash = sha256(previous_hash + canonical JSON of {sequence, at, kind, data})
    """
    raise NotImplementedError


def verify(events: Iterable[Event]) -> int | None:
    """Return the sequence of the first event that does not follow from the one before, or None when all do."""
    raise NotImplementedError


def event_to_item(event: Event) -> dict[str, Any]:
    """Return the event as a plain dict (no DynamoDB types), without the table's keys C(pk) and C(sk)."""
    raise NotImplementedError


def event_from_item(item: Mapping[str, Any]) -> Event:
    """Build an event from a stored item; numbers may be C(Decimal)."""
    raise NotImplementedError
