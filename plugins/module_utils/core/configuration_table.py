# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of a configuration did, as one table for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COUNTS = ("servers", "changed", "skipped", "problems")
NO_COUNTS = ("-",) * len(COUNTS)


def summary(
    *,
    servers: int,
    changed: int = 0,
    skipped: int = 0,
    problems: Sequence[object] = (),
    notes: Sequence[str] | None = None,
) -> dict[str, int | list[str]]:
    """Return the counts that a module returns as C(summary).

    Args:
        servers: Servers that the task was about.
        changed: Servers of which something was, or in check mode would be, written.
        skipped: Servers that were left out, such as disconnected ones.
        problems: What a person has to look at, a line each.
        notes: What a person may want to know, a line each; None for modules that have nothing to tell.
    """
    found = [str(line) for line in problems]
    counts: dict[str, int | list[str]] = {"servers": servers, "changed": changed, "skipped": skipped, "problems": found}
    return counts if notes is None else {**counts, "notes": list(notes)}


def table_lines(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table, a line for each step, and below it every problem and note.

    Args:
        steps: C(step) (its name) and C(result) of each: what a module returned, with C(summary); a failed result, whose
            C(problems) or C(msg) are shown; a skipped one (nothing is declared); None for a step that was not reached.
    """
    header = ("", *COUNTS, "")
    rows = [header, *((str(step["step"]), *_cells(step.get("result"))) for step in steps)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    told = [f"{step['step']}: {line}" for step in steps for line in _problems(step.get("result"))]
    told += [f"{step['step']}, note: {line}" for step in steps for line in _notes(step.get("result"))]
    return [*lines, "", *told] if told else lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *counts, state = row
    cells = [cell.rjust(width) for cell, width in zip(counts, widths[1:-1], strict=True)]
    return "  ".join([name.ljust(widths[0]), *cells, state]).rstrip()


def _cells(result: Mapping[str, Any] | None) -> tuple[str, ...]:
    if not result:
        return (*NO_COUNTS, "not reached")
    if result.get("skipped"):
        return (*NO_COUNTS, "not declared")
    counts = result.get("summary", {})
    numbers = [str(counts.get(name, "-")) for name in COUNTS[:-1]]
    return (*numbers, str(len(_problems(result))), "failed" if result.get("failed") else "")


def _notes(result: Mapping[str, Any] | None) -> list[str]:
    return list(result.get("summary", {}).get("notes", [])) if result and not result.get("skipped") else []


def _problems(result: Mapping[str, Any] | None) -> list[str]:
    if not result or result.get("skipped"):
        return []
    found = list(result.get("summary", {}).get("problems", []))
    if not result.get("failed"):
        return found
    named = [f"{item['where']}: {item['value']}: {item['remedy']}" for item in result.get("problems", [])]
    return found or named or str(result.get("msg", "failed")).splitlines()
