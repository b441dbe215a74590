# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following servers that replicate home: what to do now, how far all are, and whether a person has to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .failback_facts import RUNNING, MachineFacts
from .failback_words import HOME_AGAIN, Action, Position, Stage
from .records import ServerRecord
from .replication_progress import Replication, describe, look, seconds_left, slowest, stuck, wait_seconds
from .runs import ServerStatus
from .timestamps import format_time, parse_time
from .way_home import Way, moved, new_record

PATIENCE = 900
"""Seconds that DRS may refuse what is asked of it (C(not finished initializing)) before a person is asked."""

NOT_REVERSED_WAIT = 30
"""Seconds between two looks as long as a replication is to be reversed."""

NAMED = 5
"""Servers that a question names; the others are counted."""

IN_SYNC = Replication("CONTINUOUS", lag=0.0)
CATCHING_UP = frozenset({"CONTINUOUS", "BACKLOG", "RESCAN", "CREATING_SNAPSHOT"})
"""States in which a server that was in sync still is, as long as its lag is within the plan's limit: what runs
production writes all the time, and all servers of a plan are hardly ever in sync at one moment."""

Seen = Mapping[str, tuple[MachineFacts, Position]]
"""By the source server that protects the machine."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the servers of a failback has come to.

    Attributes:
        records: All of them, as they are now.
        begin: Servers with an action that is to be done now, by action.
        done: Server keys and actions that were begun and are seen to be done.
        troubles: Why a person has to look at a server, by its key.
    """

    records: tuple[ServerRecord, ...]
    begin: Mapping[Action, tuple[str, ...]]
    done: tuple[tuple[str, str], ...]
    troubles: Mapping[str, str]

    @property
    def unset(self) -> tuple[ServerRecord, ...]:
        """Servers that are in sync and have no settings for the way home yet."""
        return tuple(record for record in self.records if is_in_sync(record) and not record.way_home["settings_at"])


def follow(
    records: Iterable[ServerRecord],
    seen: Seen,
    *,
    stall: int,
    max_lag: int,
    retried_at: datetime | None,
    now: datetime,
    drill: bool = False,
) -> Look:
    """Look at the servers that are to be launched at home.

    Args:
        records: Their records.
        seen: Where their machines are.
        stall: Seconds without progress until a person is asked.
        max_lag: Seconds that the data of a server may lag which was in sync before.
        retried_at: When a person decided to go on following, None when nobody had to.
        now: The time of this look.
        drill: Whether the failback is only rehearsed: what has come home meanwhile is left alone.
    """
    after: list[ServerRecord] = []
    begin: dict[Action, list[str]] = {}
    done: list[tuple[str, str]] = []
    troubles: dict[str, str] = {}
    for record in records:
        found = seen.get(record.way_home["protecting_server_id"])
        if found is None:
            after.append(record)
            troubles[record.server_key] = "DRS does not show the source server that protects it any more"
            continue
        facts, position = found
        if position.stage in HOME_AGAIN:
            after.append(new_record(record, facts, position, drill=drill, now=now))
            continue
        current, finished = _followed(
            moved(record, facts, position, now), position, stall=stall, max_lag=max_lag, now=now
        )
        if finished:
            done.append((record.server_key, finished))
        if position.action not in (None, Action.LAUNCH):
            begin.setdefault(position.action, []).append(record.server_key)
        trouble = _trouble(current, position, stall=stall, retried_at=retried_at, now=now) or _halt(current, facts)
        if trouble:
            troubles[record.server_key] = trouble
        after.append(troubled(current, trouble))
    return Look(tuple(after), {action: tuple(keys) for action, keys in begin.items()}, tuple(done), troubles)


def begun(record: ServerRecord, action: Action) -> ServerRecord:
    """Return the record of a server with which something is being done."""
    return _with(record, doing=action.value)


def refused(record: ServerRecord, reason: str, now: datetime) -> ServerRecord:
    """Return the record of a server of which DRS does not take an action now: since when, and what it says."""
    since = (record.way_home["refused"] or {}).get("since") or format_time(now)
    return _with(record, refused={"reason": reason, "since": since})


