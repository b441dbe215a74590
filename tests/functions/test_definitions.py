"""Every task of the definitions is tried again with backoff, full jitter and a cap, and what is left is caught."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.orchestrator import MACHINES, definition


def tasks(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every task of some states, those of maps and parallels as well."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        processor = state.get("ItemProcessor") or state.get("Iterator")
        for inner in [*([processor] if processor else []), *state.get("Branches", [])]:
            yield from tasks(inner["States"])


TASKS = [(machine, *task) for machine in MACHINES for task in tasks(json.loads(definition(machine))["States"])]
FUNCTION_ERRORS = {
    "Transient",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
}
"""A function's own word, and what Lambda answers for itself."""

START_ERRORS = {"StepFunctions.ExecutionLimitExceededException", "StepFunctions.SdkClientException"}

TIMEOUT_MEANS_SOMETHING = {"AskOperator", "AskAboutWave", "AwaitTurn", "HearOfAbort"}
"""Tasks that wait for a token: nobody has answered in time. Trying again would ask again, or wait as long again."""

ENDED_CHILDREN_ARE_ASKED_ABOUT = {"Wave", "PrepareFailback", "ProtectAgain"}
"""A child that failed, or took too long, is never started again by itself: only a start that was not taken is."""

MAY_DO_HARM_TWICE = {"InvokeFunction"}
"""A function of the plan is called again by itself only where Lambda did not take the call."""


@pytest.mark.parametrize(
    ("name", "task"), [task for _, *task in TASKS], ids=[f"{machine}-{name}" for machine, name, _ in TASKS]
)
def test_a_task_is_tried_again_and_what_is_left_is_caught(name: str, task: dict[str, Any]) -> None:
    assert task["TimeoutSeconds"]
    for retrier in task["Retry"]:
        assert retrier["BackoffRate"] > 1
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"] <= 120
        assert 3 <= retrier["MaxAttempts"] <= 10
    errors = {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
    if name in ENDED_CHILDREN_ARE_ASKED_ABOUT:
        assert errors == START_ERRORS
    elif name in MAY_DO_HARM_TWICE:
        assert errors == {"Lambda.TooManyRequestsException"}
    else:
        assert errors - {"States.Timeout"} == FUNCTION_ERRORS
        assert ("States.Timeout" in errors) == (name not in TIMEOUT_MEANS_SOMETHING)
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_the_exceptions_are_there() -> None:
    assert {
        name for _, name, _ in TASKS
    } >= TIMEOUT_MEANS_SOMETHING | ENDED_CHILDREN_ARE_ASKED_ABOUT | MAY_DO_HARM_TWICE
    waiting = {name for _, name, task in TASKS if task["Resource"].endswith(".waitForTaskToken")}
    assert waiting == TIMEOUT_MEANS_SOMETHING
