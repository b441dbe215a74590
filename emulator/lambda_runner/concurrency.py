"""Reserved concurrency: no more invocations of a function at once than are reserved for it; 0 stops it.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html. Without a reservation there is no limit.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emulator.lambda_runner.errors import TooManyRequests

_LOCK = threading.Lock()
_RUNNING: Counter[tuple[str, str, str]] = Counter()


@contextmanager
def slot(function: Any) -> Iterator[None]:
    """Hold one of the places of a function.

    Raises:
        TooManyRequests: all that are reserved are taken.
    """
    key = (function.account_id, function.region, function.function_name)
    reserved = function.reserved_concurrency
    with _LOCK:
        if reserved is not None and _RUNNING[key] >= int(reserved):
            raise TooManyRequests
        _RUNNING[key] += 1
    try:
        yield
    finally:
        with _LOCK:
            _RUNNING[key] -= 1
