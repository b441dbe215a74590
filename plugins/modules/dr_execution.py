#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, join, abort, stop, resume or clean up the run of a plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dr_execution
short_description: Start, join, abort, stop, resume or clean up the run of a disaster recovery plan
version_added: 0.1.0
description:
  - Starts the orchestrator's state machine for a published plan, or joins the run when it was started before.
  - The run goes on in AWS, whatever becomes of the machine that started it.
  - With O(wait=true), the default, shows every event of the run as it happens and ends when the run ends. The task
    fails unless the run ends as V(succeeded) or V(succeeded_with_failures).
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.accounts
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.orchestrator
  - disaster_recovery.aws.tag_policy
attributes:
  check_mode:
    support: full
    details: Checks the whole request, returns RV(resolved_plan) and starts nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: With O(run_id). Without it every task starts a run of its own.
options:
  state:
    description:
      - V(started) starts the run, or joins it when there is one with this O(run_id).
      - V(aborted) asks the run to end. It starts nothing more, waits for DRS's jobs, which cannot be cancelled, cleans
        up a drill, closes itself as aborted and releases its locks. Open pauses are answered with C(abort), a hold or a
        soak ends. A run whose execution has ended without closing it gets another one that does all that.
      - V(stopped) ends the execution where it is, marks the run as aborted and releases its locks. DRS jobs that run
        go on, instances that were launched stay. Those of a drill can be terminated afterwards with V(cleaned_up).
      - V(resumed) goes on from its records with a run whose execution has ended without closing it, such as one that
        somebody stopped in the console. Nothing is launched twice.
      - V(cleaned_up) terminates what a closed drill left, such as one that was stopped, and lets the launch templates
        launch a failover again. It takes the locks of the drill for that time. The status of the run stays what it was.
    type: str
    choices: [started, aborted, stopped, resumed, cleaned_up]
    default: started
  plan:
    description: Name of the plan. Required to start.
    type: str
  declared:
    description:
      - The plan as it is declared, one of C(dr_plans). It is checked against the source servers and published before
        the run starts, and after the whole request was checked, so that what is declared is what runs.
      - A run that is joined keeps the plan that it started with. Without this option the published plan runs.
    type: dict
  mandatory_tags:
    description:
      - Tags with the same value on every server, the short form of O(tag_policy), inventory variable
        C(dr_mandatory_tags).
      - Both are published with O(declared), whose gate judges every server by them.
    type: dict
  production_cidrs:
    description:
      - Networks of production, beside those that the IP map knows, inventory variable C(dr_production_cidrs).
      - They are published with O(declared). The gate of a drill refuses a network from which they can be reached (see
        M(disaster_recovery.aws.network_isolation_info)).
    type: list
    elements: str
    default: []
  step_functions:
    description:
      - Lambda functions that steps of waves may call, inventory variable C(dr_step_functions). A step that names
        another one is a problem.
      - Without this option and O(step_documents), that is not checked here, and a run of such a plan is refused.
    type: list
    elements: str
  step_documents:
    description: SSM Automation documents that steps of waves may start, inventory variable C(dr_step_documents).
    type: list
    elements: str
  mode:
    description:
      - V(test) launches drill instances in the isolated network and terminates them at the end. V(failover) recovers.
      - V(failback) brings home what a failover has recovered, protects it again and tidies. It is refused when nothing
        runs recovered. How long it takes to replicate the servers home depends on their data; a run follows that as
        long as it takes. What an earlier failback has left undone it goes on with.
      - Required to start.
    type: str
    choices: [test, failover, failback]
  drill:
    description:
      - Whether a V(failback) is a drill. It launches drill instances at home, with addresses that AWS chooses, and
        terminates them at the end. Production stays where it is, and the replication home goes on.
      - Other modes refuse it. The drill of a failover is O(mode=test).
    type: bool
    default: false
  run_id:
    description:
      - Name of the run, and the key that keeps a repeated start from launching twice.
      - "When starting, the default is C({plan}-{mode}-{time}). Required for every other O(state)."
    type: str
  incident_at:
    description: When the disaster happened (ISO 8601 with offset). RTO and RPO count from it, else from the start.
    type: str
  hold:
    description:
      - Seconds that the instances of a drill stay for testers between the final validation and the clean-up, at most 7
        days, in place of the plan's C(drill.hold). V(0) is none.
      - Only a drill can be held, O(mode=test) or O(drill=true).
      - The hold is a pause like others, which ends by itself. M(disaster_recovery.aws.dr_decision) ends it early.
    type: int
  reason:
    description: Why the run is aborted, stopped, resumed or cleaned up, required then. It is recorded with the caller.
    type: str
  wait:
    description: Whether to follow the run to its end.
    type: bool
    default: true
  wait_timeout:
    description: Seconds after which the task gives up and fails. The run goes on. V(0) waits as long as the run takes.
    type: int
    default: 0
  poll_interval:
    description: Seconds between two looks at the run.
    type: int
    default: 10
