# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words for a machine that comes home: kinds, stages, actions, and where it is (architecture, section 10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .replication_progress import Replication


class Kind(StrEnum):
    """How a machine gets home."""

    CROSS_REGION = "cross_region"
    CROSS_ZONE = "cross_zone"
    ON_PREMISES = "on_premises"
    EXTENDED = "extended"


class Stage(StrEnum):
    """Where a machine is in the cycle, by what AWS shows alone."""

    PROTECTED = "protected"
    RECOVERED = "recovered"
    REVERSING = "reversing"
    IN_SYNC = "in_sync"
    LAUNCHING = "launching"
    RETURNED = "returned"
    PROTECTING_AGAIN = "protecting_again"
    PROTECTED_AGAIN = "protected_again"
    REFUSED = "refused"


class Action(StrEnum):
    """What may be done next. C(LAUNCH) is done by the machine's wave, everything else by L(aws.failback.do)."""

    REVERSE_REPLICATION = "reverse_replication"
    LAUNCH = "launch"
    PROTECT_AGAIN = "protect_again"
    STOP_RETURNING = "stop_returning"
    STOP_FAILBACK = "stop_failback"
    TERMINATE_RECOVERED = "terminate_recovered"
    FORGET_RETURNED = "forget_returned"
    DISCONNECT_RETURNING = "disconnect_returning"
    DELETE_RETURNING = "delete_returning"
    END_ORIGINAL = "end_original"


HOME_AGAIN = frozenset({Stage.RETURNED, Stage.PROTECTING_AGAIN, Stage.PROTECTED_AGAIN})
"""Stages in which the machine runs at home: it is not launched any more."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a machine is, and what comes next: an action, something that is waited for, or neither.

    Attributes:
        action: What is to be done now; None while something is waited for, and when nothing is left.
        waiting: What is waited for, for a person; empty where there is an action, or nothing left to do.
        refusal: Why the machine cannot go on without a person; with stage C(REFUSED) only.
        replication: That is waited for, if it is one: see L(replication_progress) for what to make of it.
        needs_person: What is waited for does not come by itself.
    """

    kind: Kind
    stage: Stage
    action: Action | None = None
    waiting: str = ""
    refusal: str = ""
    replication: Replication | None = None
    needs_person: bool = False


def refused(kind: Kind, reason: str) -> Position:
    """Return the position of a machine that needs a person."""
    return Position(kind, Stage.REFUSED, refusal=reason)
