# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read of DRS in both places of the failback cycle, put together machine by machine.

Source: DRS API Reference, SourceServer, RecoveryInstance, Job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import failback_zone
from .failback_facts import (
    InstanceFacts,
    Item,
    MachineFacts,
    Remembered,
    ServerFacts,
    Zones,
    instance_facts,
    place_of,
    server_facts,
)
from .jobs import BY_FAILBACK, TERMINATE, Job
from .machines import FAILBACK
from .places import Place


@dataclass(frozen=True, slots=True)
class Sight:
    """What was read of DRS, by account and Region.

    Attributes:
        servers: Items of DescribeSourceServers.
        instances: Items of DescribeRecoveryInstances.
        jobs: Jobs that have not ended.
        unread: What could not be read, and why.
    """

    servers: Mapping[Place, Sequence[Item]] = field(default_factory=dict)
    instances: Mapping[Place, Sequence[Item]] = field(default_factory=dict)
    jobs: Mapping[Place, Sequence[Job]] = field(default_factory=dict)
    unread: Mapping[Place, str] = field(default_factory=dict)


def origins(items: Iterable[Item], home: Place) -> set[Place]:
    """Return where the machines of source servers are at home, and where others replicate that they extend.

    Args:
        items: Items of DescribeSourceServers of C(home).
    """
    servers = [server_facts(item, home) for item in items]
    found = {server.origin for server in servers} | {place_of(server.extends) for server in servers if server.extends}
    return {place for place in found if place.region and place != home}


def staying(items: Iterable[Item], home: Place) -> list[ServerFacts]:
    """Return the source servers of machines that are recovered where they are at home, in another zone.

    Args:
        items: Items of DescribeSourceServers of C(home).
        home: Account and Region that recovers.
    """
    servers = [server_facts(item, home) for item in items]
    return [server for server in servers if server.origin == home and not server.is_extended]


def machines(
    sight: Sight,
    home: Place,
    protecting_ids: Iterable[str],
    remembered: Mapping[str, Remembered] | None = None,
    zones: Mapping[str, Zones] | None = None,
) -> dict[str, MachineFacts]:
    """Put together what is seen of many machines; the EC2 states are not in it yet, see L(with_states).

    Args:
        sight: What was read of C(home) and of L(origins).
        home: Account and Region that recovers.
        protecting_ids: Source servers that protect the machines.
        remembered: What records know of them, by C(protecting).
        zones: Where those are at home that never leave their Region, by C(protecting).

    Returns:
        The facts by C(protecting); one whose source server is not there (any more) is left out.
    """
    wanted, known, places = set(protecting_ids), remembered or {}, zones or {}
    index = _Index(sight, home)
    return {
        name: index.machine(item, known.get(name, Remembered()), places.get(name))
        for item in sight.servers.get(home, ())
        if (name := item["sourceServerID"]) in wanted
    }


