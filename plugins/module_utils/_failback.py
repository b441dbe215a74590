# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failback would do, as AWS shows the plan's servers now: what the start of one is refused by.

This module util is private to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback_reader import FailbackReader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problem
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import (
    HOME_AGAIN,
    Kind,
    Position,
    Stage,
    locate_within,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import GONE, MachineFacts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lint import kept_addresses
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import (
    PlannedServer,
    ResolvedPlan,
)

NAMED = 5
"""Servers that a message names; the others are counted."""


@dataclass(frozen=True, slots=True)
class Located:
    """A server of a plan, what AWS shows of it, and where in the cycle that is."""

    planned: PlannedServer
    facts: MachineFacts
    position: Position

    def takes_part(self, *, drill: bool) -> bool:
        """Tell whether a failback, or the drill of one, has anything to do with it."""
        stage = self.position.stage
        return stage not in (Stage.PROTECTED, Stage.REFUSED) and not (drill and stage in HOME_AGAIN)

    def is_launched(self) -> bool:
        """Tell whether it is still to be launched at home, from the networks that the IP map says."""
        return self.position.stage not in HOME_AGAIN and self.position.kind != Kind.ON_PREMISES


def read_positions(
    protecting_ids: Collection[str],
    clients: Clients,
    accounts: Sequence[Mapping[str, Any]],
    who: Caller,
    *,
    prefix: str,
    end_original: bool,
) -> tuple[dict[str, tuple[MachineFacts, Position]], Mapping[Place, AwsError]]:
    """Return where machines are, by the source server that protects them, and which places could not be read.

    Args:
        protecting_ids: The source servers; one that is not there any more is left out.
        clients: Makes clients.
        accounts: The accounts of the estate, as declared.
        who: The caller.
        prefix: Start of the tables' names. The IP map tells where those are at home that never leave their Region.
        end_original: As of L(failback.locate).

    Raises:
        AwsError: The recovery Region does not answer. A machine whose home does not is refused.
    """
    declared = parse_accounts(accounts, where="accounts")
    reach = AccountClients(clients, declared, who.account)
    writable = {who.account, *(account.account_id for account in declared if account.failback_role_arn)}
    home = Place(who.account, clients("drs").meta.region_name)
    ip_map = IpMapTable(clients("dynamodb"), f"{prefix}-ip-map")
    reader = FailbackReader(
        lambda service, place: reach(service, *place), home, entries=lambda keys: by_server(ip_map.read(sorted(keys)))
    )
    reading = reader.read(protecting_ids)
    return {
        name: (facts, locate_within(facts, writable, end_original=end_original))
        for name, facts in reading.facts.items()
    }, reading.errors


def locate_all(
    plan: Plan, servers: Iterable[PlannedServer], clients: Clients, params: Mapping[str, Any], who: Caller
) -> list[Located]:
    """Return where the servers of a plan are, in the order of the plan; as L(read_positions) does."""
    planned = {one.server.source_server_id: one for one in servers}
    ends = plan.failback.original_instance == OriginalInstance.TERMINATE
    found, _errors = read_positions(
        planned, clients, params["accounts"], who, prefix=params["prefix"], end_original=ends
    )
    return [Located(one, *found[name]) for name, one in planned.items() if name in found]


def check_something_to_do(plan: Plan, located: Sequence[Located], *, drill: bool) -> None:
    """Refuse a failback that would bring nothing home.

    Raises:
        DeclarationError: There are servers that cannot go home, and no others; all are named with the reason.
        ConflictError: All are at home.
    """
    if any(one.takes_part(drill=drill) for one in located):
        return
    check_nobody_refused(located)
    stages = Counter(str(one.position.stage) for one in located)
    counts = ", ".join(f"{count} {stage}" for stage, count in stages.items())
    keys = [one.planned.server.key for one in located]
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    raise ConflictError(
        f"Plan {plan.name!r} has nothing to fail back: none of its servers runs recovered "
        f"({counts}: {', '.join(keys[:NAMED])}{more}). A failback follows a failover (playbook failover)"
    )


def check_nobody_refused(located: Iterable[Located]) -> None:
    """Refuse a failback whose gate would have to ask about servers that cannot go home.

    Raises:
        DeclarationError: Naming every such server with the reason.
    """
    problems = [
        Problem(one.planned.server.key, "the way home", one.position.refusal)
        for one in located
        if one.position.stage == Stage.REFUSED
    ]
    if problems:
        raise DeclarationError(problems)


def check_addresses(plan: Plan, located: Iterable[Located], entries: Iterable[MapEntry]) -> None:
    """Refuse a failback whose servers cannot launch, since their original instances keep the addresses.

    Raises:
        DeclarationError: Naming every such server.
    """
    choice = plan.failback.original_instance
    facts = {
        one.planned.server.key: one.facts
        for one in located
        if not plan.failback.original_of(one.position.kind).gives_its_address
    }
    problems = [
        Problem(
            address,
            f"profile failback of {key}",
            f"its original instance {facts[key].original_id} has this address, and failback.original_instance "
            f"{choice} leaves it there: use launch_into or replace, or map another address",
        )
        for key, address in kept_addresses(entries).items()
        if key in facts and facts[key].original_id and facts[key].state_of(facts[key].original_id) != GONE
    ]
    if problems:
        raise DeclarationError(problems)


def most_are_at(located: Iterable[Located], who: Caller) -> str | None:
    """Return the Region in which most servers are at home, of those that are in the caller's account; None for none."""
    homes = Counter(one.facts.origin.region for one in located if one.facts.origin.account_id in ("", who.account))
    found = max(homes, key=lambda region: homes[region], default=None)
    return found or None


def on_their_way(resolved: ResolvedPlan, located: Iterable[Located], *, drill: bool) -> ResolvedPlan:
    """Return the plan with the servers that would be launched at home."""
    going = tuple(one.planned for one in located if one.takes_part(drill=drill) and one.is_launched())
    return replace(resolved, servers=going)
