# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a replication has come: what moves, when it will be there, and when a person has to look at it.

Source: DRS API Reference, DataReplicationInfo of source servers and of recovery instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .replication_errors import NOT_SEEN, remedy_of
from .timestamps import format_seconds, format_time, parse_duration, parse_time

Progress = Mapping[str, Any]
"""C({state, lag, error, raw_error, next_attempt, percent, step, since, began_at_percent, marks, moved_at, eta}), plain
values, as a server's record keeps them between two looks."""

STALLED = "STALLED"
ENDED_STATES = frozenset({"STOPPED", "DISCONNECTED", "REPLICATION_STATE_NOT_AVAILABLE"})
"""States that replication does not leave by itself."""

STALL_GRACE = 600
"""Seconds that replication may be STALLED before a person is asked: DRS tries again by itself. An agent that was not
seen, as at first after a reversal, has the plan's C(failback.stall)."""

SHORTEST_WAIT = 30
LONGEST_WAIT = 600
LOOKS_AHEAD = 20
"""A wait is this part of the time that is left, so that there are few looks at what takes days."""

UNKNOWN_WAIT = 120
"""Seconds between two looks at what nobody can tell the end of."""

NEWS_AFTER = 60
NEWS_SHARE = 50
"""Counts that changed are told of at most every minute, and not before 2 % of the time so far have passed since they
were last: the events of a month are some 400."""

_FORWARD = ("replicated", "rescanned", "steps")


