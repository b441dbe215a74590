# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launches that fail for want of capacity, and the instance type to try next.

DRS tells of a launch that EC2 refused by an event LAUNCH_FAILED of the job's log with EC2's text in C(rawError); what
exactly it writes there is not documented, so EC2's published error codes are looked for in it.
Source: EC2 API Reference, "Error codes for the Amazon EC2 API"; DRS API Reference, JobLogEventData.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from .fields import Fields

LAUNCH_FAILED = "LAUNCH_FAILED"
"""A failure of another event is not about the type: a conversion server has one of its own."""

CAPACITY_CODES = (
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientCapacityOnHost",
    "InsufficientReservedInstanceCapacity",
    "UnfulfillableCapacity",
    "Unsupported",
)
"""C(Unsupported) is EC2's answer where an Availability Zone does not offer the type."""

CODE_PATTERN = r"[A-Za-z0-9.]+"


def lacks_capacity(event: str, error: str, codes: Collection[str]) -> bool:
    """Tell whether an event of a job's log says that there is no capacity for an instance type.

    Args:
        event: Name of the event.
        error: Its C(rawError).
        codes: EC2's error codes that mean it; they count as whole words.
    """
    return event == LAUNCH_FAILED and any(re.search(rf"(?<!\w){re.escape(code)}(?!\w)", error) for code in codes)


def type_to_launch(declared: str, alternatives: Sequence[str], without_capacity: Sequence[str]) -> str:
    """Return the first of the declared types with which the fewest launches have failed for want of capacity."""
    return min((declared, *alternatives), key=list(without_capacity).count)


def read_codes(fields: Fields, name: str) -> tuple[str, ...]:
    """Read the error codes on which a wave takes the next instance type; an empty list is never."""
    return fields.texts(
        name, CAPACITY_CODES, pattern=CODE_PATTERN, remedy="must be an error code of EC2 (InsufficientInstanceCapacity)"
    )
