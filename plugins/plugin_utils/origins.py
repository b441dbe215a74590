# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which file and line a value of a declaration was written, as far as Ansible remembers.

ansible-core tags what it reads from inventories and variable files with its origin. It has no public way to read the
tag, so that everything here works without it as well, and then tells no file.
This plugin util is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

try:
    from ansible._internal._datatag._tags import Origin

    KNOWN = True
except ImportError:
    KNOWN = False

STEP = re.compile(r"\[(\d+)\]|\.([A-Za-z0-9_]+)")


def origin_of_problem(variables: Mapping[str, Any], *texts: str) -> str:
    """Return where the value was written that a problem is about (C(/path/network.yml:12:17)).

    Args:
        variables: The declaration, by the names of its variables.
        texts: What the problem says, the most telling first. The first of them that names a variable, or something in
            it (C(dr_subnet_map[0].failover.cidr)), decides.

    Returns:
        File, line and column of that value, or of what it is in; empty when that is not known.
    """
    if not variables:
        return ""
    names = "|".join(re.escape(name) for name in variables)
    named = re.compile(rf"\b({names})\b((?:{STEP.pattern})*)")
    for text in texts:
        found = named.search(text)
        if found:
            return _origin_of(variables[found[1]], found[2])
    return ""


def _origin_of(value: Any, path: str) -> str:
    origin = _own_origin(value)
    for step in STEP.finditer(path):
        index, key = step.groups()
        if index is not None and isinstance(value, (list, tuple)) and int(index) < len(value):
            value = value[int(index)]
        elif key is not None and isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            break
        origin = _own_origin(value) or origin
    return origin


def _own_origin(value: Any) -> str:
    tag = Origin.get_tag(value) if KNOWN else None
    return str(tag) if tag else ""
