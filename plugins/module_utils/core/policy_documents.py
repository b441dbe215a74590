# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a policy document allows somebody something: yes, no, or it cannot be told.

Only what trust and key policies of service roles use is understood; anything else makes the answer None, never a guess.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from operator import eq
from typing import Any


def allows(
    policy: Mapping[str, Any], action: str, *, principals: Iterable[str], context: Mapping[str, str]
) -> bool | None:
    """Return whether a resource's policy allows an action; None when that depends on what is not understood.

    Args:
        policy: The policy document.
        action: Like C(kms:ReEncryptFrom).
        principals: Everything that the caller may be called in a C(Principal): ARN, account id, service.
        context: Condition keys of the call with their values; ARNs may be given with wildcards of their own.
    """
    names = frozenset(principals)
    answers: dict[str, set[bool | None]] = {"Allow": set(), "Deny": set()}
    for statement in _listed(policy.get("Statement", [])):
        answers.setdefault(str(statement.get("Effect")), set()).add(_applies(statement, action, names, context))
    if True in answers["Deny"]:
        return False
    if True in answers["Allow"] and None not in answers["Deny"]:
        return True
    return None if True in answers["Allow"] or None in answers["Allow"] else False


def _applies(
    statement: Mapping[str, Any], action: str, principals: frozenset[str], context: Mapping[str, str]
) -> bool | None:
    if "NotPrincipal" in statement or "NotAction" in statement:
        return None
    if not any(_matches(pattern.lower(), action.lower()) for pattern in _texts(statement.get("Action", []))):
        return False
    if not principals & _principals(statement.get("Principal")):
        return False
    held = {
        _holds(operator, key, _texts(values), context)
        for operator, block in statement.get("Condition", {}).items()
        for key, values in block.items()
    }
    if False in held:
        return False
    return None if None in held else True


def _holds(operator: str, key: str, wanted: list[str], context: Mapping[str, str]) -> bool | None:
    compare = _OPERATORS.get(operator.lower())
    value = {name.lower(): text for name, text in context.items()}.get(key.lower())
    if compare is None or value is None:
        return None
    return any(compare(text, value) for text in wanted)


def _principals(value: Any) -> set[str]:
    groups = value.values() if isinstance(value, Mapping) else [value]
    return {text for group in groups for text in _texts(group)}


def _matches(pattern: str, text: str) -> bool:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text) is not None


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "stringequals": eq,
    "stringlike": _matches,
    "arnequals": _matches,
    "arnlike": _matches,
}


def _texts(value: Any) -> list[str]:
    return [str(item) for item in _listed(value)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
