# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PrepareFailback: replicate the servers home, follow that until they are in sync, and write how they launch there.

One look reads both places once for all servers. What is begun is in the records before it is done, and what is done is
seen in AWS: so a call that was cut short does nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from _following import retried_at, tell_news
from _premises import configure_clients
from _records import read_plan, read_records, read_run, store
from _runtime import Call, Result, function, runs
from _way_home import positions, reader
from _way_home_settings import Settled, write_settings
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback import Status, do
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_following as following
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import Look
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus, is_drill

PHASE = "prepare-failback"

BEGUN_AT_ONCE = 200
"""Servers of which one call begins something: as many as L(aws.failback.do) takes."""

Item = dict[str, Any]


def _waiting(call: Call) -> list[ServerRecord]:
    """Return the servers that are still to be launched at home."""
    return [record for record in read_records(call) if record.status == ServerStatus.PENDING]


def _begin_all(call: Call, run: Item, before: Sequence[ServerRecord], look: Look) -> tuple[dict[str, str], bool]:
    """Do what is to be done now, as much as one call takes.

    Returns:
        Why a person has to look at a server, by key, and whether there is more to be done.
    """
    stored = {record.server_key: record for record in before}
    seen = {record.server_key: record for record in look.records}
    done = [(key, action) for key, action in look.done if any(key in keys for keys in look.begin.values())]
    _tell_done(call, look, done)
    # What else is done is told at the next look, of all servers in their order, whichever DRS was done with first.
    known = {**stored, **{key: seen[key] for key, _action in done}}
    refused: dict[str, str] = {}
    for action, keys in look.begin.items():
        refused |= _begin(call, run, action, [known[key] for key in keys[:BEGUN_AT_ONCE]])
    return refused, any(len(keys) > BEGUN_AT_ONCE for keys in look.begin.values())


def _begin(call: Call, run: Item, action: Action, before: Sequence[ServerRecord]) -> dict[str, str]:
    """Do an action for servers; return why a person has to look at one, by key."""
    begun = [following.begun(record, action) for record in before]
    told = [
        (EventKind.FAILBACK_STEP_BEGUN.value, _step(record, action.value))
        for record in before
        if record.way_home["doing"] != action.value
    ]
    runs().append_events(call.run_id, told, call.now)
    store(call, before, begun)
    outcomes = do(action, [record.way_home["protecting_server_id"] for record in begun], reader(run, begun))
    known = [(record, outcomes[record.way_home["protecting_server_id"]]) for record in begun]
    after = [
        following.refused(record, outcome.reason, call.now)
        if outcome.status in (Status.FAILED, Status.WAIT)
        else following.accepted(record)
        for record, outcome in known
    ]
    store(call, begun, after)
    return {
        record.server_key: f"DRS refuses to {action.value.replace('_', ' ')}: {outcome.reason}"
        for record, outcome in known
        if outcome.status == Status.FAILED
    }


def _step(record: ServerRecord, action: str) -> Item:
    names = ("protecting_server_id", "recovered_instance_id")
    return {
        "server_key": record.server_key,
        "action": action,
        **{name: record.way_home[name] for name in names},
        "source_server_id": record.source_server_id,
    }


def _look(call: Call, run: Item, plan: Plan, before: Sequence[ServerRecord]) -> Look:
    """Look where the servers are."""
    protecting = [record.way_home["protecting_server_id"] for record in before]
    return following.follow(
        before,
        positions(reader(run, before).read(protecting), plan),
        stall=plan.failback.stall,
        max_lag=plan.gate.max_lag,
        retried_at=retried_at(call),
        now=call.now,
        drill=is_drill(run),
    )


def _tell_done(call: Call, look: Look, done: Sequence[tuple[str, str]]) -> None:
    records = {record.server_key: record for record in look.records}
    told = [(EventKind.FAILBACK_STEP_DONE.value, _step(records[key], action)) for key, action in done]
    runs().append_events(call.run_id, told, call.now)


def _configure_clients(call: Call, plan: Plan, look: Look) -> None:
    """Let what is on premises be replicated as the plan says, before its failback client is booted."""
    unset = [record for record in look.records if record.by_failback_client and not record.way_home["settings_at"]]
    if not unset:
        return
    configure_clients(unset, plan.failback.replication)
    told = {"servers": {record.server_key: plan.failback.replication.to_document() for record in unset}}
    runs().append_event(call.run_id, EventKind.SETTINGS_WRITTEN.value, told, call.now)
    store(call, unset, [following.settled(record, call.now) for record in unset])


def _set(call: Call, run: Item, plan: Plan, look: Look) -> Settled:
    """Write how servers launch at home that are in sync, as many as one call may."""
    unset = look.unset
    settled = write_settings(call, run, plan, unset)
    after = [
        following.settled(record, call.now)
        if record.server_key in settled.done
        else following.troubled(record, settled.troubles.get(record.server_key, ""))
        for record in unset
    ]
    store(call, unset, after)
    return settled


def _answer(outcome: str, reason: str, *, seconds: int = 0, launches: int = 0) -> Result:
    return {"outcome": outcome, "seconds": seconds, "reason": reason, "launches": launches}


@function(PHASE)
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason, launches}): done when every server that is to go home is in sync, and has its
    settings for that; ask where some do not get on. C(launches) is how many are still to be launched there."""
    run = read_run(call)
    if run.get("aborting"):
        return _answer("abort", "the run is being aborted")
    plan = read_plan(run)
    before = _waiting(call)
    if not before:
        return _answer("done", "there is nothing to bring home")
    look = _look(call, run, plan, before)
    refused: dict[str, str] = {}
    left = False
    if look.begin:
        refused, left = _begin_all(call, run, before, look)
        before = _waiting(call)
        look = _look(call, run, plan, before)
    _tell_done(call, look, look.done)
    store(call, before, look.records)
    _configure_clients(call, plan, look)
    settled = _set(call, run, plan, look)
    waiting = _waiting(call)
    told = following.news(waiting, call.now)
    arrived = all(following.is_in_sync(record) for record in waiting)
    tell_news(call, run, told, ended=arrived)
    troubles = {**look.troubles, **refused, **settled.troubles}
    if troubles:
        return _answer("ask", following.question(troubles), launches=len(waiting))
    if arrived and not settled.seconds:
        return _answer("done", following.reason(told), launches=len(waiting))
    seconds = settled.seconds or following.next_look(waiting, stall=plan.failback.stall, now=call.now)
    return _answer("wait", following.reason(told), seconds=1 if left else seconds, launches=len(waiting))
