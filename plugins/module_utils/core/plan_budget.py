# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan costs of the limits of DynamoDB and Step Functions, before it is published.

The history of an execution is counted as the definitions in roles/orchestrator/files/state_machines make it, at worst:
every wave takes all its time. Not counted are what people decide (a retry begins the time of a wave anew), and the few
events for each further day that a wave waits for its turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from .canonical import plain
from .plans import Plan
from .replication_progress import UNKNOWN_WAIT
from .resolved_plans import PlannedServer

MOST_ITEM_BYTES = 400 * 1024
"""Source: DynamoDB Developer Guide, "Quotas": item size."""

OWN_BYTES = 16 * 1024
"""What the record of a run may need beside the plan, which it keeps."""

MOST_STATE_BYTES = 8 * 1024
MOST_HISTORY = 25_000
"""Source: Step Functions Developer Guide, "Service quotas": an execution with more events fails."""

HISTORY_BUDGET = 5_000
"""What this collection allows itself."""

LOOKS_OF_A_CHILD = 400
SHORTEST_POLL = 15  # seconds, that of a validation
EVENTS_OF_A_LOOK = 9  # a task 5, a choice 2, a wait 2
EVENTS_OF_A_CHILD = 100  # its beginning, its end, its steps, some retries
EVENTS_OF_A_WAVE = 30  # in the run: its turn
EVENTS_FOR_A_CHILD = 10  # in the run
EVENTS_OF_A_RUN = 1_000  # beside the waves: its steps, the final validation, the clean-up
FOLLOWED_PHASES = 2  # of a failback: data home, protection again
FOLLOWED_SECONDS = 28 * 86400  # that each of them waits, at least, within the budget


@dataclass(frozen=True, slots=True)
class Budget:
    """What a plan needs at most.

    Attributes:
        item_bytes: Size of the run's record, which has the plan in it, in DynamoDB.
        event_bytes: Size of the event that lists the plan's servers; None when they are not known.
        state_bytes: Size of the state between the steps of a run.
        run_events: Events in the history of the run's execution.
        failback_events: The same of a failback whose replication takes weeks.
        wave_events: Events in the history of the largest execution of a wave.
    """

    item_bytes: int
    event_bytes: int | None
    state_bytes: int
    run_events: int
    failback_events: int
    wave_events: int

    def to_document(self) -> dict[str, Any]:
        """Return the budget as a plain dict."""
        return asdict(self)


def budget_of(plan: Plan, servers: Iterable[PlannedServer] | None = None) -> Budget:
    """Return what a plan needs at most.

    Args:
        plan: The plan.
        servers: Its servers, when they are known.
    """
    looks = [max(wave.timeout, wave.windows_timeout) // SHORTEST_POLL + 1 for wave in plan.waves]
    listed = None
    if servers is not None:
        listed = item_bytes({planned.server.key: planned.server.source_server_id for planned in servers}) + OWN_BYTES
    run_events = EVENTS_OF_A_RUN + sum(
        EVENTS_OF_A_WAVE + EVENTS_FOR_A_CHILD * ceil(count / LOOKS_OF_A_CHILD) for count in looks
    )
    follow_children = FOLLOWED_PHASES * ceil(FOLLOWED_SECONDS / UNKNOWN_WAIT / LOOKS_OF_A_CHILD)
    return Budget(
        item_bytes=item_bytes({"plan": plan.to_document()}) + OWN_BYTES,
        event_bytes=listed,
        state_bytes=_state_bytes(plan),
        run_events=run_events,
        failback_events=run_events + EVENTS_FOR_A_CHILD * follow_children,
        wave_events=EVENTS_OF_A_CHILD + EVENTS_OF_A_LOOK * min(LOOKS_OF_A_CHILD, max(looks)),
    )


def item_bytes(value: Any) -> int:
    """Return the size of a value as DynamoDB counts it, of a mapping as of an item.

    Source: DynamoDB Developer Guide, "Item sizes and formats".
    """
    if isinstance(value, Mapping):
        return sum(len(str(name).encode()) + _value_bytes(member) for name, member in value.items())
    return _value_bytes(value)


def _value_bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, (int, float)):
        return len(str(plain(value))) // 2 + 2
    if isinstance(value, Mapping):
        return 3 + sum(len(str(name).encode()) + 1 + _value_bytes(member) for name, member in value.items())
    return 3 + sum(1 + _value_bytes(member) for member in value)


def _state_bytes(plan: Plan) -> int:
    """Return the size of what a run carries from step to step: names of limited length, the numbers of its waves."""
    waves = list(range(1, len(plan.waves) + 1))
    state = {"plan": plan.name, "waves": waves, "ended": ["abort" for _wave in waves], "decision_timeout": 0}
    return 1_024 + len(json.dumps(state))
