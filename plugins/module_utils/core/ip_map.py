# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IP map: which address every server's interface has in every network profile.

Table layout: architecture, section 4. This file decides; C(aws/) reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

from .addresses import (
    AddressError,
    AddressOverride,
    AddressRule,
    Home,
    Homes,
    NetworkTarget,
    Origin,
    SubnetMap,
    SubnetRule,
    check_address,
    translate,
)
from .errors import Problems
from .runs import FAILBACK, PROFILES
from .source_servers import Interface, SourceServer

AddressPlace = tuple[str, int, str]
"""Server key, interface and profile: what has an address."""

REQUIRED_PROFILES = ("failover", "test")
"""Profiles that every server needs an address in; C(failback) is planned where the subnet map or EC2 tells where."""


@dataclass(frozen=True, slots=True)
class EntrySource:
    """Where the interface is in the source network."""

    address: str
    subnet_cidr: str
    hostname: str
    account_id: str
    instance_id: str | None
    instance_type: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileAddress:
    """Where the interface launches in one profile.

    Attributes:
        address: None for a dynamic one.
        staging_subnet_id: Where the server replicates to while it would launch here; empty where that stays.
    """

    subnet_id: str
    cidr: str
    address: str | None
    security_groups: tuple[str, ...]
    rule: str
    staging_subnet_id: str = ""


@dataclass(frozen=True, slots=True)
class DrsIdentity:
    """The source server that the entry was last correlated with."""

    source_server_id: str
    account_id: str
    region: str


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One interface of one server.

    Attributes:
        version: 0 until it is stored, then counting up from 1.
    """

    server_key: str
    interface: int
    source: EntrySource
    profiles: Mapping[str, ProfileAddress]
    drs: DrsIdentity
    version: int = 0
    updated_at: str = ""
    updated_by: str = ""

    @property
    def id(self) -> tuple[str, int]:
        """Server key and interface: what identifies the entry."""
        return (self.server_key, self.interface)

    @property
    def name(self) -> str:
        """The entry for a person: C(key/interface)."""
        return f"{self.server_key}/{self.interface}"

    def reservations(self) -> tuple[Reservation, ...]:
        """Return the addresses that this entry holds; a dynamic address holds none."""
        return tuple(
            Reservation(target.subnet_id, target.address, self.server_key, self.interface, profile)
            for profile, target in self.profiles.items()
            if target.address is not None
        )


@dataclass(frozen=True, slots=True)
class Reservation:
    """An address of a subnet, held by one interface of one server in one profile."""

    subnet_id: str
    address: str
    server_key: str
    interface: int
    profile: str


@dataclass(frozen=True, slots=True)
class EntryVersion:
    """An entry as it is or was; the version with which it was C(deleted) has author and time of that."""

    entry: MapEntry
    deleted: bool


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry that differs from what is stored."""

    before: MapEntry
    after: MapEntry


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to happen so that the table says what is wanted."""

    create: tuple[MapEntry, ...]
    update: tuple[EntryChange, ...]
    delete: tuple[MapEntry, ...]
    unchanged: tuple[MapEntry, ...]

    @property
    def any(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.create or self.update or self.delete)

    @property
    def wanted(self) -> tuple[MapEntry, ...]:
        """The entries to write, created ones first."""
        return (*self.create, *(change.after for change in self.update))

    def names(self) -> dict[str, list[str]]:
        """Return the names of the entries that are created, updated and deleted."""
        return {
            "created": [entry.name for entry in self.create],
            "updated": [change.after.name for change in self.update],
            "deleted": [entry.name for entry in self.delete],
        }

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return C({before: {...}, after: {...}}) for Ansible's diff: only entries that change, by C(key/interface)."""
        before = [*(change.before for change in self.update), *self.delete]
        after = [*(change.after for change in self.update), *self.create]
        return {"before": _diff_side(before), "after": _diff_side(after)}


