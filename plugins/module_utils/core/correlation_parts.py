# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a machine: what names another by its id, put together.

A source server names its instance (C(awsInstanceID)) and what it extends, DRS names the source server of what it
launched, an earlier correlation names what it found, and a tag names a server key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .machines import (
    ENDED,
    FAILBACK,
    Instance,
    KnownMachine,
    MatchedBy,
    RecoveryInstance,
    declared_key,
    reference,
    reference_of_arn,
)
from .source_servers import SourceServer

LEVELS = (MatchedBy.FQDN, MatchedBy.HOSTNAME, MatchedBy.ADDRESS)
"""By what parts are compared that no id ties to a known machine, the strongest first."""

SOURCE_INSTANCE = ("source instance",)
ORIGIN = ("origin",)

Slots = dict[tuple[str, ...], str]
"""What a machine can have only one of, and which one it is."""


@dataclass(slots=True, eq=False)
class Part:
    """Things that are one machine for certain, and those that were joined to them by comparison.

    Attributes:
        tagged: Keys that tags give.
        slots: What it can have only one of.
        clashes: What it has two of, for a person.
        evidence: What it is compared by at each level.
        joined: Parts that comparison showed to be the same, each with the level.
        owner: The part that this one was joined to.
    """

    servers: list[SourceServer] = field(default_factory=list)
    instance_ids: list[str] = field(default_factory=list)
    recoveries: list[RecoveryInstance] = field(default_factory=list)
    known: list[KnownMachine] = field(default_factory=list)
    tagged: set[str] = field(default_factory=set)
    slots: Slots = field(default_factory=dict)
    clashes: list[str] = field(default_factory=list)
    evidence: dict[str, set[str]] = field(default_factory=lambda: {level: set() for level in LEVELS})
    joined: list[tuple[Part, MatchedBy]] = field(default_factory=list)
    owner: Part | None = None
    uncertain: bool = False

    @property
    def key(self) -> str:
        """The key that is certain, empty when there is none."""
        return self.slots.get(("key",), "")

    @property
    def needs_a_match(self) -> bool:
        """Whether it might be a machine that is known already."""
        return not self.key and bool(self.servers or self.recoveries)

    @property
    def is_bare_instance(self) -> bool:
        """Whether nothing but EC2 tells of it."""
        return not (self.servers or self.recoveries or self.known or self.tagged)

    @property
    def lacks_instance(self) -> bool:
        """Whether its source may be an instance, and DRS does not say which."""
        return SOURCE_INSTANCE not in self.slots and bool(self.all_servers())

    def compared_by(self, level: MatchedBy) -> set[str]:
        """Return what it is looked up by at a level: a key that no source server bears yet may be a name as well."""
        named = level != MatchedBy.ADDRESS and self.key and not self.servers
        return self.evidence[level] | {self.key} if named else self.evidence[level]

    def take(self, slot: tuple[str, ...], value: str) -> None:
        """Fill a slot, or remember that it was filled otherwise."""
        other = self.slots.setdefault(slot, value)
        if other != value:
            self.clashes.append(f"{' '.join(slot)}: {other} and {value}")

    def show(self, level: MatchedBy, *values: str) -> None:
        """Add what it is compared by."""
        self.evidence[level].update(value.lower() for value in values if value)

    def join(self, other: Part, level: MatchedBy) -> None:
        """Take in another part that comparison at C(level) showed to be the same."""
        other.owner = self
        self.joined += [(other, level), *other.joined]
        self.slots |= other.slots
        for name, values in other.evidence.items():
            self.evidence[name] |= values

    def members(self) -> Iterator[tuple[Part, MatchedBy | None]]:
        """Yield the part itself and all that were joined to it."""
        yield self, None
        yield from self.joined

    def all_servers(self) -> list[SourceServer]:
        """Return the source servers of the part and of all that were joined to it."""
        return [server for member, _level in self.members() for server in member.servers]

    def named_instance_ids(self) -> list[str]:
        """Return the instances that the part itself has or names."""
        ids = [
            *self.instance_ids,
            *(server.aws_instance_id for server in self.servers if server.aws_instance_id),
            *(recovery.instance_id for recovery in self.recoveries),
        ]
        return list(dict.fromkeys(ids))


