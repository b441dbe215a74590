# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: what AWS accepts, and what has to be set and removed.

Source: Tagging AWS Resources, "Tag naming limits and requirements"; EC2 User Guide, "Tag your Amazon EC2 resources".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from .errors import DeclarationError, Problem

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256
RESERVED_PREFIX = "aws:"
PROTECTED_PREFIXES = (RESERVED_PREFIX, "AWSElasticDisasterRecovery", "drs.amazonaws.com")
"""Keys that AWS and DRS own: never removed."""

OWN_PREFIX = "dr:"
"""Keys by which this collection knows servers and jobs: never removed either."""


@dataclass(frozen=True, slots=True)
class TagChanges:
    """What has to be written."""

    to_set: Mapping[str, str]
    to_remove: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.to_set or self.to_remove)

    def applied(self, actual: Mapping[str, str]) -> dict[str, str]:
        """Return the tags of a resource that had C(actual) after the changes."""
        kept = {key: value for key, value in actual.items() if key not in self.to_remove}
        return {**kept, **self.to_set}


def tag_problems(tags: Mapping[str, str], where: str) -> list[Problem]:
    """Return what AWS would refuse: more than 50 tags, bad lengths or characters, the prefix C(aws:)."""
    problems = [
        problem
        for key, value in tags.items()
        for problem in (*key_problems(key, f"{where}.{key}"), *value_problems(value, f"{where}.{key}"))
    ]
    if len(tags) > MAX_TAGS:
        problems.append(Problem(f"{len(tags)} tags", where, f"a resource has at most {MAX_TAGS}: remove some"))
    return problems


def is_protected(key: str) -> bool:
    """Whether a key belongs to AWS, to DRS or to this collection, so that no policy removes or copies it."""
    return key.startswith((*PROTECTED_PREFIXES, OWN_PREFIX))


def merge_changes(
    actual: Mapping[str, str],
    wanted: Mapping[str, str],
    *,
    purge: bool = False,
    kept: Collection[str] = (),
    where: str = "tags",
) -> TagChanges:
    """Return the changes that bring C(actual) to C(wanted).

    Args:
        actual: Tags of the resource.
        wanted: Tags that it must have.
        purge: Whether all other tags are removed, but not those that L(is_protected) names.
        kept: Keys that are not removed either.
        where: What is tagged, for messages.

    Raises:
        DeclarationError: The resource would have more than 50 tags (those of C(aws:) do not count).
    """
    to_set = {key: value for key, value in wanted.items() if actual.get(key) != value}
    others = (key for key in actual if purge and key not in wanted and key not in kept)
    to_remove = tuple(sorted(key for key in others if not is_protected(key)))
    count = _count((actual.keys() | wanted.keys()) - set(to_remove))
    if count > MAX_TAGS:
        remedy = f"a resource has at most {MAX_TAGS}: declare fewer, or remove some of those it has"
        raise DeclarationError([Problem(f"{count} tags", where, remedy)])
    return TagChanges(to_set, to_remove)


def must_remove_first(actual: Mapping[str, str], changes: TagChanges) -> bool:
    """Whether a resource that had C(actual) would have too many tags if the new ones were set before others go."""
    return _count(actual.keys() | changes.to_set.keys()) > MAX_TAGS


def key_problems(key: str, where: str) -> list[Problem]:
    """Return what AWS would refuse of a tag's key."""
    if not 1 <= len(key) <= MAX_KEY:
        return [Problem(repr(key), where, f"a tag's key has 1 to {MAX_KEY} characters")]
    if key.lower().startswith(RESERVED_PREFIX):
        remedy = f"keys that start with {RESERVED_PREFIX} are reserved by AWS: choose another"
        return [Problem(repr(key), where, remedy)]
    return [] if _allowed(key) else [Problem(repr(key), where, _CHARACTERS)]


def value_problems(value: str, where: str) -> list[Problem]:
    """Return what AWS would refuse of a tag's value."""
    if len(value) > MAX_VALUE:
        return [Problem(repr(value), where, f"a tag's value has at most {MAX_VALUE} characters")]
    return [] if _allowed(value) else [Problem(repr(value), where, _CHARACTERS)]


_CHARACTERS = "use letters, digits, spaces and + - = . _ : / @"


def _count(keys: Iterable[str]) -> int:
    return sum(not key.lower().startswith(RESERVED_PREFIX) for key in keys)


def _allowed(text: str) -> bool:
    return all(character.isalnum() or character in " +-=._:/@" for character in text)
