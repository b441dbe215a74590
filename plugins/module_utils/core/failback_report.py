# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a way home: the part of a run's report that only a failback has.

Schema:

    home        servers that came home and were validated; none in a drill
    before      servers that were at home before, with which nothing was done
    protected   of these, those that DRS protects again
    tidied      of these, those of which nothing is left of the way home
    servers     [{server_key, kind, stage, protecting_server_id, original_instance_id, recovered_instance_id,
                  returned_instance_id, at_home (before), steps: [{action, at, and the ids of the event}], left}]

    C(left) says in words what is not done, empty when everything is (in a drill, which ends with its clean-up, always).
    C(returned_instance_id) is null in a drill, whose instances go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .events import Event, EventKind
from .failback_lines import STAGES
from .records import ServerRecord
from .tables import table_lines

PROTECTED_AGAIN = "protected_again"
PROTECTED = "protected"
LEFT_SHOWN = 20
"""Servers of which the summary says what is left; the report has all."""


def way_home(records: Sequence[ServerRecord], events: Iterable[Event], *, drill: bool) -> dict[str, Any]:
    """Return the way home of a failback's servers as a plain dict; its schema is at the top of this file."""
    steps: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event.kind == EventKind.FAILBACK_STEP_DONE:
            told = {name: value for name, value in event.data.items() if name != "server_key"}
            steps.setdefault(str(event.data.get("server_key")), []).append({**told, "at": event.at})
    servers = [_server(record, steps.get(record.server_key, []), drill) for record in records]
    home = [] if drill else [record for record in records if record.recovered]
    stages = [record.way_home.get("stage") for record in home]
    return {
        "home": len(home),
        "before": sum(record.was_home for record in records),
        "protected": sum(stage in {PROTECTED_AGAIN, PROTECTED} for stage in stages),
        "tidied": stages.count(PROTECTED),
        "servers": servers,
    }


def way_home_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what L(way_home) returned of a failback that is no drill as lines: counts, and what is left."""
    lines = [
        f"Protected again: {found['protected']} of {found['home']}   "
        f"Nothing left of the way home: {found['tidied']} of {found['home']}",
        *([f"At home before: {found['before']}"] if found["before"] else []),
    ]
    left = [server for server in found["servers"] if server["left"]]
    if left:
        rows = [(server["server_key"], server["left"]) for server in left[:LEFT_SHOWN]]
        lines += ["", *table_lines(("Not done yet", "What is left"), rows)]
        if len(left) > LEFT_SHOWN:
            lines.append(f"and {len(left) - LEFT_SHOWN} more, all in the report")
        lines.append("What replicates goes on replicating, and a further failback of the plan goes on from there.")
    return lines


def leaves_way(record: ServerRecord) -> bool:
    """Tell whether a failback has brought a server home and has not protected it again, or not tidied."""
    return record.recovered and bool(record.way_home) and record.way_home.get("stage") != PROTECTED


def _server(record: ServerRecord, steps: list[dict[str, Any]], drill: bool) -> dict[str, Any]:
    known = record.way_home
    return {
        "server_key": record.server_key,
        "kind": known.get("kind"),
        "stage": known.get("stage"),
        "protecting_server_id": known.get("protecting_server_id"),
        "original_instance_id": known.get("original_instance_id"),
        "recovered_instance_id": known.get("recovered_instance_id"),
        "returned_instance_id": None if drill else record.instance_id,
        "at_home": record.was_home,
        "steps": steps,
        "left": "" if drill else _left(record),
    }


def _left(record: ServerRecord) -> str:
    stage = str(record.way_home.get("stage") or "")
    if stage == PROTECTED:
        return ""
    where = STAGES.get(stage, stage) or "not looked at"
    return f"{where} ({record.reason})" if record.reason else where
