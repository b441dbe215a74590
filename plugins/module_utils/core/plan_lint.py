# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is questionable about plans, and what cannot work, before they are published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from .errors import Problem
from .plan_budget import HISTORY_BUDGET, MOST_HISTORY, MOST_ITEM_BYTES, MOST_STATE_BYTES, Budget
from .plans import Plan
from .probes import need_network
from .runs import MODES, profile_of
from .selectors import build_selector
from .source_servers import SourceServer, matches
from .timeline import Timeline
from .timestamps import format_seconds

ERROR = "error"
WARNING = "warning"

NAMED = 5
"""Servers that a message names; the others are counted, and all are in C(servers)."""

UNPROTECTED = frozenset({"STOPPED", "DISCONNECTED"})
FAILBACK = "FAILBACK"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should look at.

    Attributes:
        severity: C(error) or C(warning).
        rule: One word for programs: C(uncovered), C(shared), C(rto), C(item_size), C(state_size), C(history),
            C(probes) or C(failback).
        plans: The plans that it is about.
        message: What is the matter, with its number, and what to do.
        servers: Server keys that it is about.
    """

    severity: str
    rule: str
    plans: tuple[str, ...]
    message: str
    servers: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the finding as a plain dict."""
        found = asdict(self)
        return {**found, "plans": list(self.plans), "servers": list(self.servers)}

    def to_problem(self) -> Problem:
        """Return the finding as what refuses the declaration."""
        return Problem(", ".join(self.plans) or "all plans", f"plan lint ({self.rule})", self.message)


def servers_of(groups: Mapping[str, Mapping[str, Any]], servers: Iterable[SourceServer]) -> frozenset[str]:
    """Return the keys of the servers that a plan's groups mean, also of a plan that cannot be resolved any more."""
    selectors = [build_selector(selector) for selector in groups.values()]
    return frozenset(server.key for server in servers if any(matches(server, selector) for selector in selectors))


def check_cover(
    declared: Mapping[str, frozenset[str]], published: Mapping[str, frozenset[str]], servers: Iterable[SourceServer]
) -> list[Finding]:
    """Return which protected servers no plan recovers, and which plans share servers.

    Args:
        declared: Server keys of the plans that are to be published, by plan.
        published: Those of the plans that stay published as they are.
        servers: All source servers of the account and Region.
    """
    plans = {**published, **declared}
    covered = frozenset().union(*plans.values())
    protected = {
        server.key
        for server in servers
        if server.replication_state not in UNPROTECTED and server.replication_direction != FAILBACK
    }
    findings = []
    uncovered = sorted(protected - covered)
    if uncovered:
        message = f"{_named(uncovered)}: protected, but in no plan, so nothing recovers them: add them to a plan"
        findings.append(Finding(WARNING, "uncovered", (), message, tuple(uncovered)))
    return findings + [
        Finding(WARNING, "shared", pair, _shared(pair, keys), tuple(keys))
        for pair, keys in sorted(_common(plans).items())
        if declared.keys() & set(pair)
    ]


def check_objective(plan: Plan, timeline: Timeline) -> list[Finding]:
    """Return whether the estimate is above the plan's objective."""
    target = plan.targets.rto
    if target is None or timeline.seconds <= target:
        return []
    message = (
        f"is estimated to take {format_seconds(timeline.seconds)} ({timeline.source}), its target is "
        f"{format_seconds(target)}: let waves run side by side (depends_on), make them fewer, or change targets.rto"
    )
    return [Finding(WARNING, "rto", (plan.name,), message)]


def check_budget(plan: Plan, budget: Budget) -> list[Finding]:
    """Return which limits of DynamoDB and Step Functions the plan is above, or its run would be."""
    smaller = "name servers by tags instead of one by one, or make several plans of it"
    waves = "give its waves less time (timeout, windows_timeout), or make several plans of it"
    sizes = [
        ("item_size", "its document", budget.item_bytes, MOST_ITEM_BYTES, "an item of DynamoDB", smaller),
        (
            "item_size",
            "the list of its servers",
            budget.event_bytes or 0,
            MOST_ITEM_BYTES,
            "an item of DynamoDB",
            "make several plans of it",
        ),
        ("state_size", "the state of its run", budget.state_bytes, MOST_STATE_BYTES, "this collection", waves),
    ]
    findings = [
        Finding(ERROR, rule, (plan.name,), f"{what} has {size:,} bytes, {owner} at most {most:,}: {remedy}")
        for rule, what, size, most, owner, remedy in sizes
        if size > most
    ]
    # The weeks of a failback are rare, and no reason to warn of a plan that fails over well.
    fatal = budget.failback_events > MOST_HISTORY
    events = budget.failback_events if fatal else max(budget.run_events, budget.wave_events)
    if events > HISTORY_BUDGET:
        limit = f"an execution may have {MOST_HISTORY:,}" if fatal else f"more than {HISTORY_BUDGET:,} are too many"
        message = f"a run that takes all its time makes a history of up to {events:,} events, {limit}: {waves}"
        findings.append(Finding(ERROR if fatal else WARNING, "history", (plan.name,), message))
    return findings


def check_probes(plan: Plan, networks: Container[str]) -> list[Finding]:
    """Return in which modes nobody could make the plan's probes over the network.

    Args:
        plan: The plan.
        networks: Network profiles in which a function is deployed that makes them.
    """
    missing = {mode: need_network(plan.probes, mode) for mode in MODES if profile_of(mode) not in networks}
    return [
        Finding(
            ERROR,
            "probes",
            (plan.name,),
            f"in mode {mode} nobody can make the probes {', '.join(names)}, no function is deployed in its network: "
            f"declare dr_probe_networks.{profile_of(mode)} and run playbook deploy, or take the mode out of theirs",
        )
        for mode, names in missing.items()
        if names
    ]


def refused(findings: Iterable[Finding], *, strict: bool) -> list[Problem]:
    """Return what refuses the plans: errors, and with C(strict) warnings as well."""
    return [finding.to_problem() for finding in findings if strict or finding.severity == ERROR]


def _common(plans: Mapping[str, frozenset[str]]) -> dict[tuple[str, str], list[str]]:
    """Return the servers that plans share, by pair of plans; only pairs that share any are looked at."""
    plans_of: dict[str, list[str]] = {}
    for name in sorted(plans):
        for key in plans[name]:
            plans_of.setdefault(key, []).append(name)
    groups = Counter(tuple(names) for names in plans_of.values() if len(names) > 1)
    pairs = {pair for names in groups for pair in combinations(names, 2)}
    return {pair: sorted(plans[pair[0]] & plans[pair[1]]) for pair in pairs}


def _shared(pair: Sequence[str], keys: Sequence[str]) -> str:
    return (
        f"plans {pair[0]} and {pair[1]} share {_named(keys)}: only one of the two can run at a time; leave it so when "
        "that is meant, as with a plan for the whole site, else take them out of one"
    )


def _named(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return f"{len(keys)} server{'' if len(keys) == 1 else 's'} ({', '.join(keys[:NAMED])}{more})"
