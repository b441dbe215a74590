# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules about plans and runs share: the deployed orchestrator, found or missed with a clear message.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import executions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable

ORCHESTRATOR_SPEC: dict[str, Any] = {
    "prefix": {"type": "str", "default": "disaster-recovery"},
    "runs_table": {"type": "str"},
}
DEPLOY_FIRST = "Deploy the orchestrator first (ansible-playbook disaster_recovery.aws.deploy), or correct the prefix"


def runs_table(params: dict[str, Any], clients: Clients) -> RunsTable:
    """Return the runs table that the options name.

    Raises:
        NotFoundError: It is not deployed.
    """
    name = params["runs_table"] or f"{params['prefix']}-runs"
    table = RunsTable(clients("dynamodb"), name)
    try:
        table.list_plans()
    except NotFoundError as error:
        raise NotFoundError(f"There is no table {name!r}. {DEPLOY_FIRST}", code=error.code) from error
    return table


def state_machine(params: dict[str, Any], clients: Clients, caller: Caller, name: str) -> str:
    """Return the ARN of a deployed state machine.

    Args:
        name: What follows the prefix: C(failover), C(test) or C(wave).

    Raises:
        NotFoundError: It is not deployed.
    """
    sfn = clients("stepfunctions")
    full_name = f"{params['prefix']}-{name}"
    arn = executions.state_machine_arn(caller.partition, sfn.meta.region_name, caller.account, full_name)
    if not executions.state_machine_exists(sfn, arn):
        raise NotFoundError(f"There is no state machine {full_name!r}. {DEPLOY_FIRST}")
    return arn


def read_run(table: RunsTable, run_id: str) -> dict[str, Any]:
    """Return a run.

    Raises:
        InvalidRequestError: There is no such run; the message names the latest runs of every plan.
    """
    run = table.get_run(run_id)
    if run is None:
        plans = [item["name"] for item in table.list_plans()]
        latest = [found["run_id"] for plan in plans for found in table.list_runs(plan, limit=3)]
        raise InvalidRequestError(f"There is no run {run_id!r} in table {table.name} (latest runs: {listed(latest)})")
    return run


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an answer to a pause.

    Attributes:
        pause: The pause with its answer, without its token.
        is_new: Whether this call recorded the answer.
        untold: Why the waiting step could not be told, empty when it was; then it does not wait any more.
    """

    pause: dict[str, Any]
    is_new: bool
    untold: str


def answer_pause(
    table: RunsTable, sfn: Any, run_id: str, pause_id: str, *, decision: str, by: str, at: datetime, reason: str
) -> Answer:
    """Record the answer to a pause, then tell the step that waits for it. May be repeated: it goes on where it ended.

    Args:
        table: The runs table.
        sfn: boto3 Step Functions client.
        run_id: The run.
        pause_id: The pause.
        decision: One of the pause's options.
        by: ARN of the caller.
        at: Moment of the decision.
        reason: Why, in the operator's words.

    Raises:
        ConflictError: The pause does not take this answer (see L(RunsTable.answer_pause)); nothing was written.
    """
    pause, is_new = table.answer_pause(run_id, pause_id, decision=decision, by=by, at=at, reason=reason)
    try:
        executions.answer_task(
            sfn, table.task_token(run_id, pause_id), {"pause_id": pause["pause_id"], "decision": decision}
        )
    except ConflictError as error:
        return Answer(pause, is_new, error.message)
    return Answer(pause, is_new, "")


def listed(names: Iterable[str]) -> str:
    """Return names for a message, C(none) when there are none."""
    return ", ".join(names) or "none"
