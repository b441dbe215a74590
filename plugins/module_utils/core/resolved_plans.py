# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers that a plan means today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import Problems
from .plans import Plan
from .probes import unplanned_servers
from .selectors import Selector, build_selector
from .source_servers import KEY_TAG, SourceServer, matches


@dataclass(frozen=True, slots=True)
class PlannedServer:
    """A server of a resolved plan; C(wave) counts from 1."""

    server: SourceServer
    wave: int
    critical: bool


@dataclass(frozen=True, slots=True)
class ResolvedPlan:
    """The servers that a plan means today, ordered by wave and server key."""

    plan: Plan
    servers: tuple[PlannedServer, ...]

    def wave_servers(self, wave: int) -> tuple[PlannedServer, ...]:
        """Return the servers of a wave (counted from 1)."""
        return tuple(planned for planned in self.servers if planned.wave == wave)


def resolve(plan: Plan, servers: Iterable[SourceServer]) -> ResolvedPlan:
    """Return the servers of every wave.

    Raises:
        DeclarationError: Naming every problem: two source servers with one key, a group that matches no server, a
            server key or id of a group that no source server has, a server in two waves, an optional server or one of a
            probe in no wave.
    """
    problems = Problems()
    servers = list(servers)
    optional = frozenset(plan.optional_servers)
    wave_of_group = {group: number for number, wave in enumerate(plan.waves, start=1) for group in wave.groups}
    planned: dict[str, PlannedServer] = {}
    for group, selector in plan.groups.items():
        if group not in wave_of_group:
            continue
        built = build_selector(selector)
        members = [server for server in servers if matches(server, built)]
        _check_members(plan, group, built, members, problems)
        for server in members:
            found = PlannedServer(server, wave_of_group[group], critical=server.key not in optional)
            other = planned.setdefault(server.key, found)
            _check_one_place(plan, group, found, other, problems)
    for key in plan.optional_servers:
        if key not in planned:
            remedy = "is in no wave of the plan: correct the server key, or take it out"
            problems.add(key, f"optional_servers of plan {plan.name}", remedy)
    problems.extend(unplanned_servers(plan.probes, planned, f"plan {plan.name}"))
    problems.raise_if_any()
    return ResolvedPlan(plan, tuple(sorted(planned.values(), key=lambda found: (found.wave, found.server.key))))


def _check_members(
    plan: Plan, group: str, selector: Selector, members: Sequence[SourceServer], problems: Problems
) -> None:
    where = f"group {group} of plan {plan.name}"
    if not members:
        problems.add(plan.groups[group], where, "matches no source server: see that the servers are there and tagged")
        return
    for key in sorted((selector.servers or frozenset()) - {server.key for server in members}):
        problems.add(key, where, "no source server that matches has this server key: correct it, or take it out")
    for server_id in sorted(
        (selector.source_server_ids or frozenset()) - {server.source_server_id for server in members}
    ):
        problems.add(server_id, where, "no source server that matches has this id: correct it, or take it out")


def _check_one_place(plan: Plan, group: str, found: PlannedServer, other: PlannedServer, problems: Problems) -> None:
    where = f"group {group} of plan {plan.name}"
    ids = [other.server.source_server_id, found.server.source_server_id]
    if ids[0] != ids[1]:
        remedy = f"is the server key of {ids[0]} and {ids[1]}: tag at least one of them with a {KEY_TAG} of its own"
        problems.add(found.server.key, where, remedy)
    elif other.wave != found.wave:
        names = f"{plan.waves[other.wave - 1].name} and {plan.waves[found.wave - 1].name}"
        problems.add(found.server.key, where, f"is in the waves {names}: select it in one of them")
