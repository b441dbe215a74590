# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readiness: may this plan run now? It fails closed: a check that could not be made is not a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .ip_map import MapEntry
from .plans import GatePolicy
from .source_servers import SourceServer

ERROR = "error"
WARNING = "warning"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands for a fact that could not be read; C(reason) says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What is known of one server of the plan.

    Attributes:
        source_server: None when DRS has no such server.
        entries: Its IP map entries.
        configuration: Answer of GetLaunchConfiguration.
        desired_configuration: Declared fields that must hold, in DRS's names; may be empty.
        template: LaunchTemplateData of the profile's version; None when there is no such version.
        active_job_id: A job of somebody else that holds the server now, else None.
    """

    server_key: str
    critical: bool
    source_server: SourceServer | Unknown | None
    entries: tuple[MapEntry, ...] | Unknown
    configuration: Mapping[str, Any] | Unknown
    template: Mapping[str, Any] | Unknown | None
    active_job_id: str | Unknown | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against a start.

    Attributes:
        severity: C(error) and C(unknown) stop the run, C(warning) does not.
        server_key: The server, empty for the whole plan.
        what: What was found.
        remedy: How to fix it.
    """

    severity: str
    server_key: str
    what: str
    remedy: str

    @property
    def blocking(self) -> bool:
        """Whether the gate must ask."""
        return self.severity != WARNING


def evaluate(servers: Iterable[ServerFacts], gate: GatePolicy, *, profile: str, now: datetime) -> list[Finding]:
    """Return all findings, blocking ones first, then by server key.

    Args:
        servers: Facts of every server of the plan.
        gate: The plan's gate policy.
        profile: Network profile of the run's mode.
        now: The time of this look.
    """
    raise NotImplementedError


def summary(findings: Iterable[Finding]) -> str:
    """Return one line that a pause can show: how many findings of which severity, and the first blocking ones."""
    raise NotImplementedError
