# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a declaration, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input.

    Attributes:
        value: The offending value as a person would recognise it (C('10.1.0.0/33')).
        where: Where it came from (C(dr_subnet_map[2].failover.cidr)).
        remedy: What is wrong with it and what to do.
    """

    value: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.value}: {self.remedy}"


class DeclarationError(ValueError):
    """The input cannot be used. Its text has one line for each problem.

    Args:
        problems: At least one problem, in the order of the input.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """Collects problems, so that a parser can go on and name them all in one L(DeclarationError)."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, value: object, where: str, remedy: str) -> None:
        """Remember one problem; a text value is shown in quotes."""
        self._found.append(Problem(repr(value), where, remedy))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Remember the problems that somebody else found."""
        self._found.extend(problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise L(DeclarationError) with everything found so far, or do nothing."""
        if self._found:
            raise DeclarationError(self._found)