def accepted(record: ServerRecord) -> ServerRecord:
    """Return the record of a server of which DRS has taken an action."""
    return _with(record, refused=None)


def settled(record: ServerRecord, now: datetime) -> ServerRecord:
    """Return the record of a server whose settings for the way home are written."""
    return _with(record, settings_at=format_time(now))


def troubled(record: ServerRecord, why: str) -> ServerRecord:
    """Return the record of a server with why a person has to look at it; nobody has to where that is empty."""
    return _with(record, trouble=why or None)


def is_in_sync(record: ServerRecord) -> bool:
    """Tell whether a server may be launched at home, as far as its data go."""
    return record.status == ServerStatus.PENDING and bool(record.way_home.get("in_sync_at"))


def left_out(records: Iterable[ServerRecord]) -> list[ServerRecord]:
    """Return the records that the decision C(skip) changes: who is not in sync, or a person was asked about, takes no
    further part."""

    def reason(record: ServerRecord) -> str:
        trouble = record.way_home.get("trouble")
        return f"skipped by an operator while {record.way_home['stage']}" + (f": {trouble}" if trouble else "")

    return [
        replace(record, status=ServerStatus.SKIPPED.value, reason=reason(record))
        for record in records
        if record.status == ServerStatus.PENDING and record.way_home and not _may_go(record)
    ]


def _may_go(record: ServerRecord) -> bool:
    return is_in_sync(record) and not record.way_home.get("trouble")


def counts(records: Iterable[ServerRecord]) -> dict[str, int]:
    """Return how many servers are in each stage."""
    found = Counter(_stage(record) for record in records)
    return {stage.value: found[stage.value] for stage in Stage if found[stage.value]}


def news(records: Sequence[ServerRecord], now: datetime) -> dict[str, Any]:
    """Return what is told of servers that are followed: counts by stage, the slowest, and the seconds that are left."""
    progresses = _progresses(records)
    waiting = sorted((record for record in records if _waits(record)), key=lambda record: record.server_key)
    key, left = slowest(progresses, now), None
    if waiting:
        last: dict[str, str] | None = {
            "server_key": waiting[0].server_key,
            "text": waiting[0].way_home["waiting"]["text"],
        }
    elif key:
        last = {"server_key": key, "text": describe(progresses[key], now)}
        left = seconds_left(progresses[key], now)
    else:
        last = None
    return {
        "servers": len(records),
        "stages": counts(records),
        "slowest": last,
        "seconds_left": round(left) if left is not None else None,
    }


def reason(told: Mapping[str, Any]) -> str:
    """Return L(news) as one line for a person."""
    stages = ", ".join(f"{number} {stage}" for stage, number in told["stages"].items())
    last = told["slowest"]
    return f"{told['servers']} servers: {stages}" + (f"; slowest {last['server_key']}: {last['text']}" if last else "")


def question(troubles: Mapping[str, str]) -> str:
    """Return why a person is asked: the servers, what is wrong with each, and what to do."""
    named = [f"{key}: {troubles[key]}" for key in sorted(troubles)[:NAMED]]
    more = len(troubles) - len(named)
    several = "servers do" if len(troubles) > 1 else "server does"
    return f"{len(troubles)} {several} not get on. {'; '.join(named)}" + (f"; and {more} more" if more else "")


def next_look(records: Iterable[ServerRecord], *, stall: int, now: datetime) -> int:
    """Return the seconds until the next look; see L(replication_progress.wait_seconds)."""
    records = [record for record in records if not is_in_sync(record)]
    unforeseeable: list[Way] = [{} for record in records if _waits(record)]
    seconds = wait_seconds([*_progresses(records).values(), *unforeseeable], stall=stall, now=now)
    reversing = any(record.way_home["stage"] == Stage.RECOVERED and not record.by_failback_client for record in records)
    return min(seconds, NOT_REVERSED_WAIT) if reversing else seconds


