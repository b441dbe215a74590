# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between two documents, such as two versions of a plan, for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ADDED = "added"
REMOVED = "removed"
CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One place where two documents differ.

    Attributes:
        path: Where (C(waves[databases].timeout)).
        kind: C(added), C(removed) or C(changed).
        before: What was there; None where it was added.
        after: What is there now; None where it was removed.
    """

    path: str
    kind: str
    before: Any
    after: Any


def document_changes(before: Any, after: Any) -> list[Change]:
    """Return every place where two documents of JSON's types differ, in the order of their keys.

    Members of a list that have names are compared by name; another order of them is a change of the list itself.
    """
    return list(_changes("", before, after))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _members(path, before, after, "{path}.{name}" if path else "{name}")
    elif _named(before) is not None and _named(after) is not None:
        old, new = _named(before) or {}, _named(after) or {}
        yield from _members(path, old, new, "{path}[{name}]")
        kept = [name for name in new if name in old]
        if kept != [name for name in old if name in new]:
            yield Change(path, CHANGED, list(old), list(new))
    elif before != after:
        yield Change(path, CHANGED, before, after)


def _members(path: str, before: Mapping[str, Any], after: Mapping[str, Any], form: str) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        place = form.format(path=path, name=name)
        if name not in after:
            yield Change(place, REMOVED, before[name], None)
        elif name not in before:
            yield Change(place, ADDED, None, after[name])
        else:
            yield from _changes(place, before[name], after[name])


def _named(value: Any) -> dict[str, Any] | None:
    """Return the members of a list by their names, None when it is no list of things with names of their own."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    if not all(isinstance(member, Mapping) and isinstance(member.get("name"), str) for member in value):
        return None
    named = {member["name"]: member for member in value}
    return named if len(named) == len(value) else None