class _Index:
    """What was seen, by all that names it."""

    def __init__(self, sight: Sight, home: Place) -> None:
        self._sight = sight
        self._home = home
        self._instances: dict[tuple[Place, str], list[InstanceFacts]] = defaultdict(list)
        self._launched_from: dict[tuple[Place, str], str] = {}
        for place, items in sight.instances.items():
            for instance in map(instance_facts, items):
                self._instances[place, instance.server_id].append(instance)
                self._launched_from[place, instance.instance_id] = instance.server_id
        self._returning: dict[tuple[Place, str], ServerFacts] = {}
        self._of_instance: dict[tuple[Place, str], list[ServerFacts]] = defaultdict(list)
        self._of_arn: dict[tuple[Place, str], list[ServerFacts]] = defaultdict(list)
        self._replicated_by: dict[str, list[str]] = defaultdict(list)
        self._of_own_arn: dict[str, ServerFacts] = {}
        for place, items in sight.servers.items():
            for item in items:
                self._add(server_facts(item, place))
        self._jobs: dict[tuple[Place, str, bool], Job] = {}
        for place, jobs in sight.jobs.items():
            for job in jobs:
                self._jobs |= {(place, name, job.type == TERMINATE): job for name in job.participants if job.active}

    def _add(self, server: ServerFacts) -> None:
        self._of_own_arn[server.arn] = server
        if server.instance_id and not server.ended:
            self._replicated_by[server.instance_id].append(server.server_id)
        if server.direction == FAILBACK:
            self._returning[server.place, server.server_id] = server
            self._of_instance[server.place, server.instance_id].append(server)
            self._of_arn[server.place, server.reversed_arn].append(server)

    def machine(self, item: Item, remembered: Remembered, zones: Zones | None) -> MachineFacts:
        """Return the facts of the machine of one protecting source server."""
        protecting = server_facts(item, self._home)
        if protecting.origin == self._home and not protecting.is_extended:
            return self._between_zones(protecting, remembered, zones)
        contradictions: list[str] = []
        recovered = self._recovered(protecting, contradictions)
        returning = self._find_returning(protecting, recovered, remembered, contradictions)
        returned = self._returned(returning, recovered) if returning else None
        original_id = _original(protecting, recovered, returned) or remembered.original_id
        staging = self._of_own_arn.get(protecting.extends) if protecting.extends else None
        own = {one.server_id for one in (protecting, returning, staging) if one}
        replicating = [name for name in self._replicated_by.get(original_id, []) if name not in own]
        places = {self._home, protecting.origin, *([place_of(protecting.extends)] if protecting.extends else [])}
        job = self._job(self._home, protecting.server_id)
        goes_home = job is not None and job.initiated_by == BY_FAILBACK
        returns = self._job(returning.place, returning.server_id) if returning else job if goes_home else None
        return MachineFacts(
            protecting=protecting,
            recovered=recovered,
            returning=returning,
            returned=returned,
            original_id=original_id,
            original_protected_by=replicating[0] if replicating else "",
            staging=staging,
            recovery_job_id=job.job_id if job and not goes_home else "",
            launch_job_id=returns.job_id if returns else "",
            termination_job_id=self._termination(protecting, recovered) if recovered else "",
            contradiction="; ".join(contradictions),
            unread="; ".join(
                dict.fromkeys(self._sight.unread[place] for place in sorted(places) if place in self._sight.unread)
            ),
        )

    def _between_zones(self, protecting: ServerFacts, remembered: Remembered, zones: Zones | None) -> MachineFacts:
        launched = [one for one in self._instances.get((self._home, protecting.server_id), []) if not one.is_drill]
        chain = failback_zone.chain(protecting, launched, zones)
        job = self._job(self._home, protecting.server_id)
        job_id = job.job_id if job else ""
        original_id = protecting.instance_id if chain.is_new else remembered.original_id
        replicating = [name for name in self._replicated_by.get(original_id, []) if name != protecting.server_id]
        return MachineFacts(
            protecting=protecting,
            recovered=chain.recovered,
            returned=chain.returned,
            original_id=original_id,
            original_protected_by=replicating[0] if replicating else "",
            recovery_job_id="" if chain.away else job_id,
            launch_job_id=job_id if chain.away else "",
            termination_job_id=self._termination(protecting, chain.recovered) if chain.recovered else "",
            zones=zones,
            contradiction=chain.contradiction,
            unread=self._sight.unread.get(self._home, ""),
        )

    def _recovered(self, protecting: ServerFacts, contradictions: list[str]) -> InstanceFacts | None:
        found = [one for one in self._instances.get((self._home, protecting.server_id), []) if not one.is_drill]
        # Where a machine is protected in its own place, the source server may have been pointed to what it launched.
        named = [one for one in found if one.instance_id == protecting.recovery_instance_id]
        if len(found) > 1 and len(named) != 1:
            names = ", ".join(sorted(one.instance_id for one in found))
            contradictions.append(f"{protecting.server_id} has several recovery instances ({names})")
        return next(iter(named or found), None)

    def _find_returning(
        self,
        protecting: ServerFacts,
        recovered: InstanceFacts | None,
        remembered: Remembered,
        contradictions: list[str],
    ) -> ServerFacts | None:
        place = protecting.origin
        if place == self._home or not place.region:
            return None
        if recovered:
            found = self._of_instance.get((place, recovered.instance_id), [])
            living = [server for server in found if not server.ended]
            if len(living) > 1:
                names = ", ".join(sorted(server.server_id for server in living))
                contradictions.append(f"{recovered.instance_id} is replicated back by several source servers ({names})")
            return next(iter(living or found), None)
        named = [self._launched_from.get((place, protecting.instance_id), ""), remembered.returning_id]
        known = [self._returning[place, name] for name in named if (place, name) in self._returning]
        # Unlike that of `protecting`, the ARN of a FAILBACK server is that of its one and only counterpart.
        left = sorted(
            self._of_arn.get((place, protecting.arn), []), key=lambda server: (server.ended, server.server_id)
        )
        return next(iter(known or left), None)

    def _returned(self, returning: ServerFacts, recovered: InstanceFacts | None) -> InstanceFacts | None:
        """Return what C(returning) launched for good: younger than C(recovered), else it is of an earlier cycle."""
        found = [one for one in self._instances.get((returning.place, returning.server_id), []) if not one.is_drill]
        younger = [one for one in found if recovered is None or one.point_in_time > recovered.point_in_time]
        return max(younger, key=lambda one: one.point_in_time, default=None)

    def _job(self, place: Place, server_id: str) -> Job | None:
        return self._jobs.get((place, server_id, False))

    def _termination(self, protecting: ServerFacts, recovered: InstanceFacts) -> str:
        job = self._jobs.get((self._home, protecting.server_id, True))
        participant = job.participants[protecting.server_id] if job else None
        ends = participant is not None and participant.recovery_instance_id in (None, recovered.instance_id)
        return job.job_id if job and ends else ""


def _original(protecting: ServerFacts, recovered: InstanceFacts | None, returned: InstanceFacts | None) -> str:
    """Return the original as long as C(protecting) shows it: until it is pointed to what came home."""
    moved_on = returned is not None and returned.is_reversed and protecting.instance_id == returned.instance_id
    if recovered is None or moved_on or protecting.instance_id == recovered.instance_id:
        return ""
    return protecting.instance_id
