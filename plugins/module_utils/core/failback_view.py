# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where machines are on their way home, for people: plain values, and one line for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .failback_facts import MachineFacts, ServerFacts
from .failback_words import Action, Position, Stage
from .replication_progress import Replication
from .timestamps import format_seconds, format_time, parse_time

Item = dict[str, Any]

NEXT: Mapping[Action, str] = {
    Action.REVERSE_REPLICATION: "replicate it back to where it came from",
    Action.LAUNCH: "launch it at home, in its wave",
    Action.PROTECT_AGAIN: "protect it again, after its validation",
    Action.STOP_RETURNING: "stop the replication by which it came home",
    Action.STOP_FAILBACK: "end what DRS calls an unfinished failback",
    Action.TERMINATE_RECOVERED: "terminate the instance that ran at the recovery site",
    Action.FORGET_RETURNED: "delete the record that DRS has of its launch at home; the instance stays",
    Action.DISCONNECT_RETURNING: "disconnect the source server by which it came home",
    Action.DELETE_RETURNING: "delete the source server by which it came home",
    Action.END_ORIGINAL: "terminate the instance that it was before its failover",
}

GIBIBYTE = 1024**3


def describe(facts: MachineFacts, position: Position, now: datetime) -> Item:
    """Return what is known of a machine on its way, as plain values.

    Args:
        facts: What AWS shows of it.
        position: Where that is.
        now: Present moment, for the ETA where DRS gives none.
    """
    followed = facts.protecting if position.stage == Stage.PROTECTING_AGAIN else facts.returning
    progress = _progress(followed, now) if position.replication and followed else None
    return {
        "server_key": facts.protecting.key,
        "protecting_server_id": facts.protecting.server_id,
        "recovered_instance_id": facts.recovered.instance_id if facts.recovered else None,
        "returning_server_id": facts.returning.server_id if facts.returning else None,
        "returned_instance_id": facts.returned.instance_id if facts.returned else None,
        "original_instance_id": facts.original_id or None,
        "account_id": facts.origin.account_id or None,
        "region": facts.origin.region or None,
        "kind": str(position.kind),
        "stage": str(position.stage),
        "action": str(position.action) if position.action else None,
        "waiting": position.waiting or None,
        "refusal": position.refusal or None,
        "progress": progress,
        "line": _line(facts, position, progress),
    }


def count_stages(found: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many machines are in each stage, in the order of the cycle; stages without any are left out."""
    counts = Counter(item["stage"] for item in found)
    return {str(stage): counts[str(stage)] for stage in Stage if counts[str(stage)]}


def _progress(server: ServerFacts, now: datetime) -> Item:
    replication = server.replication
    eta = replication.eta or _estimate(server, now)
    return {
        "source_server_id": server.server_id,
        "state": replication.state,
        "error": replication.error or None,
        "lag": replication.lag,
        "total_bytes": replication.total,
        "left_bytes": _left(replication),
        "percent": replication.percent,
        "eta": format_time(eta) if eta else None,
    }


def _left(replication: Replication) -> int:
    """Return the bytes that are to be copied, compared or caught up with."""
    first_copy = replication.state == "INITIAL_SYNC"
    done = replication.replicated if first_copy else min(replication.replicated, replication.rescanned)
    return max(0, replication.total - done) + replication.backlog


def _estimate(server: ServerFacts, now: datetime) -> datetime | None:
    """Return when a first copy will be through by its pace so far; of a rescan DRS does not tell when it began."""
    percent = server.replication.percent
    if server.state != "INITIAL_SYNC" or not server.first_byte_at or not percent:
        return None
    return now + (now - parse_time(server.first_byte_at)) * ((100 - percent) / percent)


def _line(facts: MachineFacts, position: Position, progress: Item | None) -> str:
    line = f"{facts.protecting.key}: {position.stage}"
    if position.refusal:
        return f"{line}: {position.refusal}"
    if position.action:
        return f"{line}; next: {NEXT[position.action]}"
    if progress is None:
        return f"{line}; {position.waiting}" if position.waiting else line
    told = [progress["state"] + (f" ({progress['error']})" if progress["error"] else "")]
    if progress["left_bytes"]:
        told.append(f"{_size(progress['left_bytes'])} of {_size(progress['total_bytes'])} left")
    if progress["lag"]:
        told.append(f"lag {format_seconds(progress['lag'])}")
    if progress["eta"]:
        told.append(f"ready about {progress['eta']}")
    return f"{line}; {position.waiting}: {', '.join(told)}"


def _size(count: int) -> str:
    return f"{count / GIBIBYTE:.1f} GiB"