notes:
  - O(accounts) are read for a O(mode=failback) only, where servers are at home in other accounts.
seealso:
  - module: disaster_recovery.aws.dr_failback_info
  - module: disaster_recovery.aws.dr_execution_info
  - module: disaster_recovery.aws.dr_decision
  - module: disaster_recovery.aws.dr_plan
"""

EXAMPLES = r"""
- name: Fail over and follow
  disaster_recovery.aws.dr_execution:
    region: us-west-2
    plan: sample-estate
    declared: "{{ dr_plans | selectattr('name', 'equalto', 'sample-estate') | first }}"
    tag_policy: "{{ dr_tag_policy }}"
    mandatory_tags: "{{ dr_mandatory_tags }}"
    mode: failover
    incident_at: "2026-11-23T09:40:00Z"

- name: Start a drill under a name of our own, or join it
  disaster_recovery.aws.dr_execution:
    region: us-west-2
    plan: sample-estate
    mode: test
    run_id: sample-drill-2026-11
    wait: false

- name: Fail back, after a failover
  disaster_recovery.aws.dr_execution:
    region: us-west-2
    plan: sample-estate
    mode: failback
    accounts: "{{ dr_accounts }}"
    wait: false

- name: Ask a run to end
  disaster_recovery.aws.dr_execution:
    region: us-west-2
    run_id: first-failover
    state: aborted
    reason: false alarm
"""

RETURN = r"""
run_id:
  description: Name of the run.
  returned: always
  type: str
execution_arn:
  description: ARN of the execution.
  returned: always
  type: str
plan:
  description: Name of the plan.
  returned: always
  type: str
mode:
  description: Mode of the run.
  returned: always
  type: str
drill:
  description: Whether the run is a drill of a failback.
  returned: always
  type: bool
joined:
  description: Whether the run had been started before.
  returned: when O(state=started), O(state=resumed) or O(state=cleaned_up)
  type: bool
status:
  description: Status of the run at the end of the task.
  returned: always
  type: str
  sample: succeeded
resolved_plan:
  description:
    - What the run would do today, every wave with its servers, their addresses in the network of the mode and the DRS
      jobs that the quotas allow, in the order in which the waves start.
    - Times are an estimate in seconds from the start of the first wave, see module M(disaster_recovery.aws.dr_plan).
    - A plan that names servers which are not there, a server without an address in the IP map, or one that another run
      holds, fails the task as it would fail the run.
    - Of a failback it has the servers that are still to be launched at home, with the quotas of the Region where most
      of them are. A server that cannot go home without a person fails the task, since the run would ask about it.
  returned: in check mode, with O(state=started), when the run has not been started before
  type: dict
  contains:
    plan: {description: Name of the plan., returned: always, type: str}
    description: {description: Its description., returned: always, type: str}
    mode: {description: Mode of the run., returned: always, type: str}
    profile: {description: Network profile that it launches in., returned: always, type: str}
    drill: {description: Whether it is a drill of a failback., returned: always, type: bool}
    servers: {description: Number of servers., returned: always, type: int}
    targets: {description: "Recovery objectives in seconds, null where there are none.", returned: always, type: dict}
    quotas: {description: "Quotas of DRS, and where they are from (C(source)).", returned: always, type: dict}
    estimate: {description: "C(seconds) of the whole run, and their C(source).", returned: always, type: dict}
    settings: {description: Everything else that the plan says., returned: always, type: dict}
    waves:
      description: The waves in the order in which they start.
      returned: always
      type: list
      elements: dict
      contains:
        wave: {description: "Number of the wave in the plan, from 1.", returned: always, type: int}
        name: {description: Name of the wave., returned: always, type: str}
        depends_on: {description: Waves that must have ended before., returned: always, type: list, elements: str}
        starts_after: {description: Estimated start., returned: always, type: int}
        ends_after: {description: Estimated end., returned: always, type: int}
        jobs:
          description: "Its DRS jobs, each with C(servers) (how many), C(starts_after) and C(ends_after)."
          returned: always
          type: list
          elements: dict
        settings:
          description: Everything else that the plan says of the wave, such as its timeouts and steps.
          returned: always
          type: dict
        servers:
          description: Its servers.
          returned: always
          type: list
          elements: dict
          sample: [{server_key: pay-db-1.example.internal, source_server_id: s-1a2b3c4d5e6f7a8b9, critical: true,
                    is_windows: false, job: 1, probes: [], addresses: [{interface: 0, address: 10.20.1.11,
                    subnet_id: subnet-0a20100000000d001, security_groups: [sg-0a20100000000d001]}]}]
