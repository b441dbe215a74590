"""What the executions of a run leave in their histories: how many events, and how large the states were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.support.embedded import TARGET
from tests.support.orchestrator import PREFIX, REGION, Orchestrator

LARGEST_STATE = 8 * 1024
"""Bytes that a state's input or output may have."""

LONGEST_HISTORY = 5_000
"""Events that an execution may have after a day."""

_STATE = frozenset({"input", "output", "parameters", "cause"})

Event = Mapping[str, Any]


def histories(orchestrator: Orchestrator, run_id: str) -> dict[str, list[Event]]:
    """Return the events of a run's executions, those of its children among them, by name."""
    states = orchestrator.client("stepfunctions")
    found = {}
    for machine in ("failover", "test", "failback", "wave", "follow"):
        arn = f"arn:aws:states:{REGION}:{TARGET}:stateMachine:{PREFIX}-{machine}"
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=arn):
            for execution in page["executions"]:
                if execution["name"] == run_id or execution["name"].startswith(f"{run_id}-"):
                    found[execution["name"]] = list(_events(states, execution["executionArn"]))
    return found


def _events(states: Any, arn: str) -> Iterator[Event]:
    for page in states.get_paginator("get_execution_history").paginate(executionArn=arn, maxResults=1000):
        yield from page["events"]


def largest_state(events: Iterable[Event]) -> int:
    """Return the bytes of the largest input, output or error of a state."""
    return max(
        len(text.encode())
        for event in events
        for name, details in event.items()
        if name.endswith("EventDetails")
        for key, text in details.items()
        if key in _STATE and isinstance(text, str)
    )
