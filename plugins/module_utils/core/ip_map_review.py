# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an address plan changes in the IP map, and what of it cannot be.

An address in the file that is not the stored one becomes the address of the interface; C(map) gives an imported address
up for what the subnet map says; a line that is missing changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from .addresses import AddressError, AddressRule, check_address
from .errors import Problem, Problems
from .ip_map import AddressPlace, Changes, EntryChange, MapEntry, ProfileAddress
from .ip_map_csv import FORMULA_STARTS, PlanRow

BY_THE_MAP = "map"
"""What the column C(address) says to give an imported address up."""

FIXED_COLUMNS = {
    "subnet_id": "change dr_subnet_map",
    "cidr": "change dr_subnet_map",
    "rule": f"change dr_subnet_map, or write {BY_THE_MAP} into the column address to give an imported address up",
}
"""Columns that an import cannot change, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An address that the plan changes; C(address) is None where the subnet map shall say it."""

    row: PlanRow
    address: str | None

    @property
    def place(self) -> AddressPlace:
        """Server key, interface and profile."""
        return (self.row.server_key, self.row.interface, self.row.profile)

    @property
    def where(self) -> str:
        """The cell, for messages."""
        return self.row.at("address")


def review(rows: Iterable[PlanRow], stored: Iterable[MapEntry], problems: Problems) -> list[Edit]:
    """Compare a plan with the whole IP map.

    Args:
        rows: Rows of the plan.
        stored: All entries of the map.
        problems: Collects what cannot be: servers, interfaces and profiles that are not in the map, lines that say
            something of one address twice, entries that were changed since the export, addresses outside of their
            subnet, reserved ones, addresses that somebody else has.

    Returns:
        The changes of addresses, those that cannot be left out.
    """
    entries = {entry.id: entry for entry in stored}
    servers = {entry.server_key for entry in entries.values()}
    first_rows: dict[AddressPlace, PlanRow] = {}
    edits: list[Edit] = []
    for row in rows:
        place = (row.server_key, row.interface, row.profile)
        first = first_rows.setdefault(place, row)
        if first is not row:
            remedy = f"line {first.line} is about the same interface and profile: keep one of the two"
            problems.add(row.address, row.at("address"), remedy)
            continue
        entry = _entry_of(row, entries, servers, problems)
        edit = _edit_of(row, entry, problems) if entry else None
        if edit is not None:
            edits.append(edit)
    return _without_doubles(edits, entries.values(), problems)


def imported_with(edits: Iterable[Edit], imported: Mapping[AddressPlace, str]) -> dict[AddressPlace, str]:
    """Return the imported addresses as they will be."""
    result = dict(imported)
    for edit in edits:
        result.pop(edit.place, None)
        if edit.address is not None:
            result[edit.place] = edit.address
    return result


def changes_of(
    edits: Sequence[Edit], stored: Iterable[MapEntry], planned: Iterable[MapEntry], problems: Problems
) -> Changes:
    """Return what has to be written: of every entry only the addresses that the plan changes.

    Args:
        edits: Changes of addresses.
        stored: All entries of the map.
        planned: Entries as the declared subnet map and the new imported addresses give them.
        problems: Collects what the inventory does not allow.
    """
    by_id = {entry.id: entry for entry in stored}
    wanted = {entry.id: entry for entry in planned}
    after: dict[tuple[str, int], MapEntry] = {}
    for edit in edits:
        entry_id = (edit.row.server_key, edit.row.interface)
        before = by_id[entry_id].profiles[edit.row.profile]
        target = wanted[entry_id].profiles.get(edit.row.profile) if entry_id in wanted else None
        if not _is_allowed(edit, before, target, problems) or target is None:
            continue
        entry = after.get(entry_id, by_id[entry_id])
        after[entry_id] = replace(entry, profiles={**entry.profiles, edit.row.profile: target})
    updates = [
        EntryChange(by_id[entry_id], replace(entry, version=entry.version + 1))
        for entry_id, entry in sorted(after.items())
        if entry != by_id[entry_id]
    ]
    return Changes(create=(), update=tuple(updates), delete=(), unchanged=())


def only_edited(changes: Changes, edits: Iterable[Edit]) -> list[MapEntry]:
    """Return the entries to write with nothing but the addresses that the plan changes."""
    edited = {edit.place for edit in edits}
    return [
        replace(
            entry,
            profiles={name: target for name, target in entry.profiles.items() if (*entry.id, name) in edited},
        )
        for entry in changes.wanted
    ]


def located(found: Iterable[Problem], edits: Iterable[Edit]) -> list[Problem]:
    """Return problems of addresses with the cell that they come from, instead of the interface and profile."""
    cells = {f"interface {edit.place[1]} of {edit.place[0]}, profile {edit.place[2]}": edit.where for edit in edits}
    return [replace(problem, where=cells.get(problem.where, problem.where)) for problem in found]


