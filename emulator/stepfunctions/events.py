"""Tells EventBridge how executions go: "Step Functions Execution Status Change", best effort.

https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-states.html
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from emulator.clock import CLOCK
from emulator.events.bus import BUS

_LARGEST = 248 * 1024  # bytes of an input and an output that still fit into an event


def status_changed(execution: Any) -> None:
    """Put the present status of an execution on the default bus."""
    output = None if execution.output is None else json.dumps(execution.output, separators=(",", ":"))
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        **_data("input", execution.execution_input),
        **_data("output", output),
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": execution.redrive_count,
        "redriveDate": _milliseconds(execution.redrive_date),
    }
    place = (execution.account_id, execution.region_name)
    kind = "Step Functions Execution Status Change"
    BUS.put(place, CLOCK.now(), "aws.states", kind, [execution.exec_arn], detail)


def _data(name: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {name: None, f"{name}Details": None}
    included = len(text.encode()) <= _LARGEST
    return {name: text if included else None, f"{name}Details": {"included": included}}


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
