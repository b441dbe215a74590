# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checks of launched servers mean for a wave, or for the whole plan at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .records import ServerRecord
from .runs import ServerStatus
from .timestamps import format_seconds, format_time
from .validation import FAILED, OK, PENDING, CheckResult
from .waves import ASK, DONE, WAIT

NAMED_IN_REASON = 5
"""Servers that a reason names; the others are counted."""


@dataclass(frozen=True, slots=True)
class ValidationStep:
    """What to do next; see L(waves.WaveStep)."""

    updates: tuple[ServerRecord, ...]
    outcome: str
    seconds: int
    reason: str


def step(
    records: Sequence[ServerRecord],
    results: Mapping[str, CheckResult],
    *,
    max_failures: int,
    timeout: int,
    poll_seconds: int = 15,
    started_at: datetime,
    now: datetime,
) -> ValidationStep:
    """Decide the next step of a validation.

    Args:
        records: Records of all servers concerned.
        results: Results by server key of those that were checked.
        max_failures: Failed critical servers that are tolerated.
        timeout: Seconds from C(started_at) until a server that has not passed counts as failed.
        poll_seconds: Seconds between two looks.
        started_at: When the time began.
        now: The time of this look.
    """
    seconds_left = timeout - (now - started_at).total_seconds()
    checked = [
        _checked(record, results[record.server_key], seconds_left, timeout, now)
        if record.server_key in results
        else record
        for record in records
    ]
    pending = [record for record in checked if _is_open(record, results)]
    if pending:
        reason = (
            f"{len(pending)} of {len(results)} servers have not passed their checks yet: {_named(pending, results)}"
        )
        return ValidationStep(_changed(records, checked), WAIT, max(1, min(poll_seconds, int(seconds_left))), reason)
    stopping = [
        record for record in checked if record.critical and record.status == ServerStatus.FAILED and not record.accepted
    ]
    if len(stopping) > max_failures:
        names = ", ".join(f"{record.server_key} ({record.reason})" for record in stopping[:NAMED_IN_REASON])
        more = f" and {len(stopping) - NAMED_IN_REASON} more" if len(stopping) > NAMED_IN_REASON else ""
        reason = f"{len(stopping)} critical servers failed, {max_failures} are tolerated: {names}{more}"
        return ValidationStep(_changed(records, checked), ASK, 0, reason)
    settled = [replace(record, accepted=True) if record.status == ServerStatus.FAILED else record for record in checked]
    valid = sum(record.status == ServerStatus.VALIDATED for record in settled)
    return ValidationStep(_changed(records, settled), DONE, 0, f"{valid} of {len(settled)} servers are valid")


def _checked(
    record: ServerRecord, result: CheckResult, seconds_left: float, timeout: int, now: datetime
) -> ServerRecord:
    why = "; ".join(result.reasons)
    if result.outcome == OK:
        at = record.validated_at or format_time(now)
        instance_type = result.instance_type or record.instance_type
        return replace(record, status=ServerStatus.VALIDATED, validated_at=at, instance_type=instance_type, reason="")
    if result.outcome == FAILED:
        return replace(record, status=ServerStatus.FAILED, reason=f"validation failed: {why}")
    if seconds_left <= 0:
        return replace(
            record,
            status=ServerStatus.FAILED,
            reason=f"validation did not pass within {format_seconds(timeout)}: {why}",
        )
    return record


def _is_open(record: ServerRecord, results: Mapping[str, CheckResult]) -> bool:
    """Whether a server has to be looked at again; one that was valid before stays so until it is known better."""
    result = results.get(record.server_key)
    return result is not None and result.outcome == PENDING and record.status != ServerStatus.FAILED


def _named(records: Sequence[ServerRecord], results: Mapping[str, CheckResult]) -> str:
    return ", ".join(
        f"{record.server_key} ({'; '.join(results[record.server_key].reasons)})" for record in records[:NAMED_IN_REASON]
    )


def _changed(before: Sequence[ServerRecord], after: Sequence[ServerRecord]) -> tuple[ServerRecord, ...]:
    return tuple(new for old, new in zip(before, after, strict=True) if new != old)
