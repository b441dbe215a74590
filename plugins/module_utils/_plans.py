# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declared plans against what exists and what is published.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.run_times import typical_of_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_policy import parse_production_cidrs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_budget import Budget, budget_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_lint import (
    Finding,
    check_budget,
    check_cover,
    check_objective,
    refused,
    servers_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import (
    Plan,
    digest,
    not_permitted,
    with_production,
    with_tag_policy,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import ResolvedPlan, resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_policy import parse_tag_policy
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timeline import Timeline, estimate

Value = TypeVar("Value")


def declared_plans(parse: Callable[[], Sequence[Plan]], params: Mapping[str, Any]) -> tuple[Plan, ...]:
    """Return the declared plans, each with the tags and the isolation that its gate asks for.

    Args:
        parse: Reads the plans.
        params: Parameters of the module, of which C(tag_policy), C(mandatory_tags), C(production_cidrs),
            C(step_functions) and C(step_documents) are read.

    Raises:
        DeclarationError: Naming every problem of every plan, of the policy and of the networks.
    """
    problems = Problems()
    plans = _read(parse, problems) or ()
    policy = _read(lambda: parse_tag_policy(params["tag_policy"], params["mandatory_tags"]), problems)
    cidrs = _read(partial(parse_production_cidrs, params["production_cidrs"], where="production_cidrs"), problems)
    gated = [_read(partial(with_tag_policy, plan, policy), problems) for plan in plans] if policy else []
    # None: whoever publishes does not know what is deployed; the run is refused by its first function then.
    if params["step_functions"] is not None or params["step_documents"] is not None:
        permitted = (params["step_functions"] or [], params["step_documents"] or [])
        for plan in plans:
            problems.extend(not_permitted(plan, *permitted))
    problems.raise_if_any()
    return tuple(with_production(plan, cidrs or ()) for plan in gated if plan)


def _read(parse: Callable[[], Value], problems: Problems) -> Value | None:
    try:
        return parse()
    except DeclarationError as error:
        problems.extend(error.problems)
        return None


def resolve_plans(plans: Sequence[Plan], servers: Sequence[SourceServer]) -> dict[str, ResolvedPlan]:
    """Return the servers that every plan means today.

    Raises:
        DeclarationError: Naming every problem of every plan, and every limit that a plan or its run would be above.
    """
    problems = Problems()
    found: dict[str, ResolvedPlan] = {}
    for plan in plans:
        resolved = _read(partial(resolve, plan, servers), problems)
        if resolved:
            found[plan.name] = resolved
            problems.extend(refused(check_budget(plan, budget_of(plan, resolved.servers)), strict=False))
    problems.raise_if_any()
    return found


@dataclass(frozen=True, slots=True)
class Lint:
    """What was found about plans, and what was computed to find it, by plan.

    Attributes:
        timelines: Of the plans whose servers are known.
    """

    findings: tuple[Finding, ...]
    budgets: Mapping[str, Budget]
    timelines: Mapping[str, Timeline]


def lint(
    plans: Sequence[Plan],
    resolved: Mapping[str, ResolvedPlan],
    servers: Sequence[SourceServer],
    table: RunsTable,
    quotas: Quotas,
) -> Lint:
    """Look for what is questionable about plans that are to be published.

    Args:
        plans: The plans.
        resolved: Those whose servers are known.
        servers: All source servers of the account and Region.
        table: Has the other plans, and the earlier runs.
        quotas: Quotas of DRS.
    """
    budgets = {
        plan.name: budget_of(plan, resolved[plan.name].servers if plan.name in resolved else None) for plan in plans
    }
    timelines = {name: estimate(found, quotas, typical_of_plan(table, name)) for name, found in resolved.items()}
    findings = [finding for plan in plans for finding in check_budget(plan, budgets[plan.name])]
    if resolved:
        declared = {name: frozenset(one.server.key for one in found.servers) for name, found in resolved.items()}
        others = {name: servers_of(groups, servers) for name, groups in _other_groups(table, declared).items()}
        findings += check_cover(declared, others, servers)
        for name, timeline in timelines.items():
            findings += check_objective(resolved[name].plan, timeline)
    return Lint(tuple(findings), budgets, timelines)


def _other_groups(table: RunsTable, names: Container[str]) -> dict[str, Mapping[str, Any]]:
    """Return the groups of the published plans that are not among those with these names."""
    others = [item["name"] for item in table.list_plans() if item["name"] not in names]
    return {name: found["plan"]["groups"] for name in others if (found := table.get_plan(name))}


def publish(plans: Sequence[Plan], table: RunsTable, who: Caller, check_mode: bool) -> dict[str, Any]:
    """Publish the plans that differ from the published ones; return the result of module C(dr_plan)."""
    outcomes = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for plan in plans:
        current = table.get_plan(plan.name)
        wanted = digest(plan)
        changed = current is None or current["digest"] != wanted
        version = (current["version"] if current else 0) + changed
        if changed:
            before[plan.name] = current["plan"] if current else {}
            after[plan.name] = plan.to_document()
        if changed and not check_mode:
            version = table.put_plan(plan.to_document(), digest=wanted, by=who.arn, at=who.now)["version"]
        targets = plan.to_document()["targets"]
        outcomes.append(
            {"name": plan.name, "changed": changed, "version": version, "digest": wanted, "targets": targets}
        )
    return {"changed": bool(after), "plans": outcomes, "diff": {"before": before, "after": after}}
