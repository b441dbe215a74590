# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine that is recovered in another zone of its own Region is in the failback cycle.

One source server goes on all the time: ReverseReplication points it to what it launched. So which instance it
replicates, and in which zone that is, tells the way; in which zone the machine is at home, the IP map says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import failback_tidy
from .failback_facts import GONE, RUNNING, InstanceFacts, MachineFacts, ServerFacts, Zones
from .failback_words import Action, Position, Stage, refused
from .replication_progress import Replication

UNDECLARED = "map its source subnet in dr_subnet_map with the targets failover and failback, and run configure"


@dataclass(frozen=True, slots=True)
class Chain:
    """Which recovery instance of a source server is which.

    Attributes:
        away: Whether the source server replicates the machine where it was recovered.
        is_new: Whether C(recovered) was launched while the machine was at home, and is not replicated yet.
    """

    away: bool = False
    recovered: InstanceFacts | None = None
    returned: InstanceFacts | None = None
    is_new: bool = False
    contradiction: str = ""


def chain(protecting: ServerFacts, launched: Sequence[InstanceFacts], zones: Zones | None) -> Chain:
    """Tell the recovery instances of a source server apart.

    Args:
        protecting: The source server.
        launched: What DRS has of its recovery instances, but those of drills.
        zones: Where the machine is at home.
    """
    source = next((one for one in launched if one.instance_id == protecting.instance_id), None)
    others = sorted((one for one in launched if one is not source), key=lambda one: one.point_in_time)
    named = next((one for one in others if one.instance_id == protecting.recovery_instance_id), None)
    if zones and protecting.zone != zones.home:
        # What it replicates runs production, whether DRS still has its record or not.
        recovered = source or _without_record(protecting)
        returned = named if named and named.point_in_time > recovered.point_in_time else None
        return Chain(away=True, recovered=recovered, returned=returned)
    if named:
        return Chain(recovered=named, is_new=True)
    # What was launched where the machine was recovered came home in an earlier cycle: only its record is left over.
    came_home = [one for one in others if zones and one.origin_zone == zones.recovery and one.is_reversed]
    left_home = [one for one in others if zones and one.origin_zone == zones.home]
    unclear = [one.instance_id for one in left_home if not _was_left(one, source)]
    if unclear:
        names = ", ".join(unclear)
        return Chain(contradiction=f"{protecting.server_id} launched {names}, and neither names nor replicates it")
    return Chain(recovered=next(iter(left_home), None), returned=source or next(iter(came_home), None))


def locate(facts: MachineFacts, end_original: bool) -> Position:
    """Return the position of such a machine, as L(failback.locate) does."""
    undeclared = _undeclared(facts)
    if facts.launch_job_id:
        return Position(facts.kind, Stage.LAUNCHING, waiting=f"job {facts.launch_job_id} launches it at home")
    if facts.recovery_job_id:
        stage = Stage.RECOVERED if facts.recovered else Stage.PROTECTED
        return Position(facts.kind, stage, waiting=f"job {facts.recovery_job_id} recovers it")
    if facts.recovered is None and facts.returned is None:
        return failback_tidy.locate_original(facts, end_original=end_original)
    if undeclared:
        return refused(facts.kind, undeclared)
    if is_away(facts):
        return _away(facts)
    if facts.recovered and not was_left(facts):
        return _recovered(facts, facts.recovered)
    return failback_tidy.locate(facts, end_original=end_original)


def is_away(facts: MachineFacts) -> bool:
    """Whether C(protecting) replicates the machine where it was recovered."""
    return facts.zones is not None and facts.protecting.zone != facts.zones.home


def was_left(facts: MachineFacts) -> bool:
    """Whether the machine has come home from C(recovered)."""
    if facts.recovered is None or is_away(facts):
        return False
    return _was_left(facts.recovered, facts.returned)


def _recovered(facts: MachineFacts, recovered: InstanceFacts) -> Position:
    state = facts.state_of(recovered.instance_id)
    at_home = facts.state_of(facts.protecting.instance_id)
    if state == GONE and facts.protecting.in_sync and at_home == RUNNING:
        return Position(facts.kind, Stage.PROTECTED)
    if state == GONE:
        text = f"recovered instance {recovered.instance_id} is terminated, and nothing else runs: fail over anew"
        return refused(facts.kind, text)
    if state != RUNNING:
        text = f"recovered instance {recovered.instance_id} is {state}: start it, or fail over anew"
        return refused(facts.kind, text)
    return Position(facts.kind, Stage.RECOVERED, Action.REVERSE_REPLICATION)


def _away(facts: MachineFacts) -> Position:
    kind, protecting, returned = facts.kind, facts.protecting, facts.returned
    if returned and facts.state_of(returned.instance_id) != GONE:
        return _returned(facts, returned.instance_id)
    state = facts.state_of(protecting.instance_id)
    if state != RUNNING:
        text = f"recovered instance {protecting.instance_id} is {state}: start it, or recover it from its snapshots"
        return refused(kind, text)
    if protecting.protects:
        return Position(kind, Stage.IN_SYNC, Action.LAUNCH)
    return Position(
        kind,
        Stage.REVERSING,
        waiting=f"{protecting.server_id} compares it with what it has: {protecting.state}",
        replication=protecting.replication,
    )


def _returned(facts: MachineFacts, instance_id: str) -> Position:
    state = facts.state_of(instance_id)
    if state == "pending":
        return Position(facts.kind, Stage.RETURNED, waiting=f"{instance_id} is starting")
    if state != RUNNING:
        return refused(facts.kind, f"{instance_id}, which was launched at home, is {state}: start it")
    return Position(facts.kind, Stage.RETURNED, Action.PROTECT_AGAIN)


def _undeclared(facts: MachineFacts) -> str:
    """Return what must be declared before anything is done; empty when nothing is lacking."""
    zones = facts.zones
    if zones is None or not zones.home or not zones.recovery:
        return f"it is protected within one Region, and nobody says in which zone it is at home: {UNDECLARED}"
    if zones.home == zones.recovery:
        return f"its targets failover and failback are both in zone {zones.home}: map them to different zones"
    lacking = [
        f"{profile}.staging_subnet_id"
        for profile, subnet in (("failover", zones.staging_recovery), ("failback", zones.staging_home))
        if not subnet
    ]
    if lacking:
        text = "it is protected within one Region, and nobody says where it replicates to"
        return f"{text}: declare {' and '.join(lacking)} of its source subnet in dr_subnet_map, and run configure"
    return ""


def _was_left(one: InstanceFacts, source: InstanceFacts | None) -> bool:
    """Whether the machine has gone on from an instance, which was replicated itself: its successor has younger data."""
    return one.is_reversed or (source is not None and one.point_in_time < source.point_in_time)


def _without_record(protecting: ServerFacts) -> InstanceFacts:
    return InstanceFacts(
        instance_id=protecting.instance_id,
        server_id=protecting.server_id,
        is_drill=False,
        origin_environment="AWS",
        point_in_time="",
        job_id="",
        failback_state="",
        failback_launch="",
        replication=Replication(""),
    )
