#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dr_execution_info
short_description: Read runs of disaster recovery plans
version_added: 0.1.0
description:
  - Reads one run (O(run_id)), or lists the runs of a plan (O(plan)), or of all published plans.
  - Task tokens of pauses are never among what is read.
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
    description: The run to read.
    type: str
  execution_arn:
    description: ARN of the run's execution, for a run that is so young that it is not in the table yet.
    type: str
  plan:
    description: List only the runs of this plan.
    type: str
  limit:
    description: How many runs of a plan to list, the newest first.
    type: int
    default: 20
  after:
    description: Read only the events of the run whose sequence number is above this.
    type: int
    default: 0
  details:
    description: Whether servers, waves and the report are read as well.
    type: bool
    default: true
seealso:
  - module: disaster_recovery.aws.dr_execution
"""

EXAMPLES = r"""
- name: List the runs of a plan
  disaster_recovery.aws.dr_execution_info:
    region: us-west-2
    plan: sample-estate

- name: Read one run
  disaster_recovery.aws.dr_execution_info:
    region: us-west-2
    run_id: first-failover
"""

RETURN = r"""
runs:
  description: The runs, newest first within each plan.
  returned: without O(run_id)
  type: list
  elements: dict
  sample: [{run_id: payments-test-20261123T100000Z, plan: payments, mode: test, status: succeeded,
            requested_at: "2026-11-23T10:00:00.000Z", closed_at: "2026-11-23T11:02:10.000Z"}]
run:
  description: The run as it is recorded, empty while it is not in the table yet.
  returned: with O(run_id)
  type: dict
execution:
  description: Its execution. C(status) is that of Step Functions; C(error) and C(cause) tell why it failed.
  returned: with O(run_id)
  type: dict
  sample: {arn: "arn:aws:states:us-west-2:222222222222:execution:disaster-recovery-test:drill-1", status: RUNNING,
           error: null, cause: null}
events:
  description: Its events above O(after), in order.
  returned: with O(run_id)
  type: list
  elements: dict
progress:
  description:
    - The waves that have started, and how many of their servers are launched and have failed, counted from the events.
  returned: with O(run_id), and O(details=true) or O(after=0)
  type: list
  elements: dict
  sample: [{wave: 2, name: web, servers: 60, launched: 41, failed: 2, ended: false}]
pauses:
  description: What people were asked, and their answers.
  returned: with O(run_id)
  type: list
  elements: dict
waves:
  description: Its waves.
  returned: with O(run_id) and O(details=true)
  type: list
  elements: dict
servers:
  description: Its servers.
  returned: with O(run_id) and O(details=true)
  type: list
  elements: dict
report:
  description: Totals, waves, servers, steps, objectives and decisions.
  returned: with O(run_id) and O(details=true), once the run is in the table
  type: dict
summary:
  description: The report, or the list of runs, as lines for a person.
  returned: with RV(report) or RV(runs)
  type: list
  elements: str
