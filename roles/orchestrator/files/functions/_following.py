# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the functions share that follow servers on their way home: decisions to go on, and news of how far all are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from _runtime import Call, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Decision
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.replication_progress import news_due
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time


def retried_at(call: Call) -> datetime | None:
    """Return when a person decided last that the function goes on, None when nobody had to."""
    decided = [
        pause["decided_at"]
        for pause in runs().pauses(call.run_id)
        if pause["step"] == call.function and pause.get("decision") == Decision.RETRY
    ]
    return parse_time(max(decided)) if decided else None


def tell_news(call: Call, run: Mapping[str, Any], told: Mapping[str, Any], *, ended: bool) -> None:
    """Tell how far the servers are: at first, when it is over, and in between when the counts have changed."""
    known = run.get("followed") or {}
    if known.get("phase") != call.function:
        known = {"phase": call.function, "stages": {}, "began_at": call.at, "told_at": ""}
    if known["stages"] == told["stages"]:
        return
    began_at, told_at = known["began_at"], known["told_at"]
    due = not told_at or news_due(began_at=parse_time(began_at), told_at=parse_time(told_at), now=call.now)
    if due or ended:
        data = {"phase": call.function, **told}
        runs().append_event(call.run_id, EventKind.REPLICATION_FOLLOWED.value, data, call.now)
        followed = {"phase": call.function, "stages": told["stages"], "began_at": began_at, "told_at": call.at}
        runs().update_run(call.run_id, {"followed": followed})
