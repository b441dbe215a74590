# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says about its drills (option C(drill))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import Problems
from .fields import Fields

LONGEST_HOLD = 7 * 86400
"""Seconds that a drill's instances may be held for testers."""

DRILL_FIELDS = ("hold",)


@dataclass(frozen=True, slots=True)
class DrillPolicy:
    """How a drill ends.

    Attributes:
        hold: Seconds that its instances stay for testers between the final validation and the clean-up; 0 for none.
    """

    hold: int = 0

    def to_document(self) -> dict[str, Any]:
        """Return the policy as a plain dict that L(parse_drill) reads, every default written out."""
        return {"hold": self.hold}


DEFAULT_DRILL = DrillPolicy()


def parse_drill(raw: Any, where: str, problems: Problems) -> DrillPolicy:
    """Read the option; None is the default.

    Args:
        raw: What was declared.
        where: Where it was declared, for messages.
        problems: Collects what is wrong.
    """
    fields = Fields(raw or {}, where, problems, DRILL_FIELDS)
    return DrillPolicy(hold=fields.integer("hold", DEFAULT_DRILL.hold, minimum=0, maximum=LONGEST_HOLD))


def check_hold(hold: Any, where: str) -> int:
    """Return the hold that one run asks for, in seconds.

    Raises:
        DeclarationError: It is no number of seconds up to L(LONGEST_HOLD).
    """
    problems = Problems()
    policy = parse_drill({"hold": hold}, where, problems)
    problems.raise_if_any()
    return policy.hold
