# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run's events: append-only, each carrying the hash of the one before, so that any change shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from .canonical import canonical, plain
from .timestamps import format_time

FIRST_HASH = ""
"""Previous hash of the first event."""


class EventKind(StrEnum):
    """Kinds that this version writes; stored events may have others."""

    RUN_OPENED = "run_opened"
    SERVERS_CORRELATED = "servers_correlated"
    SERVERS_DISCOVERED = "servers_discovered"
    GATE_PASSED = "gate_passed"
    GATE_FAILED = "gate_failed"
    WAVE_STARTED = "wave_started"
    WAVE_ENDED = "wave_ended"
    ISOLATION_CHECKED = "isolation_checked"
    STEP_STARTED = "step_started"
    STEP_ENDED = "step_ended"
    FAILBACK_STEP_BEGUN = "failback_step_begun"
    FAILBACK_STEP_DONE = "failback_step_done"
    REPLICATION_FOLLOWED = "replication_followed"
    SETTINGS_WRITTEN = "settings_written"
    ORIGINAL_SETTLED = "original_settled"
    TEMPLATES_PREPARED = "templates_prepared"
    QUOTAS_READ = "quotas_read"
    JOB_STARTED = "job_started"
    JOB_ENDED = "job_ended"
    INSTANCE_TYPE_CHANGED = "instance_type_changed"
    SERVER_LAUNCHED = "server_launched"
    SERVER_VALIDATED = "server_validated"
    SERVER_FAILED = "server_failed"
    SERVER_SKIPPED = "server_skipped"
    SERVER_CLEANED_UP = "server_cleaned_up"
    RUN_PAUSED = "run_paused"
    DECISION_MADE = "decision_made"
    CLEAN_UP_REQUESTED = "clean_up_requested"
    CLEAN_UP_STARTED = "clean_up_started"
    CLEAN_UP_ENDED = "clean_up_ended"
    NOTICE_FAILED = "notice_failed"
    ABORT_REQUESTED = "abort_requested"
    RUN_RESUMED = "run_resumed"
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


def chain(previous_hash: str, sequence: int, at: datetime, kind: str, data: Mapping[str, Any]) -> Event:
    """Return the event that follows the one with C(previous_hash).

    hash = sha256(previous_hash + canonical JSON of {sequence, at, kind, data})
    """
    moment = format_time(at)
    content = plain(data)
    return Event(
        sequence=sequence,
        at=moment,
        kind=str(kind),
        data=content,
        previous_hash=previous_hash,
        hash=_hash(previous_hash, sequence, moment, str(kind), content),
    )


def verify(events: Iterable[Event]) -> int | None:
    """Return the sequence of the first event that does not follow from the one before, or None when all do.

    The sequence is the one that the event should have. That no event is missing at the end shows only against the
    C(event_count) and C(last_hash) of the run.
    """
    previous_hash = FIRST_HASH
    for sequence, event in enumerate(events, start=1):
        expected = _hash(previous_hash, sequence, event.at, event.kind, event.data)
        if event.sequence != sequence or event.previous_hash != previous_hash or event.hash != expected:
            return sequence
        previous_hash = event.hash
    return None


def event_to_item(event: Event) -> dict[str, Any]:
    """Return the event as a plain dict (no DynamoDB types), without the table's keys C(pk) and C(sk)."""
    return {
        "sequence": event.sequence,
        "at": event.at,
        "kind": event.kind,
        "data": plain(event.data),
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }


def event_from_item(item: Mapping[str, Any]) -> Event:
    """Build an event from a stored item; numbers may be C(Decimal)."""
    return Event(
        sequence=int(item["sequence"]),
        at=item["at"],
        kind=item["kind"],
        data=plain(item["data"]),
        previous_hash=item["previous_hash"],
        hash=item["hash"],
    )


def _hash(previous_hash: str, sequence: int, at: str, kind: str, data: Mapping[str, Any]) -> str:
    content = canonical({"sequence": sequence, "at": at, "kind": kind, "data": data})
    return sha256((previous_hash + content).encode()).hexdigest()