def summary_lines(changes: Changes) -> list[str]:
    """Return a line for every address that changes, for a person."""
    return [
        f"{change.after.name} {profile}: {_shown(change.before.profiles[profile])} -> {_shown(target)}"
        for change in changes.update
        for profile, target in change.after.profiles.items()
        if target != change.before.profiles[profile]
    ]


def _entry_of(
    row: PlanRow, entries: Mapping[tuple[str, int], MapEntry], servers: set[str], problems: Problems
) -> MapEntry | None:
    entry = entries.get((row.server_key, row.interface))
    if row.server_key not in servers:
        problems.add(
            row.server_key, row.at("server_key"), "is no server of the IP map: correct it, or run configure first"
        )
    elif entry is None:
        problems.add(row.interface, row.at("interface"), f"{row.server_key} has no such interface in the IP map")
    elif row.profile not in entry.profiles:
        known = ", ".join(entry.profiles)
        problems.add(row.profile, row.at("profile"), f"{entry.name} has no address there, but in {known}")
    else:
        return entry
    return None


def _edit_of(row: PlanRow, entry: MapEntry, problems: Problems) -> Edit | None:
    target = entry.profiles[row.profile]
    is_current = row.version == entry.version
    if is_current:
        _check_fixed_columns(row, target, problems)
    if row.address.lower() == BY_THE_MAP:
        edit = Edit(row, None) if target.rule == AddressRule.IMPORTED else None
    elif row.address == (target.address or ""):
        edit = None
    elif not row.address:
        remedy = f"is empty: write an address, or {BY_THE_MAP} for what dr_subnet_map says, or delete the line"
        problems.add(row.address, row.at("address"), remedy)
        return None
    else:
        edit = _checked(row, target, problems)
    if edit is not None and not is_current:
        who = f"by {entry.updated_by} at {entry.updated_at}" if entry.updated_by else "meanwhile"
        remedy = (
            f"{entry.name} was changed {who}: the file has version {row.version} of it, the IP map {entry.version}. "
        )
        problems.add(row.address, row.at("version"), remedy + "Export the plan again and edit that")
        return None
    return edit


def _checked(row: PlanRow, target: ProfileAddress, problems: Problems) -> Edit | None:
    if row.address.startswith(FORMULA_STARTS):
        problems.add(row.address, row.at("address"), "is a formula: save its value")
        return None
    try:
        return Edit(row, check_address(row.address, IPv4Network(target.cidr)))
    except AddressError as error:
        problems.add(row.address, row.at("address"), str(error))
        return None


def _check_fixed_columns(row: PlanRow, target: ProfileAddress, problems: Problems) -> None:
    stored = {"subnet_id": target.subnet_id, "cidr": target.cidr, "rule": target.rule}
    for column, instead in FIXED_COLUMNS.items():
        text = row.cells.get(column, stored[column])
        if text != stored[column]:
            remedy = f"was {stored[column]}, and an import cannot change it: {instead}"
            problems.add(text, row.at(column), remedy)


def _without_doubles(edits: Sequence[Edit], entries: Iterable[MapEntry], problems: Problems) -> list[Edit]:
    """Return the edits but for those that want an address which another entry has, keeps or wants."""
    edited = {edit.place for edit in edits}
    holders: dict[tuple[str, str], tuple[tuple[str, int], str]] = {}
    subnets: dict[AddressPlace, str] = {}
    for entry in entries:
        for profile, target in entry.profiles.items():
            place = (*entry.id, profile)
            subnets[place] = target.subnet_id
            if place not in edited and target.address is not None:
                holder = f"is held by interface {entry.interface} of {entry.server_key}, profile {profile}"
                holders[(target.subnet_id, target.address)] = (entry.id, holder)
    free = []
    for edit in edits:
        if edit.address is not None:
            mine = (edit.place[:2], f"is what line {edit.row.line} gives interface {edit.place[1]} of {edit.place[0]}")
            owner, holder = holders.setdefault((subnets[edit.place], edit.address), mine)
            if owner != edit.place[:2]:
                problems.add(edit.address, edit.where, f"{holder} in {subnets[edit.place]}: choose another")
                continue
        free.append(edit)
    return free


def _is_allowed(edit: Edit, before: ProfileAddress, target: ProfileAddress | None, problems: Problems) -> bool:
    if target is None:
        remedy = "DRS has no such server, interface or network any more: run configure first, then export again"
        problems.add(edit.row.server_key, edit.row.at("server_key"), remedy)
    elif target.rule == AddressRule.EXPLICIT:
        problems.add(edit.row.address, edit.where, f"dr_addresses declares {target.address} here: change it there")
    elif (target.subnet_id, target.cidr) != (before.subnet_id, before.cidr):
        remedy = f"dr_subnet_map says {target.subnet_id} ({target.cidr}) now, the IP map {before.subnet_id} "
        problems.add(edit.row.address, edit.where, remedy + f"({before.cidr}): run configure first, then export again")
    else:
        return True
    return False


def _shown(target: ProfileAddress) -> str:
    return f"{target.address or 'dynamic'} ({target.rule})"