def _followed(
    record: ServerRecord, position: Position, *, stall: int, max_lag: int, now: datetime
) -> tuple[ServerRecord, str]:
    """Return the record with the progress of its replication, and the action that was begun and is done now."""
    way = record.way_home
    replication = IN_SYNC if position.stage == Stage.IN_SYNC else position.replication
    changes: dict[str, Any] = {"in_sync_at": _in_sync_at(way, position, replication, max_lag, now)}
    if replication is not None:
        changes["progress"] = look(way["progress"], replication, stall=stall, now=now)
    finished = way["doing"] if way["doing"] and _is_done(record, position) else ""
    if finished:
        changes |= {"doing": None, "refused": None}
    return _with(record, **changes), finished


def _in_sync_at(
    way: Way, position: Position, replication: Replication | None, max_lag: int, now: datetime
) -> str | None:
    if position.stage in (Stage.IN_SYNC, Stage.LAUNCHING):
        return way["in_sync_at"] or format_time(now)
    still = (
        replication is not None
        and replication.state in CATCHING_UP
        and replication.lag is not None
        and replication.lag <= max_lag
    )
    return way["in_sync_at"] if still else None


def _is_done(record: ServerRecord, position: Position) -> bool:
    """Tell whether what was begun is seen to be done: its source server is there, or something else is next."""
    if position.stage == Stage.REFUSED or position.action == record.way_home["doing"]:
        return False
    if position.stage == Stage.RECOVERED:
        return position.action is not None
    return bool(record.source_server_id)


def _trouble(
    record: ServerRecord, position: Position, *, stall: int, retried_at: datetime | None, now: datetime
) -> str:
    way = record.way_home
    if position.stage == Stage.REFUSED:
        return position.refusal
    if position.stage == Stage.PROTECTED:
        return "it is not recovered any more"
    if way["refused"] and position.action is not None:
        since = parse_time(way["refused"]["since"])
        quiet = (now - (max(since, retried_at) if retried_at else since)).total_seconds()
        return way["refused"]["reason"] if quiet >= PATIENCE else ""
    if way["in_sync_at"]:
        return ""
    if position.needs_person:
        return position.waiting
    if position.replication is None:
        return _waits_too_long(way, stall=stall, retried_at=retried_at, now=now)
    return stuck(way["progress"], stall=stall, retried_at=retried_at, now=now)


def _halt(record: ServerRecord, facts: MachineFacts) -> str:
    """Return why nothing can be replicated, where the machine itself does not run; what is in sync may be stopped."""
    if facts.recovered is None or record.way_home["in_sync_at"]:
        return ""
    state = facts.state_of(facts.recovered.instance_id)
    running = state in (RUNNING, "pending")
    return "" if running else f"its recovery instance {facts.recovered.instance_id} is {state}: start it"


def _waits_too_long(way: Way, *, stall: int, retried_at: datetime | None, now: datetime) -> str:
    """Return what is waited for, where that has taken longer than a person wants to wait without being asked."""
    if not way["waiting"]:
        return ""
    since = parse_time(way["waiting"]["since"])
    quiet = (now - (max(since, retried_at) if retried_at else since)).total_seconds()
    return str(way["waiting"]["text"]) if quiet >= stall else ""


def _stage(record: ServerRecord) -> str:
    return Stage.IN_SYNC.value if is_in_sync(record) else str(record.way_home["stage"])


def _waits(record: ServerRecord) -> bool:
    """Tell whether something else than replication is waited for, of which nobody knows the end."""
    return bool(record.way_home.get("waiting")) and not record.way_home["progress"] and not is_in_sync(record)


def _progresses(records: Iterable[ServerRecord]) -> dict[str, Way]:
    return {
        record.server_key: record.way_home["progress"]
        for record in records
        if record.way_home["progress"] and not is_in_sync(record)
    }


def _with(record: ServerRecord, **changes: Any) -> ServerRecord:
    return replace(record, way_home={**record.way_home, **changes})
