"""Check values against a botocore shape, the way a service does on its side.

botocore checks required members, types and minimums before it sends; it checks no maximum, no pattern and no
enumeration, and a client in another language checks nothing. A service checks everything, so the emulator must.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a value: where it is (`sourceServers.1.sourceServerID`) and what is wrong with it."""

    path: str
    message: str


@dataclass(frozen=True)
class Leniency:
    """What a check lets pass although the model forbids it.

    `patterns` replaces the pattern of a shape by its name; `extra_values` adds values to the enumeration of a shape.
    """

    patterns: dict[str, str]
    extra_values: dict[str, frozenset[str]]


MOST_SHOWN = 10
"""Problems of a request that an answer tells about."""

STRICT = Leniency(patterns={}, extra_values={})


def problems(shape: Shape, value: Any, leniency: Leniency = STRICT) -> list[Problem]:
    """Return everything that is wrong with `value` as an instance of `shape`; an empty list when nothing is.

    Args:
        shape: any botocore shape.
        value: the value as parsed from JSON (str, int, float, bool, list, dict).
        leniency: exceptions from the model.
    """
    return list(_check(shape, value, "", leniency))


def in_words(problem: Problem) -> str:
    """Return a problem as services write it."""
    return f"Value at '{problem.path}' failed to satisfy constraint: {problem.message}"


def summary(texts: Sequence[str]) -> str:
    """Return the message of a ValidationException about all that is wrong with a request."""
    count = "1 validation error" if len(texts) == 1 else f"{len(texts)} validation errors"
    more = ["…"] if len(texts) > MOST_SHOWN else []
    return f"{count} detected: {'; '.join([*texts[:MOST_SHOWN], *more])}"


def _check(shape: Shape, value: Any, path: str, leniency: Leniency) -> Iterator[Problem]:
    expected, article = _TYPES.get(shape.type_name, (None, ""))
    if expected is None:
        raise NotImplementedError(f"shape type {shape.type_name!r} of {shape.name!r} is not checked yet")
    if not expected(value):
        yield Problem(path, f"Member must be {article}")
        return
    checker = _CHECKERS.get(shape.type_name)
    if checker is not None:
        yield from checker(shape, value, path, leniency)


def _structure(shape: StructureShape, value: dict[str, Any], path: str, leniency: Leniency) -> Iterator[Problem]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield Problem(_join(path, name), "Member must not be null")
    if shape.is_tagged_union and sum(member is not None for member in value.values()) != 1:
        yield Problem(path, f"Exactly one of {', '.join(shape.members)} must be set")
    for name, member in value.items():
        if name not in shape.members:
            yield Problem(_join(path, name), "Member is not known")
        elif member is not None:
            yield from _check(shape.members[name], member, _join(path, name), leniency)


def _list(shape: ListShape, value: list[Any], path: str, leniency: Leniency) -> Iterator[Problem]:
    yield from _range(shape, len(value), path, "length")
    for number, item in enumerate(value, start=1):
        yield from _check(shape.member, item, _join(path, f"{number}.member"), leniency)


def _map(shape: MapShape, value: dict[str, Any], path: str, leniency: Leniency) -> Iterator[Problem]:
    yield from _range(shape, len(value), path, "length")
    for key, item in value.items():
        yield from _check(shape.key, key, _join(path, f"{key}.key"), leniency)
        yield from _check(shape.value, item, _join(path, f"{key}.value"), leniency)


def _string(shape: Shape, value: str, path: str, leniency: Leniency) -> Iterator[Problem]:
    yield from _range(shape, len(value), path, "length")
    pattern = leniency.patterns.get(shape.name, shape.metadata.get("pattern"))
    if pattern is not None and value and not _compiled(pattern).fullmatch(value):
        yield Problem(path, f"Member must satisfy regular expression pattern: {pattern}")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed and value not in leniency.extra_values.get(shape.name, frozenset()):
        yield Problem(path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


def _number(shape: Shape, value: float, path: str, leniency: Leniency) -> Iterator[Problem]:  # noqa: ARG001
    yield from _range(shape, value, path, "value")


def _range(shape: Shape, size: float, path: str, what: str) -> Iterator[Problem]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield Problem(path, f"Member must have {what} greater than or equal to {low}")
    if high is not None and size > high:
        yield Problem(path, f"Member must have {what} less than or equal to {high}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "structure": (lambda value: isinstance(value, dict), "an object"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "map": (lambda value: isinstance(value, dict), "a map"),
    "string": (lambda value: isinstance(value, str), "a string"),
    "boolean": (lambda value: isinstance(value, bool), "a boolean"),
    "integer": (_is_whole, "an integer"),
    "long": (_is_whole, "an integer"),
    "float": (_is_number, "a number"),
    "double": (_is_number, "a number"),
    "timestamp": (_is_number, "a timestamp in seconds"),
}
_CHECKERS: dict[str, Callable[..., Iterator[Problem]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
}
