# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: what AWS accepts, and what has to be set and removed.

Source: Tagging AWS Resources, "Tag naming limits and requirements"; EC2 User Guide, "Tag your Amazon EC2 resources".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import Problem

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256
PROTECTED_PREFIXES = ("aws:", "AWSElasticDisasterRecovery", "drs.amazonaws.com")
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
    raise NotImplementedError


def merge_changes(
    actual: Mapping[str, str],
    wanted: Mapping[str, str],
    *,
    purge: bool = False,
    protected: Sequence[str] = PROTECTED_PREFIXES,
) -> TagChanges:
    """Return the changes that bring C(actual) to C(wanted).

    Args:
        actual: Tags of the resource.
        wanted: Tags that it must have.
        purge: Whether all other tags are removed.
        protected: Prefixes of keys that are never removed.

    Raises:
        DeclarationError: The result would have more than 50 tags, C(aws:) ones not counted.
    """
    raise NotImplementedError
