# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of AWS with the names of members as Ansible writes them (C(sourceServerID) as C(source_server_id))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

FREE_NAMES = frozenset({"parameters", "tags", "volumeToConversionMap", "volumeToProductCodes", "volumeToVolumeSize"})
"""Members of DRS's answers that are maps: people and machines name what is in them, not the API."""


def snake_case(value: Any) -> Any:
    """Return an answer with its members' names in snake case; values, and names in maps, stay as they are."""
    if isinstance(value, Mapping):
        return {
            _NEXT_WORD.sub("_", name).lower(): member if name in FREE_NAMES else snake_case(member)
            for name, member in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [snake_case(member) for member in value]
    return value