way_home:
  description:
    - Where the servers of a failback are, and what comes next, as C(servers) of
      M(disaster_recovery.aws.dr_failback_info).
    - It is also returned, and shown, when the task fails because the failback could not start.
  returned: in check mode, with O(mode=failback), when the run has not been started before
  type: list
  elements: dict
report:
  description: What happened, as it is in the evidence. See M(disaster_recovery.aws.dr_execution_info).
  returned: when O(wait=true) and the run succeeded
  type: dict
summary:
  description: The report in a few lines, which were shown.
  returned: when O(wait=true) and the run succeeded
  type: list
  elements: str
stopped:
  description: What stopping left behind.
  returned: when O(state=stopped)
  type: dict
  contains:
    executions:
      description: ARNs of the executions that were stopped.
      returned: always
      type: list
      elements: str
    jobs:
      description: DRS jobs that were running by the run's records; they go on.
      returned: always
      type: list
      elements: str
    automations:
      description: Executions of SSM Automation that a step of a wave has started; they go on.
      returned: always
      type: list
      elements: str
    instances:
      description: Instances that the run launched; they stay.
      returned: always
      type: list
      elements: str
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import (
    ACCOUNTS_SPEC,
    TAG_POLICY_SPEC,
    Clients,
    run_module,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import ORCHESTRATOR_SPEC
from ansible_collections.disaster_recovery.aws.plugins.module_utils._run_control import abort, clean_up, resume, stop
from ansible_collections.disaster_recovery.aws.plugins.module_utils._run_start import start
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import check_run_id


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Do what O(state) says."""
    if params["run_id"] is not None:
        check_run_id(params["run_id"])
    return ACTIONS[params["state"]](params, clients, check_mode)


ACTIONS = {"started": start, "aborted": abort, "stopped": stop, "resumed": resume, "cleaned_up": clean_up}


def main() -> NoReturn:
    """Entry point. The action plugin of the same name waits: C(wait), C(wait_timeout), C(poll_interval) are for it."""
    run_module(
        {
            **ORCHESTRATOR_SPEC,
            "state": {"type": "str", "choices": list(ACTIONS), "default": "started"},
            "plan": {"type": "str"},
            "declared": {"type": "dict"},
            "tag_policy": TAG_POLICY_SPEC,
            "mandatory_tags": {"type": "dict"},
            "production_cidrs": {"type": "list", "elements": "str", "default": []},
            "step_functions": {"type": "list", "elements": "str"},
            "step_documents": {"type": "list", "elements": "str"},
            "mode": {"type": "str", "choices": ["test", "failover", "failback"]},
            "drill": {"type": "bool", "default": False},
            "accounts": ACCOUNTS_SPEC,
            "run_id": {"type": "str"},
            "incident_at": {"type": "str"},
            "hold": {"type": "int"},
            "reason": {"type": "str"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 0},
            "poll_interval": {"type": "int", "default": 10},
        },
        run,
        needs_drs=True,
        required_if=[
            ("state", "started", ("plan", "mode")),
            *(("state", state, ("run_id", "reason")) for state in ("aborted", "stopped", "resumed", "cleaned_up")),
        ],
    )


if __name__ == "__main__":
    main()
