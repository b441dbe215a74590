# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine is in the failback cycle, and what comes next: the truth that module, functions and roles share.

Pure. L(locate) tells stages by what AWS shows alone; L(failback_guards.objection) is asked before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from . import failback_extended, failback_premises, failback_tidy, failback_zone
from .failback_facts import GONE, RUNNING, InstanceFacts, MachineFacts, ServerFacts
from .failback_words import HOME_AGAIN, Action, Kind, Position, Stage, refused

__all__ = ["HOME_AGAIN", "Action", "Kind", "Position", "Stage", "locate", "locate_within", "refused"]


def locate(facts: MachineFacts, *, end_original: bool = False) -> Position:
    """Return where a machine is, and what comes next.

    Args:
        facts: What AWS shows of it.
        end_original: Whether C(original) is to be terminated after the machine is protected again.
    """
    if facts.unread:
        return refused(facts.kind, f"not everything can be read: {facts.unread}")
    if facts.contradiction:
        return refused(facts.kind, f"{facts.contradiction}: find out which is right, and remove what is not")
    return _BY_KIND[facts.kind](facts, end_original)


def locate_within(facts: MachineFacts, accounts: Collection[str], *, end_original: bool = False) -> Position:
    """Return where a machine is as L(locate) does, refused where a failback has no role in an account that it needs.

    Args:
        facts: What AWS shows of it.
        accounts: The account of the orchestrator, and those for which a role for failbacks is declared.
        end_original: As of L(locate).
    """
    position = locate(facts, end_original=end_original)
    staging = facts.staging.place.account_id if facts.staging else ""
    lacking = sorted({facts.origin.account_id, staging} - {"", *accounts})
    if position.stage == Stage.PROTECTED or not lacking:
        return position
    return refused(
        facts.kind,
        f"dr_accounts names no failback_role_arn of account {' and of '.join(lacking)}: make the role with playbook "
        "accounts.yml (failback_trusted), declare it, and deploy",
    )


def _cross_region(facts: MachineFacts, end_original: bool) -> Position:
    kind = facts.kind
    if facts.recovery_job_id:
        stage = Stage.RECOVERED if facts.recovered else Stage.PROTECTED
        return Position(kind, stage, waiting=f"job {facts.recovery_job_id} recovers it")
    if facts.launch_job_id:
        return Position(kind, Stage.LAUNCHING, waiting=f"job {facts.launch_job_id} launches it at home")
    if facts.protected_again or facts.superseded:
        return failback_tidy.locate(facts, end_original=end_original)
    if facts.returned and facts.state_of(facts.returned.instance_id) != GONE:
        return _returned(facts, facts.returned)
    if facts.recovered is None:
        return _not_recovered(facts, end_original)
    if facts.state_of(facts.recovered.instance_id) == GONE:
        return _recovered_is_gone(facts, facts.recovered.instance_id)
    if facts.returning is None or facts.returning.ended:
        return _not_reversed(facts, facts.recovered)
    return _on_its_way(facts, facts.returning)


def _extended(facts: MachineFacts, _end_original: bool) -> Position:
    """The original is never terminated: it is what comes home, or what nothing else can be protected as."""
    reason = failback_extended.refusal(facts)
    if reason:
        return refused(facts.kind, reason)
    if failback_extended.is_over(facts):
        return Position(facts.kind, Stage.PROTECTED)
    return _cross_region(facts, end_original=False)


def _returned(facts: MachineFacts, returned: InstanceFacts) -> Position:
    instance_id = returned.instance_id
    state = facts.state_of(instance_id)
    if state == "pending":
        return Position(facts.kind, Stage.RETURNED, waiting=f"{instance_id} is starting")
    if state != RUNNING:
        return refused(facts.kind, f"{instance_id}, which was launched at home, is {state}: start it")
    if facts.kind == Kind.EXTENDED:
        return failback_extended.locate_returned(facts, returned)
    return Position(facts.kind, Stage.RETURNED, Action.PROTECT_AGAIN)


def _not_recovered(facts: MachineFacts, end_original: bool) -> Position:
    returning = facts.returning
    if returning is None:
        return failback_tidy.locate_original(facts, end_original=end_original)
    if returning.ended:
        return failback_tidy.locate(facts, end_original=end_original)
    return refused(
        facts.kind,
        f"{returning.server_id} in {returning.place.region} replicates {returning.instance_id}, which DRS does not "
        "call a recovery instance any more; it may have the last data of the machine: recover it by hand, or stop it",
    )


def _recovered_is_gone(facts: MachineFacts, instance_id: str) -> Position:
    if facts.protecting.in_sync and facts.state_of(facts.protecting.instance_id) == RUNNING:
        return Position(facts.kind, Stage.PROTECTED)
    return refused(facts.kind, f"recovered instance {instance_id} is terminated, and nothing else runs: fail over anew")


def _not_reversed(facts: MachineFacts, recovered: InstanceFacts) -> Position:
    kind = facts.kind
    if facts.returning and recovered.failback_launch == "RECOVERY" and recovered.failback_state == "FAILBACK_COMPLETED":
        return refused(
            kind,
            f"{recovered.instance_id} was failed back, {facts.returning.server_id} is {facts.returning.state}, and DRS "
            "shows no instance that it launched: find out what runs production, and end what does not by hand",
        )
    state = facts.state_of(recovered.instance_id)
    if state != RUNNING:
        return refused(kind, f"recovered instance {recovered.instance_id} is {state}: start it, or fail over anew")
    if facts.returning is None and recovered.is_failing_back:
        return Position(kind, Stage.REVERSING, waiting="the source server that replicates it back is not seen yet")
    if recovered.is_reversed:
        return Position(kind, Stage.RECOVERED, Action.STOP_FAILBACK)
    return Position(kind, Stage.RECOVERED, Action.REVERSE_REPLICATION)


def _on_its_way(facts: MachineFacts, returning: ServerFacts) -> Position:
    if returning.in_sync:
        return Position(facts.kind, Stage.IN_SYNC, Action.LAUNCH)
    waiting = f"{returning.server_id} in {returning.place.region} is to be in sync"
    return Position(facts.kind, Stage.REVERSING, waiting=waiting, replication=returning.replication)


_BY_KIND: Mapping[Kind, Callable[[MachineFacts, bool], Position]] = {
    Kind.CROSS_REGION: _cross_region,
    Kind.CROSS_ZONE: failback_zone.locate,
    Kind.ON_PREMISES: failback_premises.locate,
    Kind.EXTENDED: _extended,
}
