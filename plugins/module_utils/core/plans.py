# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans: ordered waves over groups of servers, and the servers that they mean today.

Schema: architecture, section 3 (C(dr_plans)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .source_servers import SourceServer


@dataclass(frozen=True, slots=True)
class Wave:
    """Servers that are recovered together.

    Attributes:
        groups: Names of the plan's groups.
        max_failures: Failed critical servers that the wave tolerates.
        timeout: Seconds from the wave's start until an unfinished server counts as failed.
        retries: Further launches of a server whose launch failed.
    """

    name: str
    groups: tuple[str, ...]
    max_failures: int = 0
    timeout: int = 3600
    retries: int = 1


@dataclass(frozen=True, slots=True)
class Targets:
    """Recovery objectives in seconds; None when the plan has none."""

    rto: int | None = None
    rpo: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """How long a paused run waits for a person (seconds), and what it decides then."""

    timeout: int = 14400
    default: str = "abort"


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What a server must keep before a run may start; C(max_lag) in seconds."""

    max_lag: int = 900


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as declared. Build it with L(parse_plan)."""

    name: str
    description: str
    groups: Mapping[str, Mapping[str, Any]]
    waves: tuple[Wave, ...]
    optional_servers: tuple[str, ...]
    targets: Targets
    decision: DecisionPolicy
    gate: GatePolicy

    def to_document(self) -> dict[str, Any]:
        """Return the plan as a plain dict that L(parse_plan) reads, every default written out."""
        raise NotImplementedError


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


def parse_plan(raw: Any, *, where: str = "dr_plans") -> Plan:
    """Read one plan.

    Args:
        raw: The plan as declared, or as L(Plan.to_document) wrote it.
        where: Where it came from, for messages; the plan's name is added.

    Raises:
        DeclarationError: Naming every problem: unknown keys, bad types and ranges, a wave that names no known group,
            empty waves, duplicate names, a group in two waves.
    """
    raise NotImplementedError


def parse_plans(raw: Any, *, where: str = "dr_plans") -> tuple[Plan, ...]:
    """Read all declared plans.

    Raises:
        DeclarationError: Naming every problem of every plan, two plans of one name included.
    """
    raise NotImplementedError


def digest(plan: Plan) -> str:
    """Return a SHA-256 hexadecimal digest that changes when the plan's document changes."""
    raise NotImplementedError


def resolve(plan: Plan, servers: Iterable[SourceServer]) -> ResolvedPlan:
    """Return the servers of every wave.

    Raises:
        DeclarationError: Naming every problem: two source servers with one key, a group that matches no server, a
            server key of a group that no server has, a server in two waves, an optional server in no wave.
    """
    raise NotImplementedError
