"""A fault rule, and whether it strikes on an occasion."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

Trait = str | Collection[str] | Callable[[], Collection[str]]


class FaultError(ValueError):
    """A fault that cannot be set; the message says why."""


@dataclass(frozen=True)
class Occasion:
    """Something that a fault may happen to.

    Attributes:
        subject: `call`, `launch`, `capacity`, `replication`, `automation` or `event`.
        traits: What the conditions of rules look at. A trait may have several names, any of which matches; a function
            is asked only when a rule names the trait.
    """

    subject: str
    traits: Mapping[str, Trait]

    def names(self, trait: str) -> Collection[str]:
        """Return the names of a trait, none when the occasion does not have it."""
        value = self.traits.get(trait, ())
        if callable(value):
            return value()
        return (value,) if isinstance(value, str) else value


@dataclass
class Rule:
    """One rule, and what it has done so far.

    Attributes:
        subject: What it happens to, as in `Occasion`.
        conditions: Patterns (`*`, `?`, `[…]`) by trait; all must match.
        parameters: What the kind needs to know.
        probability: How likely a matching occasion is struck; the dice are seeded, so a run can be repeated.
        skip: So many matching occasions pass first.
        times: How many are still to be struck, None for no limit.
        is_state: Whether it holds from `begin` to `end`, and nothing is counted.
    """

    rule_id: str
    kind: str
    subject: str
    conditions: Mapping[str, str]
    parameters: Mapping[str, Any]
    begin: datetime | None
    end: datetime | None
    probability: float
    seed: str
    skip: int
    times: int | None
    is_state: bool = False
    seen: int = 0
    happened: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def strikes(self, occasion: Occasion, now: datetime) -> bool:
        """Tell whether this occasion is struck, and count it."""
        if not (self.holds(now) and self.matches(occasion)):
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        if self.probability < 1 and self._dice.random() >= self.probability:
            return False
        self.happened += 1
        if self.times is not None:
            self.times -= 1
        return True

    def holds(self, now: datetime) -> bool:
        """Tell whether `now` is between the rule's `from` and `to`."""
        return (self.begin is None or self.begin <= now) and (self.end is None or now < self.end)

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether all conditions are met."""
        return self.subject == occasion.subject and all(
            any(fnmatchcase(name, pattern) for name in occasion.names(trait))
            for trait, pattern in self.conditions.items()
        )

    @property
    def spent(self) -> bool:
        """Tell whether it has struck as often as it was to."""
        return self.times == 0

    def document(self) -> dict[str, Any]:
        """Return the rule as the control API shows it; `times` is what is left."""
        shown = {
            "id": self.rule_id,
            "kind": self.kind,
            **self.conditions,
            **self.parameters,
            "from": self.begin.isoformat() if self.begin else None,
            "to": self.end.isoformat() if self.end else None,
        }
        if self.is_state:
            return shown
        counted = {"probability": self.probability, "skip": self.skip, "times": self.times}
        return {**shown, **counted, "seen": self.seen, "happened": self.happened}
