# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a correlation has to remember, so that the next one recognises every machine, and what it corrects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .correlation import Correlation
from .correlation_findings import AMBIGUOUS
from .ip_map import Changes, DrsIdentity, EntryChange, MapEntry
from .machines import (
    KnownMachine,
    Machine,
    MatchedServer,
    Observed,
    known_from_entry,
    machine_to_item,
    reference,
)


@dataclass(frozen=True, slots=True)
class Pin:
    """A source server whose name says another key than its machine has: its tag has to say it."""

    source_server_id: str
    arn: str
    region: str
    server_key: str


@dataclass(frozen=True, slots=True)
class Writes:
    """What differs from what is stored.

    Attributes:
        store: Machines that are new or have changed, each with the stored version, 0 for none.
        forget: Machines that are gone and that the IP map does not have either, and those that have another key now.
        entries: Entries of the IP map that name another source server or instance than their machine has.
        pins: Source servers that must be tagged.
    """

    store: tuple[tuple[Machine, int], ...]
    forget: tuple[KnownMachine, ...]
    entries: Changes
    pins: tuple[Pin, ...]


def all_known(stored: Iterable[KnownMachine], entries: Iterable[MapEntry]) -> list[KnownMachine]:
    """Return what was stored, and what the IP map's entries tell of machines that were not.

    An entry whose source server is known as another machine is left from before that machine was renamed.
    """
    known = {machine.server_key: machine for machine in stored}
    taken = {ref for machine in known.values() for ref in machine.source_servers}
    for entry in entries:
        told = known_from_entry(entry)
        if taken.isdisjoint(told.source_servers):
            known.setdefault(entry.server_key, told)
    return list(known.values())


def planned_addresses(entries: Iterable[MapEntry]) -> dict[tuple[str, str], str]:
    """Return the server key of every address that the IP map holds, by subnet id and address."""
    return {
        (target.subnet_id, target.address): entry.server_key
        for entry in entries
        for target in entry.profiles.values()
        if target.address
    }


def plan_writes(
    correlation: Correlation,
    observed: Observed,
    known: Iterable[KnownMachine],
    entries: Iterable[MapEntry],
    *,
    account_id: str,
    region: str,
) -> Writes:
    """Return what has to be written after a correlation.

    Args:
        correlation: What was found.
        observed: What it was found in.
        known: What it was compared with (see L(all_known)).
        entries: The IP map.
        account_id: Account that recovers.
        region: Region that recovers; its source servers are what the IP map's entries are for.
    """
    entries = list(entries)
    stored = {machine.server_key: machine for machine in known if machine.version}
    mapped = {entry.server_key for entry in entries}
    owned = {server.reference for machine in correlation.machines.values() for server in machine.source_servers}
    gone = (
        machine
        for key, machine in stored.items()
        if key not in correlation.machines and (key not in mapped or owned.issuperset(machine.source_servers))
    )
    in_question = {key for finding in correlation.of_kind(AMBIGUOUS) for key in finding.server_keys}
    return Writes(
        store=tuple(
            (machine, stored[key].version if key in stored else 0)
            for key, machine in correlation.machines.items()
            if key not in stored or _identity(stored[key].content) != _identity(machine_to_item(machine))
        ),
        forget=tuple(machine for machine in gone if machine.server_key not in in_question),
        entries=_entry_changes(correlation.machines, entries, account_id, region),
        pins=tuple(_pins(correlation.machines, observed, account_id)),
    )


def _identity(content: Any) -> Any:
    """Return what is stored of a machine without what each thing was matched by: once known, that is always its id."""
    if isinstance(content, Mapping):
        told = {name: _identity(value) for name, value in content.items()}
        return {name: value for name, value in told.items() if name not in ("key_from", "matched_by")}
    return [_identity(item) for item in content] if isinstance(content, (list, tuple)) else content


def _entry_changes(
    machines: Mapping[str, Machine], entries: Iterable[MapEntry], account_id: str, region: str
) -> Changes:
    update = []
    for entry in entries:
        machine = machines.get(entry.server_key)
        server = machine.source_server_in(account_id, region) if machine else None
        after = _identified(entry, server) if server else entry
        if after != entry:
            update.append(EntryChange(entry, replace(after, version=entry.version + 1)))
    return Changes(create=(), update=tuple(update), delete=(), unchanged=())


def _identified(entry: MapEntry, server: MatchedServer) -> MapEntry:
    source = replace(
        entry.source,
        hostname=server.hostname,
        account_id=server.origin_account_id or server.account_id,
        instance_id=server.aws_instance_id,
    )
    return replace(entry, source=source, drs=DrsIdentity(server.source_server_id, server.account_id, server.region))


def _pins(machines: Mapping[str, Machine], observed: Observed, account_id: str) -> Iterable[Pin]:
    named = {reference(server): server for server in observed.source_servers}
    for key, machine in machines.items():
        for matched in machine.source_servers:
            server = named[matched.reference]
            if server.account_id == account_id and server.key != key and not matched.ended:
                yield Pin(server.source_server_id, server.arn, server.region, key)
