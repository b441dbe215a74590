# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declared plans against what exists and what is published.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_policy import parse_production_cidrs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import (
    Plan,
    digest,
    resolve,
    with_production,
    with_tag_policy,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_policy import parse_tag_policy

Value = TypeVar("Value")


def declared_plans(parse: Callable[[], Sequence[Plan]], params: Mapping[str, Any]) -> tuple[Plan, ...]:
    """Return the declared plans, each with the tags and the isolation that its gate asks for.

    Args:
        parse: Reads the plans.
        params: Parameters of the module, of which C(tag_policy), C(mandatory_tags) and C(production_cidrs) are read.

    Raises:
        DeclarationError: Naming every problem of every plan, of the policy and of the networks.
    """
    problems = Problems()
    plans = _read(parse, problems) or ()
    policy = _read(lambda: parse_tag_policy(params["tag_policy"], params["mandatory_tags"]), problems)
    cidrs = _read(partial(parse_production_cidrs, params["production_cidrs"], where="production_cidrs"), problems)
    gated = [_read(partial(with_tag_policy, plan, policy), problems) for plan in plans] if policy else []
    problems.raise_if_any()
    return tuple(with_production(plan, cidrs or ()) for plan in gated if plan)


def _read(parse: Callable[[], Value], problems: Problems) -> Value | None:
    try:
        return parse()
    except DeclarationError as error:
        problems.extend(error.problems)
        return None


def servers_by_wave(plans: Sequence[Plan], drs: Any) -> dict[str, dict[str, int]]:
    """Return how many servers every wave of every plan means today.

    Raises:
        DeclarationError: Naming every problem of every plan.
    """
    servers = read_source_servers(drs)
    problems = Problems()
    found: dict[str, dict[str, int]] = {}
    for plan in plans:
        try:
            resolved = resolve(plan, servers)
        except DeclarationError as error:
            problems.extend(error.problems)
            continue
        found[plan.name] = {
            wave.name: len(resolved.wave_servers(number)) for number, wave in enumerate(plan.waves, start=1)
        }
    problems.raise_if_any()
    return found


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
        outcomes.append({"name": plan.name, "changed": changed, "version": version, "digest": wanted})
    return {"changed": bool(after), "plans": outcomes, "diff": {"before": before, "after": after}}
