"""Condition operators of policies.

An operator's values are alternatives, and all keys and operators of a block must hold. Negated operators hold when no
value matches. A key that the request does not have fails every positive operator and passes every negated one; of the
operators on sets, it fails ForAnyValue and passes ForAllValues.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from emulator.iam import patterns
from emulator.iam.context import Context, NotUnderstoodError

Match = Callable[[str, str], bool]
"""Tells whether a value of the request (first) matches one of the policy (second)."""

FOR_ALL, FOR_ANY = "ForAllValues:", "ForAnyValue:"


@dataclass(frozen=True)
class Condition:
    """One operator on one key.

    `operator` is the base operator in its positive form (None when it is not known), `qualifier` one of FOR_ALL,
    FOR_ANY or empty.
    """

    name: str
    operator: str | None
    key: str
    values: tuple[str, ...]
    qualifier: str
    negated: bool
    if_exists: bool
    variables: bool

    def holds(self, context: Context) -> bool:
        """Tell whether the condition holds.

        Raises:
            NotUnderstoodError: operator or key is not known.
        """
        if self.operator is None:
            raise NotUnderstoodError(f"condition operator {self.name} is not emulated")
        found = context.values(self.key)
        if self.operator == "Null":
            return any((found is None) == (value.lower() == "true") for value in self.values)
        if found is None:
            return self.if_exists or self.qualifier == FOR_ALL or (self.negated and not self.qualifier)
        values = self._values(context)
        match = _MATCHES[self.operator]
        hits = [any(match(item, value) for value in values) != self.negated for item in found]
        if self.qualifier == FOR_ANY:
            return any(hits)
        return all(hits) if self.qualifier == FOR_ALL or self.negated else any(hits)

    def _values(self, context: Context) -> Sequence[str]:
        if not self.variables:
            return self.values
        put_in = (patterns.substitute(value, context.value) for value in self.values)
        return [value for value in put_in if value is not None]


def parse(operator: str, key: str, values: tuple[str, ...], *, variables: bool) -> Condition:
    """Return one condition of a policy's block.

    Args:
        operator: as in the policy: `ForAnyValue:StringLikeIfExists`.
        key: the condition key.
        values: its values as texts.
        variables: whether `${…}` has a meaning in this policy's version.
    """
    qualifier = next((prefix for prefix in (FOR_ALL, FOR_ANY) if operator.startswith(prefix)), "")
    name = operator.removeprefix(qualifier)
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in _NEGATED
    base = _NEGATED.get(name, name)
    known = base if base in _MATCHES or base == "Null" else None
    dynamic = variables and any(patterns.has_variables(value) for value in values)
    return Condition(operator, known, key, values, qualifier, negated, if_exists, dynamic)


def _equals(found: str, value: str) -> bool:
    return found == patterns.plain(value)


def _equals_ignoring_case(found: str, value: str) -> bool:
    return found.lower() == patterns.plain(value).lower()


def _like(found: str, value: str) -> bool:
    return patterns.wildcard(value).fullmatch(found) is not None


def _arn(found: str, value: str) -> bool:
    return patterns.arn(value).fullmatch(found) is not None


def _bool(found: str, value: str) -> bool:
    return found.lower() == value.lower()


def _number(compare: Callable[[float, float], bool]) -> Match:
    return lambda found, value: compare(_as_number(found), _as_number(value))


def _date(compare: Callable[[float, float], bool]) -> Match:
    return lambda found, value: compare(_as_seconds(found), _as_seconds(value))


@lru_cache(maxsize=1024)
def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@lru_cache(maxsize=1024)
def _as_seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _as_number(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda found, value: found == value,
    "LessThan": lambda found, value: found < value,
    "LessThanEquals": lambda found, value: found <= value,
    "GreaterThan": lambda found, value: found > value,
    "GreaterThanEquals": lambda found, value: found >= value,
}
_MATCHES: dict[str, Match] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _bool,
    **{f"Numeric{name}": _number(compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _date(compare) for name, compare in _COMPARISONS.items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