class _Sets:
    """Disjoint sets of names."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        """Return the name that stands for the set of C(name)."""
        parent = self._parent
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        self._parent[self.root(other)] = self.root(one)


class Links:
    """What names what by its id.

    Names of the sets are C(s:) and a source server, C(i:) and an instance id, C(k:) and a server key.
    """

    def __init__(
        self,
        servers: Sequence[SourceServer],
        instances: Mapping[str, Instance],
        recoveries: Sequence[RecoveryInstance],
        known: Sequence[KnownMachine],
        planned: Mapping[tuple[str, str], str],
        key_tag: str,
    ) -> None:
        self.servers = {reference(server): server for server in servers}
        self.instances = instances
        self.recoveries = recoveries
        self.known = known
        self.tag_of_instance = {
            instance_id: key for instance_id, item in instances.items() if (key := declared_key(item.tags, key_tag))
        }
        self.by_plan = {
            instance_id: planned[place]
            for instance_id, item in instances.items()
            if item.may_be_launched_into and instance_id not in self.tag_of_instance
            for place in item.addresses
            if place in planned
        }
        self.launched = {recovery.instance_id: recovery for recovery in recoveries}
        self._sets = _Sets()
        self._join()

    def parts(self) -> list[Part]:
        """Return what belongs together, in the order of what was given."""
        parts: dict[str, Part] = {}

        def part(name: str) -> Part:
            return parts.setdefault(self._sets.root(name), Part())

        for ref, server in self.servers.items():
            _add_server(part(f"s:{ref}"), ref, server)
        for recovery in self.recoveries:
            found = part(f"i:{recovery.instance_id}")
            found.recoveries.append(recovery)
            found.show(MatchedBy.FQDN, recovery.fqdn)
            found.show(MatchedBy.HOSTNAME, recovery.hostname)
        for instance_id in self.instances:
            found = part(f"i:{instance_id}")
            found.instance_ids.append(instance_id)
            if key := self.tag_of_instance.get(instance_id):
                found.tagged.add(key)
                found.take(("key",), key)
        for machine in self.known:
            found = part(f"k:{machine.server_key}")
            found.known.append(machine)
            found.take(("key",), machine.server_key)
            found.show(MatchedBy.FQDN, machine.fqdn)
            found.show(MatchedBy.HOSTNAME, machine.hostname)
            found.show(MatchedBy.ADDRESS, *machine.addresses)
        for found in parts.values():
            if found.is_bare_instance:
                for instance_id in found.instance_ids:
                    _add_bare_instance(found, self.instances[instance_id])
            elif found.lacks_instance:
                self._add_source(found)
        return list(parts.values())

    def _add_source(self, part: Part) -> None:
        """Take as source what only a tag or an earlier correlation names."""
        sources = [
            instance_id
            for instance_id in part.instance_ids
            if instance_id not in self.launched and not self.instances[instance_id].may_be_launched_into
        ]
        if len(sources) == 1:
            part.take(SOURCE_INSTANCE, sources[0])

    def _join(self) -> None:
        keys_of_instance: dict[str, set[str]] = {
            instance_id: {key} for instance_id, key in self.tag_of_instance.items()
        }
        for ref, server in self.servers.items():
            key = declared_key(server.tags)
            if key:
                self._sets.join(f"k:{key}", f"s:{ref}")
            if server.aws_instance_id:
                self._sets.join(f"s:{ref}", f"i:{server.aws_instance_id}")
                keys_of_instance.setdefault(server.aws_instance_id, set()).update({key} if key else ())
            if server.staging_arn:
                self._sets.join(f"s:{ref}", f"s:{reference_of_arn(server.staging_arn)}")
        for recovery in self.recoveries:
            self._sets.join(f"s:{recovery.source_server}", f"i:{recovery.instance_id}")
        for instance_id in self.instances:
            key = self.tag_of_instance.get(instance_id) or self.by_plan.get(instance_id, "")
            if key:
                self._sets.join(f"k:{key}", f"i:{instance_id}")
        self._join_known(keys_of_instance)

    def _join_known(self, keys_of_instance: Mapping[str, set[str]]) -> None:
        # A tag that names another key says that it is another machine now, whatever its id was known as.
        for machine in self.known:
            for ref in machine.source_servers:
                tags = self.servers[ref].tags if ref in self.servers else {}
                if declared_key(tags) in ("", machine.server_key):
                    self._sets.join(f"k:{machine.server_key}", f"s:{ref}")
            for instance_id in machine.instance_ids:
                if keys_of_instance.get(instance_id, set()) <= {machine.server_key}:
                    self._sets.join(f"k:{machine.server_key}", f"i:{instance_id}")


def _add_server(part: Part, ref: str, server: SourceServer) -> None:
    part.servers.append(server)
    key = declared_key(server.tags)
    if key:
        part.tagged.add(key)
        part.take(("key",), key)
    part.show(MatchedBy.FQDN, server.fqdn)
    part.show(MatchedBy.HOSTNAME, server.hostname)
    part.show(MatchedBy.ADDRESS, *addresses_of(server))
    if server.replication_state in ENDED:
        return
    place = f"account {server.account_id}, Region {server.region}"
    if server.replication_direction == FAILBACK:
        part.take(("failback server in", place), ref)
        if server.aws_instance_id:
            part.take(("failback instance",), server.aws_instance_id)
        return
    part.take(("source server in", place), ref)
    if server.aws_instance_id:
        part.take(SOURCE_INSTANCE, server.aws_instance_id)
    if server.origin_account_id:
        part.take(ORIGIN, f"{server.origin_account_id}/{server.origin_region}")


def _add_bare_instance(part: Part, instance: Instance) -> None:
    place = f"{instance.account_id}/{instance.region}"
    part.take(SOURCE_INSTANCE, instance.instance_id)
    part.take(ORIGIN, place)
    part.show(MatchedBy.FQDN, instance.private_dns_name)
    part.show(MatchedBy.HOSTNAME, instance.private_dns_name.split(".")[0])
    part.show(MatchedBy.ADDRESS, *(f"{place}/{address}" for _subnet_id, address in instance.addresses))


def addresses_of(server: SourceServer) -> tuple[str, ...]:
    """Return the source addresses of a server, each as C(account/region/address): private ones are used many times."""
    place = f"{server.origin_account_id}/{server.origin_region}"
    return tuple(f"{place}/{address}" for interface in server.interfaces for address in interface.addresses)


def primary_server(servers: Iterable[SourceServer]) -> SourceServer:
    """Return the source server that a machine is named after."""
    return min(servers, key=precedence)


def precedence(server: SourceServer) -> tuple[bool, bool, bool, str]:
    """Order source servers: one that leads to the recovery site before one that leads back, one that works first."""
    return (
        server.replication_direction == FAILBACK,
        server.replication_state in ENDED,
        not server.is_extended,
        reference(server),
    )
