# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are: an account and a Region."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar


class Place(NamedTuple):
    """An account and a Region; what is not known (yet) is empty."""

    account_id: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account_id} in {self.region}"


class Placed(Protocol):
    """What is in one place; None is that of the orchestrator."""

    @property
    def place(self) -> Place | None:
        """Where it is."""


Thing = TypeVar("Thing", bound=Placed)


def by_place(things: Iterable[Thing]) -> dict[Place | None, list[Thing]]:
    """Return things by their place, in the order of the things."""
    found: dict[Place | None, list[Thing]] = {}
    for thing in things:
        found.setdefault(thing.place, []).append(thing)
    return found


def told_place(place: Place | None) -> dict[str, str]:
    """Return what events tell of a place: nothing of that of the orchestrator."""
    return place._asdict() if place else {}
