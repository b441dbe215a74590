# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the failback cycle: the machine runs at home, is protected again, and what is left over goes.

The order is that of the DRS facts (6.1): nothing is ended before what comes after it is verified to work.
"""

from __future__ import annotations

from .failback_facts import GONE, RUNNING, InstanceFacts, MachineFacts
from .failback_words import Action, Position, Stage, refused


def locate(facts: MachineFacts, *, end_original: bool) -> Position:
    """Return the position of a machine whose C(protecting) replicates what came home."""
    protecting, kind = facts.protecting, facts.kind
    state = facts.state_of(protecting.instance_id)
    if state != RUNNING:
        return refused(kind, f"{protecting.instance_id}, which {protecting.server_id} protects, is {state}: start it")
    if not protecting.protects:
        waiting = f"{protecting.server_id} is to be in sync, and rescanned"
        return Position(kind, Stage.PROTECTING_AGAIN, waiting=waiting, replication=protecting.replication)
    if facts.returning and facts.returned and not facts.returning.ended:
        return Position(kind, Stage.PROTECTED_AGAIN, Action.STOP_RETURNING)
    if facts.recovered:
        return _end_recovered(facts, facts.recovered)
    if facts.returned:
        return Position(kind, Stage.PROTECTED_AGAIN, Action.FORGET_RETURNED)
    if facts.returning:
        deleted = facts.returning.state == "DISCONNECTED"
        action = Action.DELETE_RETURNING if deleted else Action.DISCONNECT_RETURNING
        return Position(kind, Stage.PROTECTED_AGAIN, action)
    return locate_original(facts, end_original=end_original)


def locate_original(facts: MachineFacts, *, end_original: bool) -> Position:
    """Return the position of a machine of which nothing but C(original) may be left."""
    if not end_original or not facts.original_id or facts.original_id == facts.protecting.instance_id:
        return Position(facts.kind, Stage.PROTECTED)
    state = facts.state_of(facts.original_id)
    if state == GONE:
        return Position(facts.kind, Stage.PROTECTED)
    if state == "shutting-down":
        waiting = f"{facts.original_id} is shutting down"
        return Position(facts.kind, Stage.PROTECTED_AGAIN, waiting=waiting)
    return Position(facts.kind, Stage.PROTECTED_AGAIN, Action.END_ORIGINAL)


def _end_recovered(facts: MachineFacts, recovered: InstanceFacts) -> Position:
    kind = facts.kind
    if facts.termination_job_id:
        waiting = f"job {facts.termination_job_id} terminates {recovered.instance_id}"
        return Position(kind, Stage.PROTECTED_AGAIN, waiting=waiting)
    if recovered.is_failing_back:
        return Position(kind, Stage.PROTECTED_AGAIN, Action.STOP_FAILBACK)
    return Position(kind, Stage.PROTECTED_AGAIN, Action.TERMINATE_RECOVERED)
