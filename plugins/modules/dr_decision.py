#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answer a run that waits for a person."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dr_decision
short_description: Decide how a paused run goes on
version_added: 0.1.0
description:
  - Answers a run that waits for a person. The decision is recorded with the caller's ARN, the time and the reason,
    under the condition that nobody decided before; then the waiting step is told to go on.
  - When the task dies between the two, run it again with the same decision and reason, and it tells the step.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.orchestrator
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  run_id:
    description: The run that waits.
    type: str
    required: true
  decision:
    description: One of the decisions that the pause offers. The notice and M(disaster_recovery.aws.dr_execution) show
      what each does.
    type: str
    choices: [continue, retry, skip, abort]
    required: true
  reason:
    description: Why, for the record.
    type: str
    required: true
  pause_id:
    description: Which pause, when the run waits at more than one.
    type: str
seealso:
  - module: disaster_recovery.aws.dr_execution
"""

EXAMPLES = r"""
- name: Launch the failed servers again
  disaster_recovery.aws.dr_decision:
    region: us-west-2
    run_id: first-failover
    decision: retry
    reason: instance limit was raised
"""

RETURN = r"""
pause:
  description: The pause with its answer.
  returned: success
  type: dict
  sample: {pause_id: "001", step: reconcile-wave, wave: 1, status: answered, decision: retry,
           decided_by: "arn:aws:iam::222222222222:user/dr-operator", decided_at: "2026-11-23T10:20:00.000Z",
           decision_reason: instance limit was raised}
effect:
  description: What the decision does.
  returned: success
  type: str
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import (
    ORCHESTRATOR_SPEC,
    answer_pause,
    listed,
    read_run,
    runs_table,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError, InvalidRequestError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_pauses import is_same_answer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import (
    Decision,
    PauseStatus,
    effect,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problem
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import RUN_FINAL, check_run_id

Item = dict[str, Any]


def run(params: Item, clients: Clients, check_mode: bool) -> Item:
    """Record the decision, then tell the waiting step."""
    run_id, decision, reason = check_run_id(params["run_id"]), params["decision"], params["reason"].strip()
    if not reason:
        remedy = "is empty: say why, it is recorded"
        raise DeclarationError([Problem(repr(params["reason"]), "reason", remedy)])
    who = caller(clients("sts"))
    table = runs_table(params, clients)
    recorded = read_run(table, run_id)
    answer = {"decision": decision, "by": who.arn, "reason": reason}
    pause = _choose(table.pauses(run_id), run_id, params["pause_id"], answer)
    if recorded["status"] in RUN_FINAL and not is_same_answer(pause, **answer):
        raise ConflictError(f"Run {run_id} has ended as {recorded['status']}: there is nothing to decide any more")
    if check_mode:
        changed = table.check_answer(run_id, pause, at=who.now, **answer)
        return {"changed": changed, "pause": pause, "effect": effect(pause["step"], decision)}
    answered = answer_pause(table, clients("stepfunctions"), run_id, pause["pause_id"], at=who.now, **answer)
    result = {"changed": True, "pause": answered.pause, "effect": effect(pause["step"], decision)}
    if answered.untold:
        result["changed"] = answered.is_new
    if answered.untold and answered.is_new:
        result["warnings"] = [f"The decision is recorded. {answered.untold}"]
    return result


def _choose(pauses: list[Item], run_id: str, pause_id: str | None, answer: Item) -> Item:
    """Return the pause that the decision is about."""
    if pause_id is not None:
        chosen = [pause for pause in pauses if pause["pause_id"] == pause_id.zfill(3)]
        if not chosen:
            known = listed(pause["pause_id"] for pause in pauses)
            raise InvalidRequestError(f"pause_id: run {run_id} has no pause {pause_id!r} (its pauses: {known})")
        return chosen[0]
    waiting = [pause for pause in pauses if pause["status"] == PauseStatus.OPEN]
    if len(waiting) > 1:
        known = listed(f"{pause['pause_id']} ({pause['step']}, wave {pause['wave']})" for pause in waiting)
        raise InvalidRequestError(f"Run {run_id} waits at more than one pause: {known}. Give pause_id")
    if waiting:
        return waiting[0]
    if pauses and is_same_answer(pauses[-1], **answer):
        return pauses[-1]
    if not pauses:
        raise ConflictError(f"Run {run_id} has not asked for any decision")
    last = pauses[-1]
    raise ConflictError(
        f"Run {run_id} waits for no decision. Its last pause, {last['pause_id']} ({last['step']}), was decided with "
        f"{last['decision']!r} by {last['decided_by']} at {last['decided_at']}: {last['decision_reason']}"
    )


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            **ORCHESTRATOR_SPEC,
            "run_id": {"type": "str", "required": True},
            "decision": {"type": "str", "required": True, "choices": [str(decision) for decision in Decision]},
            "reason": {"type": "str", "required": True},
            "pause_id": {"type": "str"},
        },
        run,
    )


if __name__ == "__main__":
    main()
