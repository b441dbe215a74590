# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: what AWS accepts, and what has to be set and removed.

Source: Tagging AWS Resources, "Tag naming limits and requirements"; EC2 User Guide, "Tag your Amazon EC2 resources".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import DeclarationError, Problem

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256
RESERVED_PREFIX = "aws:"
PROTECTED_PREFIXES = (RESERVED_PREFIX, "AWSElasticDisasterRecovery", "drs.amazonaws.com")
"""Keys that AWS and DRS own: never removed."""


@dataclass(frozen=True, slots=True)
class TagChanges:
    """What has to be written."""

    to_set: Mapping[str, str]
    to_remove: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.to_set or self.to_remove)


def tag_problems(tags: Mapping[str, str], where: str) -> list[Problem]:
    """Return what AWS would refuse: more than 50 tags, bad lengths or characters, the prefix C(aws:)."""
    problems = [
        Problem(repr(text), f"{where}.{key}", remedy)
        for key, value in tags.items()
        for text, remedy in (*_key_remedies(key), *_value_remedies(value))
    ]
    if len(tags) > MAX_TAGS:
        problems.append(Problem(f"{len(tags)} tags", where, f"a resource has at most {MAX_TAGS}: remove some"))
    return problems


def merge_changes(
    actual: Mapping[str, str],
    wanted: Mapping[str, str],
    *,
    purge: bool = False,
    protected: Sequence[str] = PROTECTED_PREFIXES,
    where: str = "tags",
) -> TagChanges:
    """Return the changes that bring C(actual) to C(wanted).

    Args:
        actual: Tags of the resource.
        wanted: Tags that it must have.
        purge: Whether all other tags are removed.
        protected: Prefixes of keys that are never removed.
        where: What is tagged, for messages.

    Raises:
        DeclarationError: The resource would have more than 50 tags (those of C(aws:) do not count).
    """
    to_set = {key: value for key, value in wanted.items() if actual.get(key) != value}
    to_remove = tuple(
        sorted(key for key in actual if purge and key not in wanted and not key.startswith(tuple(protected)))
    )
    left = (actual.keys() | wanted.keys()) - set(to_remove)
    count = sum(not key.lower().startswith(RESERVED_PREFIX) for key in left)
    if count > MAX_TAGS:
        remedy = f"a resource has at most {MAX_TAGS}: declare fewer, or remove some of those it has"
        raise DeclarationError([Problem(f"{count} tags", where, remedy)])
    return TagChanges(to_set, to_remove)


def _key_remedies(key: str) -> list[tuple[str, str]]:
    if not 1 <= len(key) <= MAX_KEY:
        return [(key, f"a tag's key has 1 to {MAX_KEY} characters")]
    if key.lower().startswith(RESERVED_PREFIX):
        return [(key, f"keys that start with {RESERVED_PREFIX} are reserved by AWS: choose another")]
    return [] if _allowed(key) else [(key, _CHARACTERS)]


def _value_remedies(value: str) -> list[tuple[str, str]]:
    if len(value) > MAX_VALUE:
        return [(value, f"a tag's value has at most {MAX_VALUE} characters")]
    return [] if _allowed(value) else [(value, _CHARACTERS)]


_CHARACTERS = "use letters, digits, spaces and + - = . _ : / @"


def _allowed(text: str) -> bool:
    return all(character.isalnum() or character in " +-=._:/@" for character in text)