def plan_entries(
    servers: Iterable[SourceServer],
    subnet_map: SubnetMap,
    overrides: Sequence[AddressOverride] = (),
    *,
    imported: Mapping[AddressPlace, str] | None = None,
    profiles: Sequence[str] = REQUIRED_PROFILES,
    homes: Homes | None = None,
) -> list[MapEntry]:
    """Return the wanted entry of every interface of every server, ordered by key and interface.

    Args:
        servers: Source servers with their interfaces (see L(source_servers.with_instance_interfaces)).
        subnet_map: The declared subnet map.
        overrides: Declared explicit addresses.
        imported: Addresses of an imported plan (see L(imported_addresses)); a declared explicit address comes first.
        profiles: Profiles that every interface needs; further profiles of the subnet map are planned as well.
        homes: Where machines go back to when the subnet map does not say so (see L(original_networks.homes_of)).

    Raises:
        DeclarationError: Naming every problem of every server: no rule for a source address, an address that cannot
            be translated, an override that fits nothing, two interfaces that want one address.
    """
    problems = Problems()
    entries = collect_entries(
        servers, subnet_map, overrides, problems, imported=imported, profiles=profiles, homes=homes
    )
    problems.raise_if_any()
    return entries


def collect_entries(
    servers: Iterable[SourceServer],
    subnet_map: SubnetMap,
    overrides: Sequence[AddressOverride],
    problems: Problems,
    *,
    imported: Mapping[AddressPlace, str] | None = None,
    profiles: Sequence[str] = REQUIRED_PROFILES,
    homes: Homes | None = None,
) -> list[MapEntry]:
    """Return what L(plan_entries) returns, as far as it is known, and collect the problems instead of raising them."""
    explicit = {(override.server_key, override.interface, override.profile): override for override in overrides}
    entries: list[MapEntry] = []
    for server in sorted(servers, key=lambda server: server.key):
        if not server.interfaces:
            problems.add(
                server.key, server.source_server_id, "has no known network interface: see that EC2 can be asked"
            )
        for interface in server.interfaces:
            entry = _plan_entry(
                server, interface, subnet_map, explicit, imported or {}, profiles, homes or Homes(), problems
            )
            if entry is not None:
                entries.append(entry)
    for override in explicit.values():
        name = f"interface {override.interface} of {override.server_key} in profile {override.profile}"
        problems.add(override.address, override.where, f"is for {name}, which does not exist: correct or remove it")
    _check_unique(entries, problems)
    return entries


def imported_addresses(entries: Iterable[MapEntry]) -> dict[AddressPlace, str]:
    """Return the addresses that an import gave, by server key, interface and profile."""
    return {
        (entry.server_key, entry.interface, profile): target.address
        for entry in entries
        for profile, target in entry.profiles.items()
        if target.rule == AddressRule.IMPORTED and target.address is not None
    }


