# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many calls at once, but never more of them than the account's request bucket of an API holds.

This module util is private to the collection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import AwsError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
R = TypeVar("R")

WORKERS = 8

DEFAULT_BUCKET = (100, 50.0)
"""Burst and requests per second where AWS publishes nothing, as for DRS: botocore's retries meet what that exceeds."""

BUCKETS: Mapping[str, tuple[int, float]] = {
    "CreateLaunchTemplateVersion": (100, 5.0),
    "ModifyLaunchTemplate": (100, 5.0),
    "DeleteLaunchTemplateVersions": (50, 5.0),
    "DescribeLaunchTemplateVersions": (100, 20.0),
    "DescribeLaunchTemplates": (100, 20.0),
    "TransactWriteItems": (100, 200.0),
}
"""Burst and requests per second by operation.

Sources: EC2 Developer Guide, "Request throttling". DynamoDB Developer Guide, "Best practices for partition keys": a
partition takes 1,000 write units a second; a transaction of the IP map spends two in that of the list of entries.
"""


class Pacer:
    """A token bucket: C(take) returns at once while there are tokens, and waits for the next one when there are none.

    Args:
        burst: Tokens of a full bucket.
        rate: Tokens added per second.
        clock: Monotonic seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        burst: int,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._filled_at = clock()

    def take(self) -> None:
        """Take one token, waiting for it in turn."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate) - 1
            self._filled_at = now
            wait = -self._tokens / self._rate
        if wait > 0:
            self._sleep(wait)


class Pacers:
    """One pacer for each API operation of one account and Region."""

    def __init__(self) -> None:
        self._pacers: dict[str, Pacer] = {}
        self._lock = threading.Lock()

    def take(self, operation: str) -> None:
        """Take a token of an operation (C(CreateLaunchTemplateVersion))."""
        with self._lock:
            if operation not in self._pacers:
                self._pacers[operation] = Pacer(*BUCKETS.get(operation, DEFAULT_BUCKET))
            pacer = self._pacers[operation]
        pacer.take()


@dataclass(frozen=True, slots=True)
class Outcomes(Generic[K, R]):
    """What became of every item, in the order of the items."""

    results: dict[K, R]
    errors: dict[K, AwsError]

    def raise_if_any(self, what: str) -> dict[K, R]:
        """Return the results when there is one for every item.

        Args:
            what: What was being done (C(read the launch configuration)).

        Raises:
            AwsError: One message with the errors of all items. Of the errors' kind when they are all of one.
        """
        if not self.errors:
            return self.results
        first = next(iter(self.errors.values()))
        kinds = {type(error) for error in self.errors.values()}
        kind = type(first) if len(kinds) == 1 else AwsError
        raise kind(
            f"{what}: {summary(self.errors)}", code=first.code, operation=first.operation, response=first.response
        ) from first


def summary(errors: Mapping[K, AwsError]) -> str:
    """Return the messages of many errors, each once, with the items that it happened to."""
    items: dict[str, list[str]] = {}
    for key, error in errors.items():
        items.setdefault(error.message, []).append(str(key))
    return "; ".join(f"{', '.join(keys)}: {message}" for message, keys in items.items())


def for_each(items: Mapping[K, V], work: Callable[[K, V], R], *, workers: int = WORKERS) -> Outcomes[K, R]:
    """Do C(work) for every item, some at once, and collect results and errors of all.

    Args:
        items: What to work on, by a name for messages.
        work: Called as C(work(name, item)); may raise L(AwsError).
        workers: How many at once.
    """
    results: dict[K, R] = {}
    errors: dict[K, AwsError] = {}
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(items)))) as pool:
        futures = {key: pool.submit(work, key, item) for key, item in items.items()}
        for key, future in futures.items():
            try:
                results[key] = future.result()
            except AwsError as error:
                errors[key] = error
    return Outcomes(results, errors)
