# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts that no id ties to a known machine, compared by FQDN, host name and address, in that order.

They are joined only where nothing speaks against it and nothing else could be meant. What is not certain is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .correlation_findings import Finding, uncertainty
from .correlation_parts import LEVELS, Part, Slots
from .machines import MatchedBy

MOST_NAMESAKES = 50
"""A name or address that more parts share than this (C(localhost)) identifies nothing and is not used."""


def compare(parts: Sequence[Part]) -> list[Finding]:
    """Join parts that are the same by name or address; what is not certain is marked and reported."""
    certain = {part.key for part in parts if part.key and part.servers}
    findings: list[Finding] = []
    for level in LEVELS:
        namesakes: dict[str, list[Part]] = {}
        for part in parts:
            if part.owner is None and not part.uncertain:
                for value in part.compared_by(level):
                    namesakes.setdefault(value, []).append(part)
        for value, group in namesakes.items():
            if 1 < len(group) <= MOST_NAMESAKES and any(_wants(part) for part in group):
                findings += _compare_group(group, level, value, certain)
    return findings


def _compare_group(group: Sequence[Part], level: MatchedBy, value: str, certain: set[str]) -> list[Finding]:
    findings = []
    left = list({id(owner): owner for owner in map(_owner, group) if not owner.uncertain}.values())
    while left:
        family = _family(left, level)
        left = [part for part in left if part not in family]
        wanting = [part for part in family if _wants(part)]
        if len(family) < 2 or not wanting:
            continue
        if _all_agree(family):
            first = next((part for part in family if part.key), wanting[0])
            for part in family:
                if part is not first:
                    first.join(part, level)
            continue
        for part in family:
            part.uncertain = not (part.key and part.all_servers())
        findings.append(uncertainty(family, wanting, level, value, certain))
    return findings


def _wants(part: Part) -> bool:
    return part.needs_a_match or part.lacks_instance


def _owner(part: Part) -> Part:
    while part.owner is not None:
        part = part.owner
    return part


def _family(parts: Sequence[Part], level: MatchedBy) -> list[Part]:
    """Return the first part and all that could be the same as it or as each other."""
    family, rest = [parts[0]], list(parts[1:])
    for member in family:
        close = [part for part in rest if _could_be_same(member, part, level)]
        family += close
        rest = [part for part in rest if part not in close]
    return family


def _could_be_same(one: Part, other: Part, level: MatchedBy) -> bool:
    if one.is_bare_instance or other.is_bare_instance:
        # Names do not speak against it: an instance's private DNS name is not the name that its system has.
        sought, against = one.lacks_instance or other.lacks_instance, False
    else:
        sought, against = one.needs_a_match or other.needs_a_match, _names_differ(one, other, level)
    return sought and not against and _all_agree((one, other))


def _names_differ(one: Part, other: Part, level: MatchedBy) -> bool:
    """Whether what is stronger than C(level) says that they are not the same."""
    pairs = ((one.evidence[stronger], other.evidence[stronger]) for stronger in LEVELS[: LEVELS.index(level)])
    return any(first and second and not first & second for first, second in pairs)


def _all_agree(family: Iterable[Part]) -> bool:
    slots: Slots = {}
    return all(slots.setdefault(slot, value) == value for part in family for slot, value in part.slots.items())
