# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both places of the failback cycle show of many machines, read at once.

This module util is private to the collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from ..core import failback_facts, failback_sight
from ..core.errors import DeclarationError
from ..core.failback_facts import MachineFacts, Remembered, Zones
from ..core.failback_sight import Sight
from ..core.jobs import Job, job_from_drs
from ..core.machines import FAILBACK
from ..core.places import Place
from . import drs
from .errors import AwsError, NotReachableError, UninitializedError
from .failback_zones import Entries, read_zones
from .instances import describe_instances
from .pacing import Outcomes, for_each

Clients = Callable[[str, Place], Any]
"""C(clients("drs", place)) returns the boto3 client of a service in an account and Region."""

Item = dict[str, Any]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        facts: By the source server that protects the machine; one that is not there (any more) is left out.
        jobs: Jobs of the place that recovers that have not ended, whoever started them.
        errors: Why a place could not be read; the machines that are at home there are C(unread).
    """

    facts: Mapping[str, MachineFacts]
    jobs: tuple[Job, ...]
    errors: Mapping[Place, AwsError]

    def raise_if_any(self) -> None:
        """Raise the error of a place that could not be read, for who must know all.

        A place whose role lacks is not waited for: the machines that are at home there are C(unread), so refused.
        """
        for error in self.errors.values():
            if not isinstance(error, NotReachableError):
                raise error


@dataclass(frozen=True)
class FailbackReader:
    """Reads the facts of machines, of all or of some.

    Attributes:
        clients: See L(Clients).
        home: Account and Region that recovers.
        jobs_since: Jobs created before are over (ISO 8601, ends in C(Z)); None reads all that DRS still knows.
        remembered: What records know of the machines, by the source server that protects them.
        entries: Reads the IP map, which tells in which zone machines are at home that never leave their Region;
            without it these cannot go home.
    """

    clients: Clients
    home: Place
    jobs_since: str | None = None
    remembered: Mapping[str, Remembered] = field(default_factory=dict)
    entries: Entries | None = None

    def read(self, protecting_ids: Collection[str] | None = None) -> Reading:
        """Return the facts of machines.

        Args:
            protecting_ids: The source servers that protect them; by default all of the place that recovers.

        Raises:
            AwsError: The place that recovers does not answer. Of other places that is told, not raised.
        """
        servers = self._servers(protecting_ids)
        if not servers:
            return Reading({}, (), {})
        wanted = [item["sourceServerID"] for item in servers]
        seen_here = self._look(self.home, servers, wanted if len(wanted) <= drs.MAX_IDS else None)
        origins = failback_sight.origins(servers, self.home)
        elsewhere = _at_all(origins, self._look_at_origin)
        seen = {**elsewhere.results, self.home: seen_here}
        sight = Sight(
            servers={place: found.servers for place, found in seen.items()},
            instances={place: found.instances for place, found in seen.items()},
            jobs={place: found.jobs for place, found in seen.items()},
            unread=_told(elsewhere.errors),
        )
        facts = failback_sight.machines(sight, self.home, wanted, self.remembered, self._zones(servers))
        ids: dict[Place, set[str]] = defaultdict(set)
        for machine in facts.values():
            for place, found in machine.instance_ids().items():
                ids[place] |= found
        states = _at_all(ids, lambda place: self._states(place, ids[place]))
        known = {name: state for found in states.results.values() for name, state in found.items()}
        return Reading(
            {name: _with_states(machine, known, states.errors) for name, machine in facts.items()},
            tuple(seen_here.jobs),
            {**elsewhere.errors, **states.errors},
        )

    def _servers(self, protecting_ids: Collection[str] | None) -> list[Item]:
        client = self.clients("drs", self.home)
        if protecting_ids is None:
            found = drs.describe_source_servers(client)
            return [item for item in found if item.get("replicationDirection") != FAILBACK]
        wanted = set(protecting_ids)
        few = sorted(wanted) if len(wanted) <= drs.MAX_IDS else None
        found = drs.describe_source_servers(client, ids=few) if wanted else []
        return [item for item in found if item["sourceServerID"] in wanted]

    def _zones(self, servers: Iterable[Item]) -> dict[str, Zones]:
        stays = failback_sight.staying(servers, self.home)
        return read_zones(self.clients("ec2", self.home), stays, self.entries) if stays and self.entries else {}

    def _look_at_origin(self, place: Place) -> _Seen:
        """Look at a place where machines are at home; where DRS was never used nothing is on its way."""
        try:
            return self._look(place, drs.describe_source_servers(self.clients("drs", place)))
        except UninitializedError:
            return _Seen([], [], [])

    def _look(self, place: Place, servers: list[Item], launched_from: list[str] | None = None) -> _Seen:
        client = self.clients("drs", place)
        jobs = [job_from_drs(item) for item in drs.describe_jobs(client, from_date=self.jobs_since)]
        return _Seen(
            servers,
            drs.describe_recovery_instances(client, source_server_ids=launched_from),
            [job for job in jobs if job.active],
        )

    def _states(self, place: Place, ids: Iterable[str]) -> dict[str, str]:
        found = describe_instances(self.clients("ec2", place), ids)
        return {name: item["State"]["Name"] for name, item in found.items()}


class _Seen(NamedTuple):
    """What DRS of one place shows; only jobs that have not ended."""

    servers: list[Item]
    instances: list[Item]
    jobs: list[Job]


def _at_all(places: Iterable[Place], read: Callable[[Place], Found]) -> Outcomes[Place, Found]:
    def read_one(place: Place, _place: Place) -> Found:
        try:
            return read(place)
        except DeclarationError as error:
            raise NotReachableError(str(error)) from error

    return for_each({place: place for place in sorted(places)}, read_one)


def _told(errors: Mapping[Place, AwsError]) -> dict[Place, str]:
    return {place: f"{place}: {error.message}" for place, error in errors.items()}


def _with_states(facts: MachineFacts, states: Mapping[str, str], errors: Mapping[Place, AwsError]) -> MachineFacts:
    unread = [text for place, text in _told(errors).items() if place in facts.instance_ids()]
    if unread and not facts.unread:
        return replace(facts, unread="; ".join(unread))
    return failback_facts.with_states(facts, states)
