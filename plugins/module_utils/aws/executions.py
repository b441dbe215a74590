# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Step Functions executions: found by name, started once, stopped, and answered by task token.

This module util is private to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .dynamodb import call
from .errors import AwsError, ConflictError, NotFoundError
from .paging import read_pages

RUNNING = "RUNNING"
CAUSE_LENGTH = 32_768  # StopExecution: characters of `cause`


def state_machine_arn(partition: str, region: str, account: str, name: str) -> str:
    """Return the ARN of a state machine, which its name decides."""
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of the execution of a state machine with this name."""
    return machine_arn.replace(":stateMachine:", ":execution:") + f":{name}"


def state_machine_exists(sfn: Any, machine_arn: str) -> bool:
    """Tell whether the state machine is deployed."""
    try:
        call(sfn.describe_state_machine, "find the state machine", stateMachineArn=machine_arn)
    except NotFoundError:
        return False
    return True


def describe(sfn: Any, arn: str) -> dict[str, Any] | None:
    """Return an execution, or None when there is no such execution.

    Returns:
        C({arn, status, input, output, error, cause, started_at, stopped_at}); C(input) and C(output) parsed.
    """
    try:
        answer = call(sfn.describe_execution, f"read execution {arn}", executionArn=arn)
    except NotFoundError:
        return None
    return {
        "arn": answer["executionArn"],
        "status": answer["status"],
        "input": json.loads(answer.get("input") or "null"),
        "output": json.loads(answer.get("output") or "null"),
        "error": answer.get("error"),
        "cause": answer.get("cause"),
        "started_at": answer.get("startDate"),
        "stopped_at": answer.get("stopDate"),
    }


def start(sfn: Any, machine_arn: str, name: str, request: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Start the execution C(name), or find it when it was started before, running or ended.

    A name is used once in 90 days, so that a repeated start never starts a second time.

    Args:
        request: Input of the execution.

    Returns:
        The execution as L(describe) gives it, and whether it was there before.
    """
    arn = execution_arn(machine_arn, name)
    existing = describe(sfn, arn)
    if existing:
        return existing, True
    try:
        call(
            sfn.start_execution,
            f"start execution {name}",
            stateMachineArn=machine_arn,
            name=name,
            input=json.dumps(request, sort_keys=True),
        )
        joined = False
    except AwsError as error:
        if error.code != "ExecutionAlreadyExists":
            raise
        joined = True
    started = describe(sfn, arn)
    if started is None:
        raise NotFoundError(f"Execution {arn} was started and cannot be found")
    return started, joined


def running_of(sfn: Any, arn: str, child_machines: Iterable[str], is_child: Callable[[str], bool]) -> list[str]:
    """Return those that still run: an execution, and its children, whose names tell.

    Args:
        arn: The execution.
        child_machines: ARNs of the machines that execute children.
        is_child: Tells by its name whether an execution of these is a child of the one.
    """
    own = describe(sfn, arn)
    running = [arn] if own and own["status"] == RUNNING else []
    for machine in child_machines:
        where = {"stateMachineArn": machine, "statusFilter": RUNNING}
        found = read_pages(sfn, "list_executions", "list running executions", key="executions", **where)
        running += [item["executionArn"] for item in found if is_child(item["name"])]
    return running


def stop(sfn: Any, arn: str, *, error: str, cause: str) -> None:
    """Stop a running execution. Source: StopExecution; one that has ended stays as it is."""
    call(sfn.stop_execution, f"stop execution {arn}", executionArn=arn, error=error, cause=cause[:CAUSE_LENGTH])


def answer_task(sfn: Any, token: str, output: Mapping[str, Any]) -> None:
    """Give the answer that a task waits for.

    Raises:
        ConflictError: The task does not wait any more (answered, timed out, or its execution ended).
    """
    try:
        call(sfn.send_task_success, "answer the waiting task", taskToken=token, output=json.dumps(output))
    except AwsError as error:
        if error.code not in {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}:
            raise
        raise ConflictError(
            f"The task does not wait for this answer any more ({error.code}): it was answered, it timed out, "
            "or its execution ended",
            code=error.code,
            operation=error.operation,
        ) from error
