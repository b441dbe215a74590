# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What probes saw, as a server's record keeps it, and what that means for the server.

A result belongs to one validation, which is known by when it began (C(since)): the final validation asks anew.

    result: {since, outcome, saw, target, at, attempts, milliseconds, command}
    command: {token, id, at}    of a command that was sent, or is about to be
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from .canonical import plain
from .probes import Probe
from .records import ServerRecord
from .timestamps import format_time, parse_time
from .validation import FAILED, OK, PENDING, CheckResult

Result = dict[str, Any]

LEFT_OUT = "left_out"
"""Outcome of a probe that a server cannot be asked with, where it is now; it keeps nothing from being valid."""

LONGEST_SAW = 200
"""Characters of what a probe saw that are kept."""


def result_of(record: ServerRecord, probe: Probe, since: str) -> Result | None:
    """Return what the probe has seen of a server in this validation, None when it has not looked yet."""
    found = record.probes.get(probe.name)
    return dict(found) if found and found.get("since") == since else None


def is_settled(result: Result | None) -> bool:
    """Whether the probe has passed or failed for good, or is left out."""
    return result is not None and result["outcome"] in {OK, FAILED, LEFT_OUT}


def is_due(probe: Probe, result: Result | None, now: datetime) -> bool:
    """Whether the probe is to be tried now: it is not settled, no command of it is under way, its interval is over."""
    if result is None:
        return True
    if is_settled(result) or result.get("command"):
        return False
    return result["attempts"] == 0 or now >= parse_time(result["at"]) + timedelta(seconds=probe.interval)


def waiting(record: ServerRecord, probe: Probe, since: str, now: datetime, saw: str) -> ServerRecord:
    """Return the record with a look that was no attempt: what has to be there first is not there yet."""
    return _with(record, probe, since, now, outcome=PENDING, saw=saw, command=None)


def left_out(record: ServerRecord, probe: Probe, since: str, now: datetime, why: str) -> ServerRecord:
    """Return the record with why a probe is not asked of the server."""
    return _with(record, probe, since, now, outcome=LEFT_OUT, saw=why, command=None)


def sending(record: ServerRecord, probe: Probe, since: str, now: datetime, token: str) -> ServerRecord:
    """Return the record with the intention to send a command; it is written before the command is sent."""
    command = {"token": token, "id": None, "at": format_time(now)}
    return _with(record, probe, since, now, outcome=PENDING, saw="the command is being sent", command=command)


def sent(record: ServerRecord, probe: Probe, since: str, now: datetime, command_id: str) -> ServerRecord:
    """Return the record with the id of its command."""
    known = result_of(record, probe, since) or {}
    command = {**known["command"], "id": command_id}
    return _with(record, probe, since, now, outcome=PENDING, saw=f"command {command_id} runs", command=command)


def tried(
    record: ServerRecord,
    probe: Probe,
    since: str,
    now: datetime,
    *,
    passed: bool,
    saw: str,
    milliseconds: int | None = None,
) -> ServerRecord:
    """Return the record with an attempt that has ended; the last one that the probe allows is a failure."""
    known = result_of(record, probe, since)
    attempts = 1 + (known["attempts"] if known else 0)
    last = bool(probe.attempts) and attempts >= probe.attempts
    outcome = OK if passed else FAILED if last else PENDING
    return _with(
        record,
        probe,
        since,
        now,
        outcome=outcome,
        saw=saw,
        attempts=attempts,
        milliseconds=milliseconds,
        command=None,
    )


def command_token(run_id: str, probe: str, since: str, attempt: int, server_keys: Iterable[str]) -> str:
    """Return the text by which a command that was sent is found again: SendCommand knows no client token."""
    content = "\n".join([run_id, probe, since, str(attempt), *sorted(server_keys)])
    return f"dr:{probe}:{sha256(content.encode()).hexdigest()[:40]}"


def with_probes(check: CheckResult, record: ServerRecord, probes: Sequence[Probe], since: str) -> CheckResult:
    """Return the result of a server's checks and of its probes together.

    Args:
        check: What its own checks came to; as long as they have not passed its probes are not asked.
        record: The server's record.
        probes: Those that it has to pass.
        since: When the validation began.
    """
    if check.outcome != OK:
        return check
    results = [(probe, result_of(record, probe, since)) for probe in probes]
    not_passed = [
        (probe, result) for probe, result in results if result is None or result["outcome"] not in {OK, LEFT_OUT}
    ]
    if not not_passed:
        return check
    reasons = tuple(
        f"probe {probe.name} ({probe.target}): {result['saw'] if result else 'not tried yet'}"
        for probe, result in not_passed
    )
    failed = any(result is not None and result["outcome"] == FAILED for _probe, result in not_passed)
    return CheckResult(FAILED if failed else PENDING, reasons)


def evidence(record: ServerRecord) -> list[Result]:
    """Return what events and reports tell of a server's probes: C({name, target, outcome, saw, at, …})."""
    told = ("target", "outcome", "saw", "at", "attempts", "milliseconds")
    return [
        {"name": name, **{key: plain(result.get(key)) for key in told}}
        for name, result in sorted(record.probes.items())
    ]


def _with(record: ServerRecord, probe: Probe, since: str, now: datetime, **seen: Any) -> ServerRecord:
    known = result_of(record, probe, since)
    attempts = known["attempts"] if known else 0
    result = {
        "since": since,
        "target": probe.target,
        "at": format_time(now),
        "attempts": attempts,
        "milliseconds": None,
        **seen,
        "saw": seen["saw"][:LONGEST_SAW],
    }
    return replace(record, probes={**record.probes, probe.name: result})


def by_token(records: Iterable[ServerRecord], probe: Probe, since: str) -> dict[str, list[ServerRecord]]:
    """Return the servers of every command of the probe that is under way, by its token."""
    found: dict[str, list[ServerRecord]] = {}
    for record in records:
        result = result_of(record, probe, since)
        if result and result.get("command"):
            found.setdefault(result["command"]["token"], []).append(record)
    return found
