# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is questionable about a plan's way home, before anybody needs it."""

from __future__ import annotations

from collections.abc import Iterable

from .failback_policy import DEFAULT_FAILBACK
from .ip_map import MapEntry
from .plan_lint import NAMED, WARNING, Finding
from .plans import Plan

RULE = "failback"
PROFILE = "failback"


def needs_addresses(plan: Plan) -> bool:
    """Tell whether it has to be known which addresses the servers of a plan go home to.

    A plan that says nothing of its way home is not looked at: the gate of the failback asks then.
    """
    return plan.failback != DEFAULT_FAILBACK and not plan.failback.original_instance.gives_its_address


def kept_addresses(entries: Iterable[MapEntry]) -> dict[str, str]:
    """Return the address of each server, by key, that its original instance has and that it is to go home to."""
    kept: dict[str, str] = {}
    for entry in entries:
        target = entry.profiles.get(PROFILE)
        if target is not None and target.address is not None and target.address == entry.source.address:
            kept.setdefault(entry.server_key, target.address)
    return kept


def check_failback(plan: Plan, entries: Iterable[MapEntry]) -> list[Finding]:
    """Return what a failback of the plan would stumble over, or what it would not ask.

    Args:
        plan: The plan.
        entries: IP map entries of its servers; none where L(needs_addresses) says that they are not needed.
    """
    return [*_addresses(plan, kept_addresses(entries) if needs_addresses(plan) else {}), *_approval(plan)]


def _addresses(plan: Plan, kept: dict[str, str]) -> list[Finding]:
    if not kept:
        return []
    keys = tuple(sorted(kept))
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    message = (
        f"{len(keys)} of its servers ({', '.join(keys[:NAMED])}{more}) go home to the address that their original "
        f"instance has, which failback.original_instance {plan.failback.original_instance} leaves there: they cannot "
        "launch as long as it exists. Use launch_into or replace, or give other addresses in profile failback"
    )
    return [Finding(WARNING, RULE, (plan.name,), message, keys)]


def _approval(plan: Plan) -> list[Finding]:
    if not plan.decision.four_eyes or plan.failback.approval:
        return []
    message = (
        "decision.four_eyes asks for a second person, and failback.approval is false: nobody is asked before its "
        "servers are launched at home. Let it be true, or take four_eyes out"
    )
    return [Finding(WARNING, RULE, (plan.name,), message)]
