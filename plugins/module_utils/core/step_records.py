# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of one step of a wave in one run, as the runs table holds it (architecture, section 5), and its course."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from .canonical import plain
from .decisions import Decision
from .records import ServerRecord
from .runs import ServerStatus
from .timestamps import format_time
from .wave_steps import AFTER, APPROVAL, BEFORE, PHASES, Steps

LONGEST_RESULT = 1000
"""Characters of what a step answered, or why it failed, that are kept."""

TOKENS = uuid.UUID("5f1d6a0e-6f0c-5b53-9b9a-0d7c6c7f1a3e")
"""Name space of the client tokens, drawn once."""


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step of a wave in a run. Times are texts as L(timestamps.format_time) writes them.

    Attributes:
        wave: Number of the wave, from 1.
        phase: C(before) or C(after).
        number: Its place in the phase, from 1.
        what: What takes place, for a person.
        attempt: How often it was started.
        call: The call that started it: the same call again is no further attempt.
        automation_execution_id: The automation of the latest attempt.
        result: What it answered, or why it failed or did not take place.
        accepted: It failed, and the plan or an operator goes on all the same.
        pause_id: The pause whose decision was applied to it last.
    """

    wave: int
    phase: str
    number: int
    name: str
    kind: str
    what: str
    status: str = StepStatus.PENDING
    attempt: int = 0
    started_at: str | None = None
    ended_at: str | None = None
    call: str | None = None
    automation_execution_id: str | None = None
    result: str = ""
    accepted: bool = False
    pause_id: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the steps after it may begin."""
        if self.status == StepStatus.FAILED:
            return self.accepted
        return self.status in {StepStatus.SUCCEEDED, StepStatus.SKIPPED}

    @property
    def is_under_way(self) -> bool:
        """Whether an automation runs, as far as is known."""
        return self.status == StepStatus.RUNNING and self.automation_execution_id is not None

    @property
    def title(self) -> str:
        """The step as a person is told of it."""
        return f"step {self.name}" if self.kind == APPROVAL else f"step {self.name} ({self.what})"


def records_of(wave: int, steps: Steps, mode: str, stored: Iterable[StepRecord]) -> list[StepRecord]:
    """Return the records of the steps that take place in a mode, in order; one that was not begun is pending.

    Args:
        wave: Number of the wave.
        steps: Its steps.
        mode: Mode of the run.
        stored: Records of the wave as they are stored.
    """
    known = {(record.phase, record.number): record for record in stored}
    return [
        known.get((phase, number), StepRecord(wave, phase, number, step.name, step.kind, step.what))
        for phase in PHASES
        for number, step in enumerate(steps.of(phase), start=1)
        if mode in step.modes
    ]


def in_order(records: Iterable[StepRecord]) -> list[StepRecord]:
    """Return records as their steps take place."""
    return sorted(records, key=lambda record: (record.wave, PHASES.index(record.phase), record.number))


def started(record: StepRecord, call: str, now: datetime) -> StepRecord:
    """Return the record of a further attempt."""
    return replace(
        record,
        status=StepStatus.RUNNING,
        attempt=record.attempt + 1,
        started_at=format_time(now),
        ended_at=None,
        call=call,
        automation_execution_id=None,
        result="",
        accepted=False,
    )


def with_automation(record: StepRecord, execution_id: str) -> StepRecord:
    """Return the record with the automation that was started for its attempt."""
    return replace(record, automation_execution_id=execution_id)


def ended(record: StepRecord, status: StepStatus, result: str, now: datetime, *, accepted: bool = False) -> StepRecord:
    """Return the record of a step that has come to an end."""
    return replace(record, status=status, ended_at=format_time(now), result=result[:LONGEST_RESULT], accepted=accepted)


def decided(record: StepRecord, decision: str, *, by: str, why: str, pause_id: str, now: datetime) -> StepRecord:
    """Return the record of a step after an operator's decision about it.

    C(retry): it is pending again, unless an automation of it still runs. C(continue): an approval is given, another
    step stays failed and that is accepted. C(skip), C(abort): an approval is refused, another step stays as it is.

    Args:
        record: The step that was asked about.
        decision: The decision.
        by: Who decided.
        why: The reason.
        pause_id: The pause.
        now: When it is applied.
    """
    told = f"{decision} by {by}: {why}"
    if record.kind == APPROVAL:
        status = StepStatus.SUCCEEDED if decision == Decision.CONTINUE else StepStatus.FAILED
        record = ended(record, status, told, now, accepted=decision == Decision.SKIP)
    elif decision == Decision.RETRY and record.is_under_way:
        pass  # it is looked at again
    elif decision == Decision.RETRY:
        record = replace(record, status=StepStatus.PENDING)
    elif decision == Decision.CONTINUE and record.attempt == 0:
        record = ended(record, StepStatus.SKIPPED, told, now)
    elif decision == Decision.CONTINUE:
        record = ended(record, StepStatus.FAILED, f"{record.result or 'it is not known how it ended'} ({told})", now)
        record = replace(record, accepted=True)
    return replace(record, pause_id=pause_id)


def client_token(run_id: str, record: StepRecord) -> str:
    """Return the token of an attempt: SSM starts one automation for it, however often it is asked."""
    return str(uuid.uuid5(TOKENS, "/".join((run_id, str(record.wave), record.phase, record.name, str(record.attempt)))))


def reason_left_out(phase: str, servers: Sequence[ServerRecord]) -> str:
    """Return why a phase's steps do not take place, empty when they do.

    Args:
        phase: C(before) or C(after).
        servers: Server records of the wave.
    """
    if phase == BEFORE and all(record.status == ServerStatus.SKIPPED for record in servers):
        return "all servers of the wave are left out"
    if phase == AFTER and not any(record.recovered for record in servers):
        return "no server of the wave was recovered"
    return ""


SUCCESSFUL = frozenset({"Success", "CompletedWithSuccess"})
UNSUCCESSFUL = frozenset({"TimedOut", "Cancelled", "Failed", "Rejected", "CompletedWithFailure", "Exited"})
"""Final statuses of an automation, of the enumeration AutomationExecutionStatus; every other one is under way."""


def automation_outcome(execution: Mapping[str, Any]) -> tuple[StepStatus, str]:
    """Return the status of an automation's step and what SSM tells of it.

    Args:
        execution: C(AutomationExecution) of GetAutomationExecution.
    """
    status = str(execution.get("AutomationExecutionStatus"))
    if status in SUCCESSFUL:
        return StepStatus.SUCCEEDED, status
    message = execution.get("FailureMessage")
    told = f"{status}: {message}" if message else status
    return (StepStatus.FAILED if status in UNSUCCESSFUL else StepStatus.RUNNING), told


def step_to_item(record: StepRecord) -> dict[str, Any]:
    """Return the record as a plain dict (no DynamoDB types), without the table's keys C(pk) and C(sk)."""
    item = {member.name: plain(getattr(record, member.name)) for member in fields(record)}
    return {**item, "status": str(record.status)}


def step_from_item(item: Mapping[str, Any]) -> StepRecord:
    """Build a record from a stored item; numbers may be C(Decimal), unknown attributes are ignored."""
    known = {member.name for member in fields(StepRecord)}
    return StepRecord(**{name: plain(value) for name, value in item.items() if name in known})
