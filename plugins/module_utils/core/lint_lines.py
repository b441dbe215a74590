# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What publishing plans came to, as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .tables import table_lines
from .timestamps import format_seconds

HEADER = ("Plan", "Version", "Change", "Servers", "Waves", "DRS jobs", "Estimate", "Target")


def lint_lines(outcomes: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table of the plans, and below it what was found.

    Args:
        outcomes: RV(plans) of module C(dr_plan).
        findings: RV(findings) of it.
    """
    sources = sorted({outcome["timeline"]["source"] for outcome in outcomes if outcome.get("timeline")})
    return [
        *table_lines(HEADER, [_row(outcome) for outcome in outcomes]),
        *([f"Estimates: {'; '.join(sources)}"] if sources else []),
        *(f"{finding['severity'].upper()}: {_about(finding)}{finding['message']}" for finding in findings),
    ]


def _about(finding: Mapping[str, Any]) -> str:
    return f"plan {finding['plans'][0]} " if len(finding["plans"]) == 1 else ""


def _row(outcome: Mapping[str, Any]) -> tuple[str, ...]:
    timeline = outcome.get("timeline")
    start = (outcome["name"], str(outcome["version"]), "yes" if outcome["changed"] else "none")
    target = outcome["targets"]["rto"]
    waves = timeline["waves"] if timeline else []
    return (
        *start,
        str(sum(wave["servers"] for wave in waves)) if timeline else "-",
        str(len(waves)) if timeline else "-",
        str(sum(len(wave["jobs"]) for wave in waves)) if timeline else "-",
        format_seconds(timeline["seconds"]) if timeline else "-",
        "-" if target is None else format_seconds(target),
    )