"""

from datetime import datetime
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import (
    ORCHESTRATOR_SPEC,
    read_run,
    runs_table,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import executions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import PauseStatus, pause_from_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind, event_from_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import unknown_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.progress import pause_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import record_from_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.report import build_report, summary_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import RUN_FINAL
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.step_records import StepRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tables import table_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.wave_counts import (
    WaveCounts,
    count_line,
)

Item = dict[str, Any]

LISTED = (
    "run_id",
    "plan_name",
    "mode",
    "status",
    "requested_at",
    "requested_by",
    "incident_at",
    "closed_at",
    "evidence",
)


def run(params: Item, clients: Clients, check_mode: bool) -> Item:  # noqa: ARG001  it only reads
    """Read one run, or list them."""
    table = runs_table(params, clients)
    if params["run_id"] is None:
        runs = _list(table, params["plan"], params["limit"])
        return {"changed": False, "runs": runs, "summary": _overview(runs)}
    # The execution is read first: what it wrote before it ended is then among what is read after it.
    sfn = clients("stepfunctions")
    if params["execution_arn"]:
        execution = executions.describe(sfn, params["execution_arn"])
        found = table.get_run(params["run_id"]) or {}
    else:
        found = read_run(table, params["run_id"])
        execution = executions.describe(sfn, found["execution_arn"])
        found = read_run(table, params["run_id"])
    result: Item = {
        "changed": False,
        "run": found,
        "execution": {name: execution[name] for name in ("arn", "status", "error", "cause")} if execution else {},
        "pauses": table.pauses(params["run_id"]),
    }
    events = table.events(params["run_id"], after=0 if params["details"] else params["after"])
    result["events"] = [event for event in events if event["sequence"] > params["after"]]
    counts = WaveCounts()
    if params["details"] or params["after"] == 0:
        counts.add(events)
        result["progress"] = [wave.to_document() for wave in counts.waves]
    if params["details"]:
        result["waves"] = table.get_waves(params["run_id"])
        result["servers"] = table.get_servers(params["run_id"])
        steps = table.get_steps(params["run_id"])
    if params["details"] and found:
        now = caller(clients("sts")).now
        result["report"] = _report(result, events, steps, now)
        result["summary"] = [
            *summary_lines(result["report"]),
            *_progress(found, counts, now),
            *_open_questions(result["pauses"], params["run_id"]),
        ]
    return result


def _list(table: RunsTable, plan: str | None, limit: int) -> list[Item]:
    known = [item["name"] for item in table.list_plans()]
    if plan is not None and plan not in known and not table.list_runs(plan, limit=1):
        raise unknown_plan(plan, known)
    runs = []
    for name in [plan] if plan is not None else known:
        for item in table.list_runs(name, limit=limit):
            found = table.get_run(item["run_id"]) or {"plan_name": name, **item}
            runs.append({"plan" if key == "plan_name" else key: found.get(key) for key in LISTED})
    return runs


def _overview(runs: list[Item]) -> list[str]:
    columns = ("run_id", "plan", "mode", "status", "requested_at", "closed_at")
    rows = [tuple(str(found[column] or "-") for column in columns) for found in runs]
    return table_lines(("Run", "Plan", "Mode", "Status", "Requested", "Closed"), rows) if runs else ["There is no run."]


def _open_questions(pauses: list[Item], run_id: str) -> list[str]:
    command = f"ansible-playbook disaster_recovery.aws.decide -e dr_run={run_id} -e dr_pause="
    waiting = [pause for pause in pauses if pause["status"] == PauseStatus.OPEN]
    return [line for pause in waiting for line in pause_lines(pause, command + pause["pause_id"])]


def _progress(run: Item, counts: WaveCounts, now: datetime) -> list[str]:
    """Return a line for each wave that is under way."""
    if run["status"] in RUN_FINAL:
        return []
    waves = len(run["plan"]["waves"])
    at = format_time(now)
    lines = [count_line(wave, waves, run["requested_at"], at) for wave in counts.waves if not wave.ended]
    return ["", *lines] if lines else []


def _report(result: Item, events: list[Item], steps: list[StepRecord], now: datetime) -> Item:
    gate = [event for event in events if event["kind"] in {EventKind.GATE_PASSED, EventKind.GATE_FAILED}]
    return build_report(
        result["run"],
        result["waves"],
        [record_from_item(item) for item in result["servers"]],
        [event_from_item(item) for item in events],
        [pause_from_item(item) for item in result["pauses"]],
        now=now,
        findings=gate[-1]["data"].get("findings", []) if gate else [],
        steps=steps,
    )


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            **ORCHESTRATOR_SPEC,
            "run_id": {"type": "str"},
            "execution_arn": {"type": "str"},
            "plan": {"type": "str"},
            "limit": {"type": "int", "default": 20},
            "after": {"type": "int", "default": 0},
            "details": {"type": "bool", "default": True},
        },
        run,
        mutually_exclusive=[("run_id", "plan")],
        required_by={"execution_arn": ["run_id"]},
    )


if __name__ == "__main__":
    main()
