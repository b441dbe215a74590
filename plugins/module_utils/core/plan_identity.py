# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether it is certain which servers a plan means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .correlation import Correlation
from .correlation_findings import AMBIGUOUS, named
from .errors import Problem
from .machines import reference
from .plans import Plan
from .selectors import build_selector
from .source_servers import SourceServer, matches


def identity_problems(plan: Plan, correlation: Correlation, servers: Iterable[SourceServer]) -> list[Problem]:
    """Return the ambiguities that touch servers of a plan; others are no reason not to run it.

    Args:
        plan: The plan.
        correlation: What is certain and what is not.
        servers: Source servers of the account and Region that recovers.
    """
    selectors = [build_selector(selector) for selector in plan.groups.values()]
    keys = set(plan.optional_servers).union(*(selector.servers or () for selector in selectors))
    key_of = _keys_of_servers(correlation)
    refs = set()
    for server in servers:
        ref = reference(server)
        known = replace(server, key=key_of.get(ref, server.key))
        if any(matches(known, selector) for selector in selectors):
            refs.add(ref)
            keys.add(known.key)
    return [
        Problem(named(finding.server_keys) or finding.reason, f"servers of plan {plan.name}", finding.message)
        for finding in correlation.of_kind(AMBIGUOUS)
        if not keys.isdisjoint(finding.server_keys) or not refs.isdisjoint(finding.source_servers)
    ]


def _keys_of_servers(correlation: Correlation) -> dict[str, str]:
    return {server.reference: key for key, machine in correlation.machines.items() for server in machine.source_servers}