@dataclass(frozen=True, slots=True)
class Replication:
    """What DRS shows of a replication at one look.

    Attributes:
        lag: Seconds that the data are behind; None when DRS tells none.
        error: Why it is stalled, a value of DRS; empty when it tells none.
        next_attempt: When DRS tries again, as it tells.
        total, replicated, rescanned, backlog: Bytes of all disks.
        steps: Steps of the initiation that are done.
        step: The one that is under way or has failed.
        eta: When DRS expects the end; None when it tells none.
    """

    state: str
    lag: float | None = None
    error: str = ""
    raw_error: str = ""
    next_attempt: str | None = None
    total: int = 0
    replicated: int = 0
    rescanned: int = 0
    backlog: int = 0
    steps: int = 0
    step: str = ""
    eta: datetime | None = None

    @property
    def percent(self) -> int | None:
        """How much of what its state does is done; None where bytes do not tell."""
        if not self.total:
            return None
        done = {
            "INITIAL_SYNC": self.replicated,
            "RESCAN": self.rescanned,
            "BACKLOG": self.total - self.backlog,
        }.get(self.state)
        return None if done is None else max(0, min(100, done * 100 // self.total))


def from_drs(info: Mapping[str, Any]) -> Replication:
    """Read C(dataReplicationInfo) of a source server or a recovery instance; what cannot be read is unknown."""
    disks = info.get("replicatedDisks") or []
    initiation = info.get("dataReplicationInitiation") or {}
    steps = initiation.get("steps") or []
    error = info.get("dataReplicationError") or {}
    current = next((step for step in steps if step.get("status") not in {"SUCCEEDED", "SKIPPED"}), None)

    def bytes_of(name: str) -> int:
        return sum(int(disk.get(name) or 0) for disk in disks)

    return Replication(
        state=info.get("dataReplicationState") or "",
        lag=_seconds(info.get("lagDuration")),
        error=error.get("error") or "",
        raw_error=error.get("rawError") or "",
        next_attempt=initiation.get("nextAttemptDateTime"),
        total=bytes_of("totalStorageBytes"),
        replicated=bytes_of("replicatedStorageBytes"),
        rescanned=bytes_of("rescannedStorageBytes"),
        backlog=bytes_of("backloggedStorageBytes"),
        steps=sum(step.get("status") in {"SUCCEEDED", "SKIPPED"} for step in steps),
        step=str(current["name"]) if current else "",
        eta=_moment(info.get("etaDateTime")),
    )


def look(before: Progress, seen: Replication, *, stall: int, now: datetime) -> Progress:
    """Return the progress after one look; the same one where nothing is worth writing down.

    Args:
        before: The progress as recorded; empty at the first look.
        seen: What DRS shows now.
        stall: Seconds without progress after which a person is asked; what moves is written down often enough for that.
        now: The time of this look.
    """
    same_state = bool(before) and before["state"] == seen.state
    moved = not before or _moved(before["marks"], seen) or not (same_state or seen.state == STALLED)
    after = {
        "state": seen.state,
        "lag": seen.lag,
        "error": seen.error,
        "raw_error": seen.raw_error,
        "next_attempt": seen.next_attempt,
        "percent": seen.percent,
        "step": seen.step,
        "since": before["since"] if same_state else format_time(now),
        "began_at_percent": before["began_at_percent"] if same_state else seen.percent,
        "marks": _marks(before["marks"] if same_state else {}, seen),
        "moved_at": format_time(now) if moved else before["moved_at"],
        "eta": None,
    }
    eta = _eta(after, seen, now)
    after["eta"] = format_time(eta) if eta else None
    if not before:
        return after
    shown = ("state", "error", "percent", "step")
    stale = moved and _since(before["moved_at"], now) >= stall / 4
    return after if stale or any(before[name] != after[name] for name in shown) else before


def stuck(progress: Progress, *, stall: int, retried_at: datetime | None, now: datetime) -> str:
    """Return why a person has to look at a replication, and what to do; empty as long as nobody has to.

    Args:
        progress: The progress after this look.
        stall: Seconds without progress after which a person is asked.
        retried_at: When a person decided to go on following; time counts anew from then.
        now: The time of this look.
    """
    state, error = progress["state"], progress["error"]
    since = parse_time(progress["since"])
    asked = retried_at is not None and retried_at >= since
    if state in ENDED_STATES:
        if asked and _quiet(retried_at, now) < stall:
            return ""
        return f"its replication is {state}: start it again in DRS (StartReplication), or leave the server out"
    if state == STALLED and error != NOT_SEEN and not asked:
        quiet, limit = _quiet(since, now), min(STALL_GRACE, stall)
    else:
        moved = parse_time(progress["moved_at"])
        quiet, limit = _quiet(max(moved, retried_at) if retried_at else moved, now), stall
    if quiet < limit:
        return ""
    resting = format_seconds(_since(progress["moved_at"], now))
    told = f"its replication is {_shown(progress)} and has not moved for {resting}"
    if error:
        raw = f" ({progress['raw_error']})" if progress["raw_error"] else ""
        again = f", DRS tries again at {progress['next_attempt']}" if progress["next_attempt"] else ""
        told += f", DRS says {error}{raw}{again}"
    return f"{told}: {remedy_of(error)}"


def describe(progress: Progress, now: datetime) -> str:
    """Return one line about a replication: its state, how far it is, and when it will be there."""
    left = seconds_left(progress, now)
    return _shown(progress) + (f", some {format_seconds(left)} left" if left is not None else "")


def seconds_left(progress: Progress, now: datetime) -> float | None:
    """Return the seconds until a replication is expected to be there; None when nobody can tell."""
    if not progress.get("eta"):
        return None
    return max(0.0, -_since(progress["eta"], now))


def slowest(progresses: Mapping[str, Progress], now: datetime) -> str | None:
    """Return the name of the replication that ends last, as far as anybody can tell; None when there are none.

    One that nobody can tell the end of is slower than all others, and of these the one that has moved least.
    """

    def slowness(name: str) -> tuple[float, float]:
        progress = progresses[name]
        left = seconds_left(progress, now)
        return (float("inf") if left is None else left, -float(progress.get("percent") or 0))

    return max(sorted(progresses), key=slowness, default=None)


def wait_seconds(progresses: Iterable[Progress], *, stall: int, now: datetime) -> int:
    """Return the seconds until the next look: a twentieth of what is left, from 30 seconds to 10 minutes.

    Not later than a person might have to be asked.
    """
    lefts = [seconds_left(progress, now) for progress in progresses]
    known = [left for left in lefts if left is not None]
    wait = max(known, default=0.0) / LOOKS_AHEAD
    if len(known) < len(lefts):
        wait = max(wait, UNKNOWN_WAIT)
    return int(max(SHORTEST_WAIT, min(LONGEST_WAIT, wait, stall)))


def news_due(*, began_at: datetime, told_at: datetime, now: datetime) -> bool:
    """Tell whether changed counts may be told of again: seldom in what has taken long."""
    elapsed = (now - began_at).total_seconds()
    return (now - told_at).total_seconds() >= max(NEWS_AFTER, elapsed / NEWS_SHARE)


def _shown(progress: Progress) -> str:
    percent, step = progress.get("percent"), progress.get("step")
    if percent is not None:
        return f"{progress['state']} ({percent} %)"
    if step and progress["state"] in {"INITIATING", STALLED}:
        return f"{progress['state']} ({step})"
    return str(progress["state"] or "in no state that DRS tells")


def _moved(marks: Mapping[str, int], seen: Replication) -> bool:
    """Tell whether bytes went. A rescan that begins anew moves, too; a backlog moves only when it gets smaller."""
    return any(getattr(seen, name) != marks[name] for name in _FORWARD) or seen.backlog < marks["backlog"]


def _marks(marks: Mapping[str, int], seen: Replication) -> dict[str, int]:
    """Return what the next look is compared with: of the backlog the least that was seen in this state."""
    found = {name: int(getattr(seen, name)) for name in _FORWARD}
    return {**found, "backlog": min(seen.backlog, marks.get("backlog", seen.backlog))}


def _eta(progress: Progress, seen: Replication, now: datetime) -> datetime | None:
    """Return when it is done: as DRS says, else as fast as it was since its state began."""
    if seen.eta is not None:
        return seen.eta
    percent, began = seen.percent, progress["began_at_percent"]
    if percent is None or began is None or percent <= began:
        return None
    passed = _since(progress["since"], now)
    return now + timedelta(seconds=passed * (100 - percent) / (percent - began))


def _since(moment: str, now: datetime) -> float:
    return (now - parse_time(moment)).total_seconds()


def _quiet(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since else float("inf")


def _seconds(duration: str | None) -> float | None:
    try:
        return parse_duration(duration) if duration else None
    except ValueError:
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None
