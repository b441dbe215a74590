# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions of an operator about a paused run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


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
    """

    pause_id: str
    step: str
    wave: int | None
    reason: str
    options: tuple[str, ...]
    default: str
    deadline: str
    status: str = PauseStatus.OPEN
    decision: str | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    decision_reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def options_for(step: str) -> tuple[str, ...]:
    """Return the decisions that make sense for a step; C(abort) always does."""
    raise NotImplementedError


def default_for(step: str, wanted: str) -> str:
    """Return the plan's default decision where the step allows it, else C(abort)."""
    raise NotImplementedError


def effect(step: str, decision: str) -> str:
    """Return one sentence that says what a decision does at a step."""
    raise NotImplementedError


def check_decision(pause: Pause, decision: str, *, now: datetime) -> str:
    """Return C(decision) when it can be taken now.

    Raises:
        DecisionError: The pause is answered or expired, its deadline has passed, or the decision is not an option.
    """
    raise NotImplementedError


def pause_to_item(pause: Pause) -> dict[str, Any]:
    """Return the pause as a plain dict (no DynamoDB types), without table keys and without a task token."""
    raise NotImplementedError


def pause_from_item(item: Mapping[str, Any]) -> Pause:
    """Build a pause from a stored item; the task token is left out on purpose."""
    raise NotImplementedError
