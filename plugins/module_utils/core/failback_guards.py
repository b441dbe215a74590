# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What forbids an action, whatever else was decided: asked with facts that were read just before it is done.

The last line of defence: nothing that runs production is ever ended, and nothing is ended before its successor works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import failback_extended, failback_premises, failback_zone
from .failback_facts import RUNNING, MachineFacts
from .failback_words import Action, Kind


def objection(facts: MachineFacts, action: Action) -> str:
    """Return why an action must not be done now, for a person; empty when nothing forbids it."""
    if facts.unread or facts.contradiction:
        return facts.unread or facts.contradiction
    return next((reason for guard in _GUARDS[action] if (reason := guard(facts))), "")


def production(facts: MachineFacts) -> set[str]:
    """Return the instances of which one may run production: each of them, until its successor is verified."""
    ids = {facts.protecting.instance_id}
    if facts.returned:
        ids.add(facts.returned.instance_id)
    if facts.recovered and verified_at_home(facts):
        ids.add(facts.recovered.instance_id)
    return ids - {""}


def verified_at_home(facts: MachineFacts) -> str:
    """Return what is lacking for certainty that the machine runs at home and is protected; empty when nothing is."""
    protecting, returned, recovered = facts.protecting, facts.returned, facts.recovered
    if facts.kind == Kind.ON_PREMISES:
        return failback_premises.lacks_at_home(facts)
    if facts.kind == Kind.CROSS_ZONE and failback_zone.is_away(facts):
        return f"{protecting.server_id} replicates {protecting.instance_id}, which is not at home"
    if returned is None:
        return "there is no recovery instance of the launch at home"
    if returned.is_drill:
        return f"{returned.instance_id} is the instance of a drill"
    if not facts.protected_again:
        return f"{protecting.server_id} does not replicate {returned.instance_id}"
    if not protecting.protects:
        return f"{protecting.server_id} is {protecting.state}, and not in sync and rescanned"
    if facts.state_of(returned.instance_id) != RUNNING:
        return f"{returned.instance_id} is {facts.state_of(returned.instance_id)}"
    if recovered and recovered.instance_id in (returned.instance_id, protecting.instance_id):
        return f"{recovered.instance_id} is the machine itself"
    return ""


def _nothing_needs_it(facts: MachineFacts) -> str:
    """C(returning) and the record of C(returned): of this cycle, or of an earlier one."""
    return _protected(facts) if facts.superseded else verified_at_home(facts)


def _recovered_runs(facts: MachineFacts) -> str:
    if facts.recovered is None:
        return "there is no recovery instance"
    if facts.recovered.is_drill:
        return f"{facts.recovered.instance_id} is the instance of a drill"
    if facts.returned:
        return f"{facts.returned.instance_id} runs at home already"
    state = facts.state_of(facts.recovered.instance_id)
    return "" if state == RUNNING else f"{facts.recovered.instance_id} is {state}"


def _in_ec2(facts: MachineFacts) -> str:
    return "it is at home on premises, and its failback client replicates" if facts.kind == Kind.ON_PREMISES else ""


def _not_replicated_back(facts: MachineFacts) -> str:
    if facts.kind == Kind.CROSS_ZONE and failback_zone.is_away(facts):
        return f"{facts.protecting.server_id} replicates it already"
    returning = facts.returning
    return f"{returning.server_id} replicates it back already" if returning and not returning.ended else ""


def _in_sync(facts: MachineFacts) -> str:
    if facts.kind == Kind.ON_PREMISES:
        in_sync = facts.recovered is not None and failback_premises.is_ready(facts.recovered)
    elif facts.kind == Kind.CROSS_ZONE:
        in_sync = failback_zone.is_away(facts) and facts.protecting.protects
    else:
        in_sync = facts.returning is not None and facts.returning.in_sync
    if not in_sync:
        return "what leads it back is not in sync"
    return f"job {facts.launch_job_id} launches it already" if facts.launch_job_id else ""


def _returned_runs(facts: MachineFacts) -> str:
    if facts.returned is None or facts.returned.is_drill:
        return "there is no recovery instance of the launch at home"
    if facts.kind == Kind.EXTENDED and (lacking := failback_extended.not_restartable(facts, facts.returned)):
        return lacking
    if facts.returned.is_reversed:
        return f"the replication of {facts.returned.instance_id} is reversed already"
    state = facts.state_of(facts.returned.instance_id)
    return "" if state == RUNNING else f"{facts.returned.instance_id} is {state}"


def _failback_is_over(facts: MachineFacts) -> str:
    """StopFailback throws away what was copied back: only where that is gone already, or needed no more."""
    if facts.recovered is None:
        return "there is no recovery instance"
    cross_region = facts.kind not in (Kind.CROSS_ZONE, Kind.ON_PREMISES)
    if cross_region and (facts.returning is None or facts.returning.ended):
        return ""
    return verified_at_home(facts)


def _recovered_can_go(facts: MachineFacts) -> str:
    if facts.recovered is None:
        return "there is no recovery instance"
    if facts.recovered.is_drill:
        return f"{facts.recovered.instance_id} is the instance of a drill"
    if facts.returning and not facts.returning.ended:
        return f"{facts.returning.server_id} still replicates it"
    return f"job {facts.termination_job_id} terminates it already" if facts.termination_job_id else ""


def _recovered_is_gone(facts: MachineFacts) -> str:
    return f"{facts.recovered.instance_id} is there still" if facts.recovered else ""


def _returning_ended(facts: MachineFacts) -> str:
    if facts.returning is None:
        return "there is no source server that led it back"
    return "" if facts.returning.ended else f"{facts.returning.server_id} is {facts.returning.state}"


def _returned_is_forgotten(facts: MachineFacts) -> str:
    return f"DRS still has the record of {facts.returned.instance_id}" if facts.returned else ""


def _protected(facts: MachineFacts) -> str:
    protecting = facts.protecting
    if not protecting.protects:
        return f"{protecting.server_id} is {protecting.state}, and not in sync and rescanned"
    state = facts.state_of(protecting.instance_id)
    return "" if state == RUNNING else f"{protecting.instance_id} is {state}"


def _original_is_nobodys(facts: MachineFacts) -> str:
    if not facts.original_id:
        return "it is not known which instance was the original"
    if facts.original_id in {facts.protecting.instance_id, *production(facts)}:
        return f"{facts.original_id} is the machine itself"
    if facts.original_protected_by:
        return f"{facts.original_protected_by} replicates {facts.original_id}"
    return ""


_Guard = Callable[[MachineFacts], str]
_GUARDS: Mapping[Action, tuple[_Guard, ...]] = {
    Action.REVERSE_REPLICATION: (_in_ec2, _recovered_runs, _not_replicated_back),
    Action.LAUNCH: (_recovered_runs, _in_sync),
    Action.PROTECT_AGAIN: (_in_ec2, _returned_runs),
    Action.STOP_RETURNING: (_nothing_needs_it,),
    Action.STOP_FAILBACK: (_failback_is_over,),
    Action.TERMINATE_RECOVERED: (_recovered_can_go, verified_at_home),
    Action.FORGET_RETURNED: (_recovered_is_gone, _nothing_needs_it),
    Action.DISCONNECT_RETURNING: (_protected, _recovered_is_gone, _returned_is_forgotten, _returning_ended),
    Action.DELETE_RETURNING: (_protected, _recovered_is_gone, _returned_is_forgotten, _returning_ended),
    Action.END_ORIGINAL: (_protected, _recovered_is_gone, _returned_is_forgotten, _original_is_nobodys),
}
