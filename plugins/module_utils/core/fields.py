# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading declarations: one mapping, field by field, every problem collected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from .errors import Problems

_T = TypeVar("_T")

OMITTED = object()
"""Stands for a member of a declared list that cannot be read: the others keep their numbers."""


class Fields:
    """The fields of one mapping of a declaration.

    A field without a default is required; a field that is null counts as missing. A value that cannot be used is
    remembered as a problem and read as something of the right type, so that the parser can go on.

    Args:
        raw: What was declared.
        where: Where it was declared, for messages.
        problems: Collects what is wrong.
        known: Names that are allowed.
    """

    def __init__(self, raw: Any, where: str, problems: Problems, known: Sequence[str]) -> None:
        self.where = where
        self._problems = problems
        self._is_mapping = isinstance(raw, Mapping)
        self._raw: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
        if not self._is_mapping:
            problems.add(raw, where, f"must be a mapping with the keys {', '.join(known)}")
        for name in self._raw:
            if name not in known:
                problems.add(name, where, f"unknown key: use {', '.join(known)}")

    def __contains__(self, name: str) -> bool:
        return self._raw.get(name) is not None

    def at(self, name: str) -> str:
        """Return where a field was declared."""
        return f"{self.where}.{name}"

    def reject(self, name: str, remedy: str) -> None:
        """Remember that a field's value cannot be used."""
        self._problems.add(self._raw.get(name), self.at(name), remedy)

    def value(self, name: str) -> Any:
        """Return a field as it was declared; None when it is missing."""
        return self._raw.get(name)

    def text(
        self,
        name: str,
        default: str | None = None,
        *,
        pattern: str = r"(?s).+",
        remedy: str = "must be a text that is not empty",
    ) -> str:
        """Return a text that C(pattern) matches as a whole."""
        if name not in self:
            return self._default(name, default, "")
        value = self._raw[name]
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        self.reject(name, remedy)
        return ""

    def given_name(self) -> str:
        """Return C(name), by which plans, waves, steps and probes are called."""
        remedy = "must be a name of 1 to 32 lower case letters, digits and -, the first a letter or digit"
        return self.text("name", pattern=r"[a-z0-9][a-z0-9-]{0,31}", remedy=remedy)

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of C(choices)."""
        if name not in self:
            return self._default(name, default, choices[0])
        value = self._raw[name]
        if value in choices:
            return str(value)
        self.reject(name, f"must be one of {', '.join(choices)}")
        return choices[0]

    def integer(self, name: str, default: int | None = None, *, minimum: int, maximum: int) -> int:
        """Return a whole number from C(minimum) to C(maximum)."""
        if name not in self:
            return self._default(name, default, minimum)
        value = self._raw[name]
        if is_whole_number(value) and minimum <= value <= maximum:
            return int(value)
        self.reject(name, f"must be a whole number from {minimum} to {maximum}")
        return minimum

    def boolean(self, name: str, default: bool | None = None) -> bool:
        """Return true or false."""
        if name not in self:
            return self._default(name, default, False)
        value = self._raw[name]
        if isinstance(value, bool):
            return value
        self.reject(name, "must be true or false")
        return False

    def texts(
        self, name: str, default: Sequence[str] | None = None, *, pattern: str = r".+", remedy: str = "must be a text"
    ) -> tuple[str, ...]:
        """Return a list of different texts that C(pattern) matches; only one with a default may be empty."""
        if name not in self:
            return tuple(self._default(name, default, ()))
        value = self._raw[name]
        if not isinstance(value, (list, tuple)):
            self.reject(name, "must be a list of texts")
            return ()
        if not value and default is None:
            self.reject(name, "is empty: give at least one")
        for number, member in enumerate(value):
            if not isinstance(member, str) or not re.fullmatch(pattern, member):
                self._problems.add(member, f"{self.at(name)}[{number}]", remedy)
        texts = tuple(str(member) for member in value)
        if len(set(texts)) < len(texts):
            self.reject(name, "names one thing twice: name it once")
        return texts

    def _default(self, name: str, default: _T | None, instead: _T) -> _T:
        if default is not None:
            return default
        if self._is_mapping:
            self._problems.add(None, self.at(name), "missing: give a value")
        return instead


def is_whole_number(value: Any) -> bool:
    """Whether C(value) is a number without a fraction; DynamoDB's C(Decimal)s are, true and false are not."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and value % 1 == 0


def members_of(raw: Any, where: str, problems: Problems) -> list[tuple[str, Any]]:
    """Return the members of a declared list, each with where it was declared; nothing declared is an empty list.

    L(OMITTED) members are left out.
    """
    if raw is None:
        return []
    if not isinstance(raw, (list, tuple)):
        problems.add(raw, where, "must be a list")
        return []
    return [(f"{where}[{number}]", member) for number, member in enumerate(raw) if member is not OMITTED]


def text_map(raw: Any, where: str, problems: Problems) -> dict[str, str]:
    """Return a declared mapping of texts to texts, such as tags."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        problems.add(raw, where, "must be a mapping of names to texts")
        return {}
    for name, value in raw.items():
        if not isinstance(name, str) or not isinstance(value, str):
            problems.add(value, f"{where}.{name}", "must be a text: put it in quotes")
    return {str(name): str(value) for name, value in raw.items()}
