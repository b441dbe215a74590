# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ProtectAgain: let DRS protect again what came home, follow that, and tidy what led it there, in this order.

What is begun is in the records and told of before it is done, and what is done is what AWS shows: so a call that was
cut short does nothing twice, and another run goes on from there.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from _following import retried_at, tell_news
from _records import read_plan, read_records, read_run, store
from _runtime import Call, Result, function, runs
from _way_home import positions, reader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback import Outcome, Status, do
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_following as following
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_protection as protection
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_protection import Look
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import is_drill

BEGUN_AT_ONCE = 200
"""Servers with which one round of a call begins something: as many as L(aws.failback.do) takes."""

ROUNDS = 8
"""Looks of one call, after each of which one action is done: what tidies a machine takes no time, but in one place."""

NEXT_STEP = 1
POLL_SECONDS = 30
"""Seconds until the next call: when there is more to do now, and as long as DRS is at work or refuses."""

IDS = ("protecting_server_id", "recovered_instance_id", "original_instance_id")


@function("protect-again")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason}): done when everything that came home is protected again, and nothing else is
    left of the way there; ask where some servers do not get on."""
    run = read_run(call)
    if run.get("aborting"):
        return _answer("abort", "the run is being aborted")
    if is_drill(run):
        return _answer("done", "a drill leaves nothing to protect")
    plan = read_plan(run)
    troubles, more = _work(call, run, plan)
    came_home = [record for record in read_records(call) if record.recovered and record.way_home]
    if not came_home:
        return _answer("done", "nothing came home")
    waiting = [record for record in came_home if protection.is_due(record)]
    told = following.news(came_home, call.now)
    tell_news(call, run, told, ended=not waiting)
    if not waiting:
        return _answer("done", following.reason(told))
    if more:
        return _answer("wait", following.reason(told), NEXT_STEP)
    if troubles:
        return _answer("ask", following.question(troubles))
    return _answer("wait", following.reason(told), _next_look(call, plan, waiting))


def _work(call: Call, run: Mapping[str, Any], plan: Plan) -> tuple[dict[str, str], bool]:
    """Look and do what comes next, until nothing is to be done now, or the call has done its share.

    Returns:
        Why a person has to look at a server, by key, and whether there is more to be done at once.
    """
    failed: dict[str, str] = {}
    tried: set[tuple[str, Action]] = set()
    for _round in range(ROUNDS):
        due = [record for record in read_records(call) if protection.is_due(record)]
        look = _look(call, run, plan, due, tried)
        comes_next = protection.next_action(look, tried)
        if comes_next is None:
            return {**look.troubles, **failed}, False
        action, keys = comes_next
        chosen = set(keys[:BEGUN_AT_ONCE])
        tried |= {(key, action) for key in chosen}
        outcomes = _begin(call, run, plan, action, [record for record in look.records if record.server_key in chosen])
        failed |= {key: outcome.reason for key, outcome in outcomes.items() if outcome.status == Status.FAILED}
    return failed, True


def _answer(outcome: str, reason: str, seconds: int = 0) -> Result:
    return {"outcome": outcome, "seconds": seconds, "reason": reason}


def _next_look(call: Call, plan: Plan, waiting: Sequence[ServerRecord]) -> int:
    if any(not record.way_home["progress"] for record in waiting):
        return POLL_SECONDS
    return following.next_look(waiting, stall=plan.failback.stall, now=call.now)


def _look(
    call: Call,
    run: Mapping[str, Any],
    plan: Plan,
    before: Sequence[ServerRecord],
    tried: Container[tuple[str, Action]],
) -> Look:
    """Look where the servers are, tell of what is seen to be done, and write it all down."""
    protecting = [record.way_home["protecting_server_id"] for record in before]
    look = protection.follow(
        before,
        positions(reader(run, before).read(protecting), plan),
        tried=tried,
        stall=plan.failback.stall,
        retried_at=retried_at(call),
        now=call.now,
    )
    records = {record.server_key: record for record in look.records}
    told = [(EventKind.FAILBACK_STEP_DONE.value, _step(records[key], action)) for key, action in look.done]
    runs().append_events(call.run_id, told, call.now)
    store(call, before, look.records)
    return look


def _begin(
    call: Call, run: Mapping[str, Any], plan: Plan, action: Action, before: Sequence[ServerRecord]
) -> dict[str, Outcome]:
    """Do an action for servers; return what came of it, by server key."""
    begun = [protection.begun(record, action, call.now) for record in before]
    told = [
        (EventKind.FAILBACK_STEP_BEGUN.value, _step(record, action))
        for record in before
        if record.way_home["doing"] != action
    ]
    runs().append_events(call.run_id, told, call.now)
    store(call, before, begun)
    ends_original = plan.failback.original_instance == OriginalInstance.TERMINATE
    protecting = [record.way_home["protecting_server_id"] for record in begun]
    outcomes = do(action, protecting, reader(run, begun), end_original=ends_original)
    known = {record.server_key: outcomes[record.way_home["protecting_server_id"]] for record in begun}
    store(call, begun, [_after(call, record, action, known[record.server_key]) for record in begun])
    return known


def _after(call: Call, record: ServerRecord, action: Action, outcome: Outcome) -> ServerRecord:
    if outcome.status == Status.BEGUN:
        return protection.accepted(record)
    if outcome.status == Status.STALE:
        return record
    return protection.refused(record, action, outcome.reason, call.now, for_good=outcome.status == Status.FAILED)


def _step(record: ServerRecord, action: str) -> dict[str, Any]:
    return {
        "server_key": record.server_key,
        "action": str(action),
        **{name: record.way_home.get(name) for name in IDS},
        "source_server_id": record.source_server_id,
        "instance_id": record.instance_id,
    }
