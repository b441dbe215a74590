#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish recovery plans."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dr_plan
short_description: Publish disaster recovery plans
version_added: 0.1.0
description:
  - Publishes plans to the orchestrator's runs table. A run uses the plan as it is published at that moment.
  - A plan gets a new version when it differs from the published one, and none when it is equal.
  - All plans are checked before the first one is written. One problem in one plan means that none is published.
  - "Looks for what is questionable as well: protected servers that no published plan recovers, servers that two plans
    share, plans that probably take longer than their target, and plans that come near the limits of DynamoDB and Step
    Functions. A plan whose probes over the network nobody could make is refused. See RV(findings)."
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.orchestrator
  - disaster_recovery.aws.tag_policy
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  plans:
    description:
      - The plans as declared in the inventory variable C(dr_plans).
      - With O(state=absent), only the C(name) of each is used.
    type: list
    elements: dict
    required: true
  mandatory_tags:
    description:
      - Tags with the same value on every server, the short form of O(tag_policy), inventory variable
        C(dr_mandatory_tags).
      - The policy is published with the plans. Their gate judges every server by it, and stops the run when
        C(gate.mandatory_tags) of the plan is V(fail); with V(report), the default, it only tells.
    type: dict
  production_cidrs:
    description:
      - Networks of production, beside those that the IP map knows, inventory variable C(dr_production_cidrs).
      - They are published with the plans. The gate of a drill refuses a network from which they can be reached (see
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
  state:
    description:
      - V(present) publishes, V(absent) withdraws. Old versions and runs of a withdrawn plan stay in the table.
    type: str
    choices: [present, absent]
    default: present
  check_servers:
    description:
      - Whether the plans are compared with the source servers that exist now. A group that matches no server, or a
        server in two waves, is a problem then.
    type: bool
    default: true
  strict:
    description: Whether a warning among RV(findings) refuses the plans, as an error does.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.dr_execution
  - module: disaster_recovery.aws.network_isolation_info
"""

EXAMPLES = r"""
- name: Publish all plans of the inventory
  disaster_recovery.aws.dr_plan:
    region: us-west-2
    plans: "{{ dr_plans }}"
    tag_policy: "{{ dr_tag_policy }}"
    mandatory_tags: "{{ dr_mandatory_tags }}"

- name: Check them only
  disaster_recovery.aws.dr_plan:
    region: us-west-2
    plans: "{{ dr_plans }}"
    tag_policy: "{{ dr_tag_policy }}"
    mandatory_tags: "{{ dr_mandatory_tags }}"
  check_mode: true

- name: Withdraw a plan
  disaster_recovery.aws.dr_plan:
    region: us-west-2
    plans: [{name: sample-estate}]
    state: absent
"""

RETURN = r"""
plans:
  description: What became of every plan, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the plan.
      returned: always
      type: str
    changed:
      description: Whether it was published anew or withdrawn.
      returned: always
      type: bool
    version:
      description: Version that is published now, or would be outside check mode.
      returned: when O(state=present)
      type: int
    digest:
      description: SHA-256 digest of the plan.
      returned: when O(state=present)
      type: str
    servers:
      description: Number of servers that every wave means today, by the wave's name.
      returned: when O(check_servers=true) and O(state=present)
      type: dict
      sample: {databases: 4, web: 8}
    targets:
      description: Its recovery objectives in seconds, null where it has none.
      returned: when O(state=present)
      type: dict
      sample: {rto: 7200, rpo: 900}
    timeline:
      description:
        - An estimate of how long a run takes, in seconds, with nobody else's jobs in the account.
        - Launches last as long as those of the plan's latest run that succeeded, else as is typical of DRS; C(source)
          says which. Steps, probes, holds, retries and decisions are not in it.
      returned: when O(check_servers=true) and O(state=present)
      type: dict
      sample: {seconds: 1666, source: typical of DRS, waves: [{wave: 1, name: databases, servers: 120,
               jobs: [100, 20], starts_after: 0, ends_after: 833}]}
    budget:
      description:
        - What the plan needs at most of the limits of DynamoDB (C(item_bytes), C(event_bytes), of 409,600) and Step
          Functions (C(run_events), C(failback_events), C(wave_events), of 25,000), and of our own of the state
          (C(state_bytes), 8,192).
      returned: when O(state=present)
      type: dict
      sample: {item_bytes: 18021, event_bytes: 17500, state_bytes: 1200, run_events: 1120, failback_events: 2140,
               wave_events: 2269}
findings:
  description: What somebody should look at. With O(check_servers=false) only what needs no servers.
  returned: when O(state=present)
  type: list
  elements: dict
  contains:
    severity:
      description: V(warning), or V(error), which refuses the plans.
      returned: always
      type: str
    rule:
      description: V(uncovered), V(shared), V(rto), V(item_size), V(state_size), V(history), V(probes) or
        V(failback).
      returned: always
      type: str
    plans:
      description: The plans that it is about.
      returned: always
      type: list
      elements: str
    servers:
      description: Server keys that it is about.
      returned: always
      type: list
      elements: str
    message:
      description: What is the matter and what to do.
      returned: always
      type: str
summary:
  description: Plans and findings as lines for a person.
  returned: when O(state=present)
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import TAG_POLICY_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import ORCHESTRATOR_SPEC, runs_table
from ansible_collections.disaster_recovery.aws.plugins.module_utils._plans import (
    declared_plans,
    lint,
    publish,
    resolve_plans,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import network_probes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_quotas, read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lint import (
    check_failback,
    needs_addresses,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.lint_lines import lint_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_lint import Finding, check_probes, refused
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, parse_plans
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.probes import need_network
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import ResolvedPlan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import MODES


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Publish or withdraw the plans."""
    if params["state"] == "absent":
        return _withdraw(_names(params["plans"]), runs_table(params, clients), check_mode)
    plans = declared_plans(lambda: parse_plans(params["plans"]), params)
    table = runs_table(params, clients)
    who = caller(clients("sts"))
    servers = read_source_servers(clients("drs")) if params["check_servers"] else []
    resolved = resolve_plans(plans, servers) if params["check_servers"] else {}
    quotas, _source = read_quotas(clients("service-quotas")) if params["check_servers"] else (Quotas(), "")
    linted = lint(plans, resolved, servers, table, quotas)
    findings = [
        *linted.findings,
        *_check_probes(plans, params["prefix"], clients),
        *_check_failbacks(plans, resolved, IpMapTable(clients("dynamodb"), f"{params['prefix']}-ip-map")),
    ]
    problems = Problems()
    problems.extend(refused(findings, strict=params["strict"]))
    problems.raise_if_any()
    result = publish(plans, table, who, check_mode)
    for outcome in result["plans"]:
        outcome["budget"] = linted.budgets[outcome["name"]].to_document()
        if outcome["name"] in resolved:
            timeline = linted.timelines[outcome["name"]].to_document()
            outcome["timeline"] = timeline
            outcome["servers"] = {wave["name"]: wave["servers"] for wave in timeline["waves"]}
    result["findings"] = [finding.to_document() for finding in findings]
    return {**result, "summary": lint_lines(result["plans"], result["findings"])}


def _check_probes(plans: Sequence[Plan], prefix: str, clients: Clients) -> list[Finding]:
    needed = any(need_network(plan.probes, mode) for plan in plans for mode in MODES)
    networks = network_probes.deployed(clients("lambda"), prefix) if needed else set()
    return [finding for plan in plans for finding in check_probes(plan, networks)]


def _check_failbacks(plans: Sequence[Plan], resolved: Mapping[str, ResolvedPlan], ip_map: IpMapTable) -> list[Finding]:
    """Look at the ways home; addresses are read for plans of which these matter, and whose servers are known."""
    keys = {
        plan.name: {planned.server.key for planned in resolved[plan.name].servers}
        for plan in plans
        if needs_addresses(plan) and plan.name in resolved
    }
    entries = ip_map.read(set().union(*keys.values())) if keys else []
    return [
        finding
        for plan in plans
        for finding in check_failback(plan, (entry for entry in entries if entry.server_key in keys.get(plan.name, ())))
    ]


def _names(plans: Sequence[dict[str, Any]]) -> list[str]:
    problems = Problems()
    for number, plan in enumerate(plans):
        if not isinstance(plan.get("name"), str):
            problems.add(plan, f"plans[{number}]", "has no name: give the name of the plan to withdraw")
    problems.raise_if_any()
    return [plan["name"] for plan in plans]


def _withdraw(names: Sequence[str], table: RunsTable, check_mode: bool) -> dict[str, Any]:
    before = {name: current["plan"] for name in names if (current := table.get_plan(name))}
    if not check_mode:
        for name in before:
            table.delete_plan(name)
    outcomes = [{"name": name, "changed": name in before} for name in names]
    return {"changed": bool(before), "plans": outcomes, "diff": {"before": before, "after": {}}}


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            **ORCHESTRATOR_SPEC,
            "plans": {"type": "list", "elements": "dict", "required": True},
            "tag_policy": TAG_POLICY_SPEC,
            "mandatory_tags": {"type": "dict"},
            "production_cidrs": {"type": "list", "elements": "str", "default": []},
            "step_functions": {"type": "list", "elements": "str"},
            "step_documents": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "check_servers": {"type": "bool", "default": True},
            "strict": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
