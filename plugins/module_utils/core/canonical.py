# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One text for one value: what hashes are taken of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def canonical(value: Any) -> str:
    """Return JSON that is equal for equal values: sorted keys, no spaces, C(Decimal)s as plain numbers.

    Raises:
        TypeError: C(value) holds something that JSON has no form for.
        OverflowError, ValueError: C(value) holds a number that is not finite.
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return C(value) built of JSON's own types: whole numbers as int, tuples as lists.

    DynamoDB gives numbers back as C(Decimal): an event must hash alike before and after it was stored.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, (Decimal, float)):
        return int(value) if value == value.__trunc__() else float(value)
    return value
