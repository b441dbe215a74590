# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions of an operator about a paused run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from .canonical import plain
from .timestamps import parse_time


class Decision(StrEnum):
    """What an operator can answer."""

    CONTINUE = "continue"
    RETRY = "retry"
    SKIP = "skip"
    ABORT = "abort"


class PauseStatus(StrEnum):
    """Where a pause stands."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    VOID = "void"
    """The execution that asked has ended, and another one went on."""


class DecisionError(ValueError):
    """A decision cannot be taken; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A run that waits for a person (architecture, section 5), without its task token.

    Attributes:
        step: Function that asked (C(reconcile-wave)).
        wave: Number of the wave, None when the pause is about the whole run.
        options: Decisions that can be taken, the texts of what each does are in L(effect).
        default: What is decided when nobody answers until C(deadline).
        not_by: Who may only abort, since the plan asks for four eyes: whoever requested the run. None for nobody.
    """

    pause_id: str
    step: str
    wave: int | None
    reason: str
    options: tuple[str, ...]
    default: str
    deadline: str
    not_by: str | None = None
    status: str = PauseStatus.OPEN
    decision: str | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    decision_reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


APPROVE_FAILBACK = "approve-failback"
"""Step of the pause at which a person lets the waves of a failback begin."""

_RETRY_STEP = "does the step again"
_ABORT = "ends the run as aborted; a drill's instances are terminated, those of a failover or failback stay as they are"
_ABORT_BEFORE_LAUNCH = "ends the run as aborted: nothing is launched; the replication home goes on for another failback"
_ABORT_CLEAN_UP = "ends the run as aborted; the drill instances that are left stay as they are"

_EFFECTS: Mapping[str, Mapping[str, str]] = {
    "open-run": {Decision.RETRY: _RETRY_STEP, Decision.ABORT: _ABORT},
    "correlate": {
        Decision.CONTINUE: "goes on with the server keys and the IP map as they are",
        Decision.RETRY: _RETRY_STEP,
        Decision.ABORT: _ABORT,
    },
    "discover": {Decision.RETRY: _RETRY_STEP, Decision.ABORT: _ABORT},
    "gate": {
        Decision.CONTINUE: "starts the launches in spite of the findings",
        Decision.RETRY: "checks the readiness of all servers again",
        Decision.ABORT: _ABORT,
    },
    "run-step": {
        Decision.CONTINUE: "leaves the step as it is and goes on with what follows it",
        Decision.RETRY: "runs the step again, as a further attempt; an automation that still runs is looked at again",
        Decision.ABORT: _ABORT,
    },
    "approve-before": {
        Decision.CONTINUE: "approves: the wave goes on",
        Decision.SKIP: "leaves out the servers of this wave, and its further steps, and goes on with the other waves",
        Decision.ABORT: _ABORT,
    },
    "approve-after": {Decision.CONTINUE: "approves: the wave goes on", Decision.ABORT: _ABORT},
    "prepare-wave": {
        Decision.RETRY: _RETRY_STEP,
        Decision.SKIP: "leaves out the servers of this wave and goes on with the next one",
        Decision.ABORT: _ABORT,
    },
    "reconcile-wave": {
        Decision.CONTINUE: "counts the servers that are not launched as failed and goes on",
        Decision.RETRY: "launches the failed servers again, and gives the others the wave's time once more",
        Decision.SKIP: "leaves out the servers that are not launched and goes on",
        Decision.ABORT: _ABORT,
    },
    "prepare-failback": {
        Decision.RETRY: "goes on: looks at all servers again, and waits for those that replicate",
        Decision.SKIP: "leaves out the servers that are not in sync, whose replication home goes on",
        Decision.ABORT: _ABORT_BEFORE_LAUNCH,
    },
    APPROVE_FAILBACK: {
        Decision.CONTINUE: "approves: the waves of the way home begin",
        Decision.ABORT: _ABORT_BEFORE_LAUNCH,
    },
    "wave": {
        Decision.CONTINUE: "counts the wave's servers that are not launched as failed and goes on with the next wave",
        Decision.RETRY: "runs the wave again; servers that are launched stay",
        Decision.SKIP: "leaves out the wave's servers that are not launched and goes on with the next wave",
        Decision.ABORT: _ABORT,
    },
    "validate": {
        Decision.CONTINUE: "counts the servers that are not validated as failed and goes on",
        Decision.RETRY: "launches the failed servers again, and checks the others once more",
        Decision.SKIP: "leaves out the servers that are not validated and goes on",
        Decision.ABORT: _ABORT,
    },
    "await-turn": {Decision.RETRY: _RETRY_STEP, Decision.ABORT: _ABORT},
    "end-wave": {Decision.RETRY: _RETRY_STEP, Decision.ABORT: _ABORT},
    "final-validation": {
        Decision.CONTINUE: "counts the servers that do not pass as failed and goes on",
        Decision.RETRY: "checks the servers that did not pass once more",
        Decision.ABORT: _ABORT,
    },
    "protect-again": {
        Decision.RETRY: "goes on: looks at all servers again, and does what is left",
        Decision.SKIP: "leaves the servers that do not get on as they are, and goes on with the others",
        Decision.ABORT: "ends the run as aborted: what is left to do is left, and another failback goes on from there",
    },
    "correlate-again": {
        Decision.CONTINUE: "goes on with the ids in the IP map as they are",
        Decision.RETRY: _RETRY_STEP,
        Decision.ABORT: "ends the run as aborted; what runs at home stays",
    },
    "forward-gate": {
        Decision.CONTINUE: "ends the run in spite of the findings",
        Decision.RETRY: "checks the readiness of all servers again",
        Decision.ABORT: "ends the run as aborted; what runs at home stays",
    },
    "hold": {
        Decision.CONTINUE: "ends the hold: the drill's instances are terminated",
        Decision.ABORT: "terminates the drill's instances and ends the run as aborted",
    },
    "clean-up": {
        Decision.CONTINUE: "leaves the drill instances that are left as they are and ends the run",
        Decision.RETRY: _RETRY_STEP,
        Decision.ABORT: _ABORT_CLEAN_UP,
    },
    "close-run": {Decision.RETRY: _RETRY_STEP, Decision.ABORT: "ends the run without a report"},
}
_APPROVALS = frozenset({"approve-before", "approve-after", APPROVE_FAILBACK})
_UNKNOWN_STEP: Mapping[str, str] = {Decision.RETRY: _RETRY_STEP, Decision.ABORT: _ABORT}


def options_for(step: str) -> tuple[str, ...]:
    """Return the decisions that make sense for a step; C(abort) always does."""
    return tuple(str(decision) for decision in _EFFECTS.get(step, _UNKNOWN_STEP))


def default_for(step: str, wanted: str) -> str:
    """Return the plan's default decision where the step allows it, else C(abort).

    Silence never approves, and a hold always ends by itself.
    """
    if step == "hold":
        return str(Decision.CONTINUE)
    possible = set(options_for(step)) - ({Decision.CONTINUE} if step in _APPROVALS else set())
    return wanted if wanted in possible else str(Decision.ABORT)


def effect(step: str, decision: str) -> str:
    """Return one sentence that says what a decision does at a step.

    Raises:
        DecisionError: The step does not have this decision.
    """
    effects = _EFFECTS.get(step, _UNKNOWN_STEP)
    if decision not in effects:
        raise DecisionError(f"{decision!r} cannot be decided at {step}: use {', '.join(effects)}")
    return effects[decision]


def check_decision(pause: Pause, decision: str, *, by: str, now: datetime) -> str:
    """Return C(decision) when the caller with the ARN C(by) can take it now.

    Raises:
        DecisionError: The pause is answered or expired, its deadline has passed, the decision is not an option, or
            another person has to take it.
    """
    name = f"pause {pause.pause_id} of {pause.step}"
    if pause.status == PauseStatus.ANSWERED:
        raise DecisionError(
            f"{name} was answered with {pause.decision} by {pause.decided_by} at {pause.decided_at}: "
            "a decision cannot be changed"
        )
    if pause.status != PauseStatus.OPEN or now >= parse_time(pause.deadline):
        raise DecisionError(f"{name} expired at {pause.deadline}: its default, {pause.default}, was decided")
    if decision not in pause.options:
        raise DecisionError(f"{decision!r} cannot be decided for {name}: use {', '.join(pause.options)}")
    if by == pause.not_by and decision != Decision.ABORT:
        raise DecisionError(
            f"{by} requested the run, and its plan asks for four eyes: somebody else has to decide {name}. "
            "To abort is always possible"
        )
    return decision


def pause_to_item(pause: Pause) -> dict[str, Any]:
    """Return the pause as a plain dict (no DynamoDB types), without table keys and without a task token."""
    item = {member.name: plain(getattr(pause, member.name)) for member in fields(pause)}
    return {**item, "status": str(pause.status)}


def pause_from_item(item: Mapping[str, Any]) -> Pause:
    """Build a pause from a stored item; the task token is left out on purpose."""
    known = {member.name for member in fields(Pause)}
    values = {name: plain(value) for name, value in item.items() if name in known}
    return Pause(**{**values, "options": tuple(values["options"])})