def by_server(entries: Iterable[MapEntry]) -> dict[str, list[MapEntry]]:
    """Return the entries of every server key, ordered by interface."""
    found: dict[str, list[MapEntry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        found.setdefault(entry.server_key, []).append(entry)
    return found


def compare(wanted: Iterable[MapEntry], existing: Iterable[MapEntry]) -> Changes:
    """Compare wanted entries with stored ones; version, time and author do not count.

    A created entry gets version 1, an updated one the stored version + 1. C(delete) has the stored entries that nobody
    wants any more.
    """
    stored = {entry.id: entry for entry in existing}
    create: list[MapEntry] = []
    update: list[EntryChange] = []
    unchanged: list[MapEntry] = []
    for entry in wanted:
        before = stored.pop(entry.id, None)
        if before is None:
            create.append(replace(entry, version=1))
        elif _content(before) == _content(entry):
            unchanged.append(before)
        else:
            update.append(EntryChange(before, replace(entry, version=before.version + 1)))
    return Changes(tuple(create), tuple(update), tuple(stored.values()), tuple(unchanged))


def entry_to_item(entry: MapEntry) -> dict[str, Any]:
    """Return the entry as a plain dict (no DynamoDB types), without the table's keys C(pk) and C(sk)."""
    return {**_content(entry), "version": entry.version, "updated_at": entry.updated_at, "updated_by": entry.updated_by}


def item_to_entry(item: Mapping[str, Any]) -> MapEntry:
    """Build an entry from a stored item; numbers may be C(Decimal)."""
    source, drs = item["source"], item["drs"]
    return MapEntry(
        server_key=item["server_key"],
        interface=int(item["interface"]),
        source=EntrySource(
            address=source["address"],
            subnet_cidr=source["subnet_cidr"],
            hostname=source["hostname"],
            account_id=source["account_id"],
            instance_id=source["instance_id"],
            instance_type=source.get("instance_type"),
        ),
        profiles={
            profile: ProfileAddress(
                subnet_id=target["subnet_id"],
                cidr=target["cidr"],
                address=target["address"],
                security_groups=tuple(target["security_groups"]),
                rule=target["rule"],
                staging_subnet_id=target.get("staging_subnet_id", ""),
            )
            for profile, target in item["profiles"].items()
        },
        drs=DrsIdentity(drs["source_server_id"], drs["account_id"], drs["region"]),
        version=int(item["version"]),
        updated_at=item["updated_at"],
        updated_by=item["updated_by"],
    )


def _plan_entry(
    server: SourceServer,
    interface: Interface,
    subnet_map: SubnetMap,
    explicit: dict[AddressPlace, AddressOverride],
    imported: Mapping[AddressPlace, str],
    profiles: Sequence[str],
    homes: Homes,
    problems: Problems,
) -> MapEntry | None:
    """Return the entry of one interface; takes the overrides that it uses out of C(explicit)."""
    own = {profile: explicit.pop((server.key, interface.index, profile), None) for profile in PROFILES}
    place = f"interface {interface.index} of {server.key} ({server.source_server_id})"
    address = interface.address or ""
    origin = server.origin_of(interface, subnet_map.source_region)
    rule = _find_rule(address, origin, subnet_map, place, problems)
    if rule is None:
        return None
    missing = [profile for profile in profiles if profile not in rule.targets]
    if missing:
        problems.add(
            address, place, f"its source subnet {rule.source_cidr} has no target for {', '.join(missing)}: map it"
        )
    targets: dict[str, ProfileAddress] = {}
    for profile, target in rule.targets.items():
        try:
            given = imported.get((server.key, interface.index, profile))
            targets[profile] = _profile_address(address, rule.source_cidr, target, own.pop(profile), given)
        except AddressError as error:
            problems.add(address, f"{place}, profile {profile}", f"{error} (it is mapped by {rule.where}.{profile})")
    home = homes.interfaces.get((server.source_server_id, interface.index))
    if home is not None and FAILBACK not in rule.targets:
        try:
            given = imported.get((server.key, interface.index, FAILBACK))
            targets[FAILBACK] = _original_address(home, own.pop(FAILBACK), given)
        except AddressError as error:
            problems.add(address, f"{place}, profile {FAILBACK}", f"{error} (its original subnet)")
    for override in filter(None, own.values()):
        problems.add(
            override.address, override.where, f"source subnet {rule.source_cidr} has no {override.profile} target"
        )
    return MapEntry(
        server_key=server.key,
        interface=interface.index,
        source=EntrySource(
            address=address,
            subnet_cidr=str(rule.source_cidr),
            hostname=server.hostname,
            account_id=server.origin_account_id or server.account_id,
            instance_id=server.aws_instance_id,
            instance_type=homes.instance_types.get(server.source_server_id),
        ),
        profiles=targets,
        drs=DrsIdentity(server.source_server_id, server.account_id, server.region),
    )


def _find_rule(
    address: str, origin: Origin, subnet_map: SubnetMap, place: str, problems: Problems
) -> SubnetRule | None:
    try:
        rule = subnet_map.find(address, origin)
    except AddressError as error:
        problems.add(address, place, str(error))
        return None
    if rule is None:
        others = [f"{other.where} (for {other.source})" for other in subnet_map.for_others(address, origin)]
        remedy = "no source_cidr of dr_subnet_map holds this address: map its subnet"
        if others:
            remedy = f"{', '.join(others)} does not apply to {origin}: map its subnet there"
        problems.add(address, place, remedy)
    return rule


def _profile_address(
    address: str, source: IPv4Network, target: NetworkTarget, override: AddressOverride | None, imported: str | None
) -> ProfileAddress:
    return _given_address(target, override, imported) or _in_target(
        target, translate(address, source, target), target.rule
    )


def _original_address(home: Home, override: AddressOverride | None, imported: str | None) -> ProfileAddress:
    given = _given_address(home.target, override, imported)
    return given or _in_target(home.target, check_address(home.address, home.target.cidr), AddressRule.ORIGINAL)


def _given_address(
    target: NetworkTarget, override: AddressOverride | None, imported: str | None
) -> ProfileAddress | None:
    if override is not None:
        return _in_target(target, check_address(override.address, target.cidr), AddressRule.EXPLICIT)
    if imported is not None:
        return _in_target(target, _check_imported(imported, target.cidr), AddressRule.IMPORTED)
    return None


def _in_target(target: NetworkTarget, address: str | None, rule: AddressRule) -> ProfileAddress:
    return ProfileAddress(
        target.subnet_id, str(target.cidr), address, target.security_groups, str(rule), target.staging_subnet_id
    )


def _check_imported(address: str, cidr: IPv4Network) -> str:
    try:
        return check_address(address, cidr)
    except AddressError as error:
        raise AddressError(
            f"its imported address does not fit any more: {error}; or import another address, or give the imported "
            "one up (dr_imported_addresses: replace)"
        ) from error


def _check_unique(entries: Iterable[MapEntry], problems: Problems) -> None:
    holders: dict[tuple[str, str], Reservation] = {}
    for entry in entries:
        for wanted in entry.reservations():
            holder = holders.setdefault((wanted.subnet_id, wanted.address), wanted)
            if holder is not wanted and not _is_round_trip(holder, wanted):
                problems.add(
                    wanted.address,
                    f"interface {wanted.interface} of {wanted.server_key}, profile {wanted.profile}",
                    f"interface {holder.interface} of {holder.server_key} has this address of {wanted.subnet_id} in "
                    f"profile {holder.profile}: give one of them another in dr_addresses",
                )


def _is_round_trip(one: Reservation, other: Reservation) -> bool:
    """Whether a machine fails over to where it goes back to, as one does that runs recovered in its own Region."""
    same = (one.server_key, one.interface) == (other.server_key, other.interface)
    return same and FAILBACK in (one.profile, other.profile) and one.profile != other.profile


def _content(entry: MapEntry) -> dict[str, Any]:
    """Return what an entry says, without its version, time and author."""
    return {
        "server_key": entry.server_key,
        "interface": entry.interface,
        "source": {
            "address": entry.source.address,
            "subnet_cidr": entry.source.subnet_cidr,
            "hostname": entry.source.hostname,
            "account_id": entry.source.account_id,
            "instance_id": entry.source.instance_id,
            "instance_type": entry.source.instance_type,
        },
        "profiles": {
            profile: {
                "subnet_id": target.subnet_id,
                "cidr": target.cidr,
                "address": target.address,
                "security_groups": list(target.security_groups),
                "rule": target.rule,
                # Only where it is declared: what was stored before this version has no such key.
                **({"staging_subnet_id": target.staging_subnet_id} if target.staging_subnet_id else {}),
            }
            for profile, target in entry.profiles.items()
        },
        "drs": {
            "source_server_id": entry.drs.source_server_id,
            "account_id": entry.drs.account_id,
            "region": entry.drs.region,
        },
    }


def _diff_side(entries: Iterable[MapEntry]) -> dict[str, Any]:
    return {entry.name: _content(entry) for entry in entries}
