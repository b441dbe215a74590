# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protecting servers again that came home, and tidying what led them there: what to do now, and who does not get on."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .failback_facts import GONE, MachineFacts
from .failback_following import Seen
from .failback_words import HOME_AGAIN, Action, Position, Stage
from .records import ServerRecord
from .replication_progress import look, stuck
from .timestamps import format_seconds, format_time, parse_time

TRIES = 3
"""Times that DRS takes an action without any effect before a person is asked, as with protected instances."""

AT_HOME = HOME_AGAIN | {Stage.PROTECTED}
"""Stages in which a server may be that came home in this run."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at servers that came home has come to.

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


def is_due(record: ServerRecord) -> bool:
    """Tell whether a server came home, and is not yet protected and tidied, nor left as it is by a decision.

    Nor is one that is, but of whose last step nobody was told.
    """
    way = record.way_home
    if not record.recovered or not way or way.get("left_as_is"):
        return False
    return way["stage"] != Stage.PROTECTED or way["doing"] is not None


def follow(
    records: Sequence[ServerRecord],
    seen: Seen,
    *,
    tried: Container[tuple[str, Action]] = (),
    stall: int,
    retried_at: datetime | None,
    now: datetime,
) -> Look:
    """Look at servers that came home.

    Args:
        records: Their records.
        seen: Where their machines are.
        tried: Server keys and actions that this call has tried already.
        stall: Seconds without progress until a person is asked.
        retried_at: When a person decided last to go on, None when nobody had to.
        now: The time of this look.
    """
    after: list[ServerRecord] = []
    begin: dict[Action, list[str]] = {}
    done: list[tuple[str, str]] = []
    troubles: dict[str, str] = {}
    cut_short = _cut_short(records, seen, tried, now)
    for record in records:
        found = seen.get(record.way_home["protecting_server_id"])
        if found is None:
            troubles[record.server_key] = "DRS does not show the source server that protects it any more"
            after.append(record)
            continue
        facts, position = found
        doing = record.way_home["doing"]
        finished = bool(doing) and doing not in cut_short and is_done(Action(doing), facts, record.source_server_id)
        if finished:
            done.append((record.server_key, doing))
        over = finished or (position.stage == Stage.PROTECTED and doing not in cut_short)
        current = _looked_at(record, position, stall=stall, finished=over, retried_at=retried_at, now=now)
        trouble = _trouble(current, position, stall=stall, retried_at=retried_at, now=now)
        if trouble:
            troubles[record.server_key] = trouble
        elif position.action is not None:
            begin.setdefault(position.action, []).append(record.server_key)
        after.append(_with(current, trouble=trouble or None))
    return Look(tuple(after), {action: tuple(keys) for action, keys in begin.items()}, tuple(done), troubles)


def next_action(look: Look, tried: Container[tuple[str, Action]]) -> tuple[Action, tuple[str, ...]] | None:
    """Return the action that is done next, and for which servers; None when nothing is to be done.

    The earliest of the cycle: so a call that is repeated does the same in the same order.

    Args:
        look: The latest look.
        tried: Server keys and actions that this call has tried already.
    """
    for action in Action:
        keys = tuple(key for key in look.begin.get(action, ()) if (key, action) not in tried)
        if keys:
            return action, keys
    return None


def begun(record: ServerRecord, action: Action, now: datetime) -> ServerRecord:
    """Return the record of a server with which something is being done; a repeated call counts it once."""
    way, at = record.way_home, format_time(now)
    if way["doing"] != action:
        return _with(record, doing=action.value, tries=1, tried_at=at, refused=None)
    return record if way.get("tried_at") == at else _with(record, tries=way["tries"] + 1, tried_at=at)


def accepted(record: ServerRecord) -> ServerRecord:
    """Return the record of a server of which DRS has taken an action."""
    return _with(record, refused=None)


def refused(record: ServerRecord, action: Action, reason: str, now: datetime, *, for_good: bool) -> ServerRecord:
    """Return the record of a server of which DRS does not take an action: since when, and what it says.

    Args:
        record: The record.
        action: What was asked.
        reason: What DRS says.
        now: The time of the call.
        for_good: Whether it does not pass by itself, so that a person has to look now.
    """
    since = (record.way_home["refused"] or {}).get("since") or format_time(now)
    trouble = f"DRS refuses to {action.replace('_', ' ')}: {reason}" if for_good else record.way_home.get("trouble")
    return _with(record, refused={"reason": reason, "since": since}, trouble=trouble)


def left_as_they_are(records: Iterable[ServerRecord], reason: str) -> list[ServerRecord]:
    """Return the records with those that do not get on left as they are: what a person decided, and why."""
    return [
        _with(record, left_as_is=reason) if is_due(record) and record.way_home.get("trouble") else record
        for record in records
    ]


def is_done(action: Action, facts: MachineFacts, returning_id: str) -> bool:
    """Tell whether AWS shows what an action was to bring about.

    Args:
        action: One that was begun.
        facts: What AWS shows.
        returning_id: The source server by which the machine came home.
    """
    returning, recovered = facts.returning, facts.recovered
    is_there = returning is not None and returning.server_id == returning_id
    return {
        Action.PROTECT_AGAIN: facts.protected_again,
        Action.STOP_RETURNING: not is_there or returning is None or returning.ended,
        Action.STOP_FAILBACK: recovered is None or not recovered.is_failing_back,
        Action.TERMINATE_RECOVERED: recovered is None,
        Action.FORGET_RETURNED: facts.returned is None,
        Action.DISCONNECT_RETURNING: not is_there or returning is None or returning.state == "DISCONNECTED",
        Action.DELETE_RETURNING: not is_there,
        Action.END_ORIGINAL: facts.state_of(facts.original_id) == GONE,
    }.get(action, False)


def _cut_short(
    records: Iterable[ServerRecord], seen: Seen, tried: Container[tuple[str, Action]], now: datetime
) -> set[str]:
    """Return the actions in which this very call was cut short before: they are told of when all servers have it."""
    found: set[str] = set()
    for record in records:
        way = record.way_home
        where = seen.get(way["protecting_server_id"])
        action = where[1].action if where else None
        again = action is not None and action == way["doing"] and way.get("tried_at") == format_time(now)
        if again and action is not None and (record.server_key, action) not in tried:
            found.add(str(action))
    return found


def _looked_at(
    record: ServerRecord, position: Position, *, stall: int, finished: bool, retried_at: datetime | None, now: datetime
) -> ServerRecord:
    way = record.way_home
    stage = position.stage.value
    same = way["stage"] == stage
    waiting = {"text": position.waiting, "since": format_time(now)} if position.waiting else None
    if waiting and way.get("waiting") and way["waiting"]["text"] == position.waiting:
        waiting = way["waiting"]
    changes: dict[str, Any] = {
        "kind": position.kind.value,
        "stage": stage,
        "stage_since": way["stage_since"] if same else format_time(now),
        "waiting": waiting,
        "progress": {},
        "tries": way.get("tries", 0),
    }
    if way["refused"] and position.action == way["doing"]:
        changes["tries"] = max(0, changes["tries"] - 1)
    elif way["refused"]:
        changes["refused"] = None
    if position.replication is not None:
        before = way["progress"] if same else {}
        changes["progress"] = look(before, position.replication, stall=stall, now=now)
    if finished:
        changes |= {"doing": None, "refused": None, "tries": 0}
    elif retried_at is not None and way.get("tried_at") and retried_at >= parse_time(way["tried_at"]):
        changes["tries"] = 0
    return _with(record, **changes)


def _trouble(
    record: ServerRecord, position: Position, *, stall: int, retried_at: datetime | None, now: datetime
) -> str:
    way = record.way_home
    if position.stage == Stage.REFUSED:
        return position.refusal
    if position.stage not in AT_HOME:
        return f"it does not run at home any more: it is {position.stage}"
    if position.replication is not None:
        return stuck(way["progress"], stall=stall, retried_at=retried_at, now=now)
    if way["tries"] >= TRIES and position.action == way["doing"]:
        return f"DRS took {way['doing']} {TRIES} times, and nothing has changed: look what keeps it from that"
    if position.needs_person:
        return position.waiting
    for told, quiet in ((way["refused"], position.action), (way["waiting"], position.waiting)):
        since = parse_time(told["since"]) if told and quiet else now
        passed = (now - max(since, retried_at or since)).total_seconds()
        if passed >= stall:
            return f"{told.get('reason') or told.get('text')} (for {format_seconds(passed)})"
    return ""


def _with(record: ServerRecord, **changes: Any) -> ServerRecord:
    return replace(record, way_home={**record.way_home, **changes})
