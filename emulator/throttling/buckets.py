"""A token bucket, and the time by which it fills."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Limit:
    """The size of a bucket and the tokens that it gets a second."""

    burst: int
    rate: float


@dataclass(frozen=True)
class Moment:
    """Now, on both clocks.

    Virtual time stands still while anybody works. A program that runs outside of it, and backs off in real seconds,
    would never get a token again; a state machine that waits an hour of virtual time in a real second would get too
    few. So a bucket fills by whichever of the two has gone on further since it was last looked at.
    """

    virtual: datetime
    real: float

    def since(self, other: Moment) -> float:
        """Return the seconds that passed after `other`."""
        return max(0.0, (self.virtual - other.virtual).total_seconds(), self.real - other.real)


class Bucket:
    """Tokens; full at first."""

    def __init__(self, limit: Limit, now: Moment):
        self.limit = limit
        self.tokens = float(limit.burst)
        self._filled = now

    def fill(self, now: Moment) -> None:
        """Add the tokens that time has brought."""
        self.tokens = min(float(self.limit.burst), self.tokens + now.since(self._filled) * self.limit.rate)
        self._filled = now

    def lacks(self, tokens: float) -> float:
        """Return how many tokens are missing to take so many; more than the bucket's size can never be had at once."""
        return max(0.0, min(tokens, self.limit.burst) - self.tokens)

    def seconds_for(self, tokens: float) -> int:
        """Return the whole seconds, at least one, until so many tokens are there."""
        return max(1, math.ceil(self.lacks(tokens) / self.limit.rate))

    def spend(self, tokens: float) -> None:
        """Take tokens, as many as there are."""
        self.tokens = max(0.0, self.tokens - tokens)
