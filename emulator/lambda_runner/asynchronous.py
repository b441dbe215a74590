"""Asynchronous invocations: tried again on errors of the function, after one and two minutes, and when throttled.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from emulator.clock import CLOCK
from emulator.lambda_runner.errors import TooManyRequests

_SECONDS_BEFORE_RETRY = (60, 120)
_FIRST_BACKOFF, _LONGEST_BACKOFF = 1, 300  # seconds, while the function is throttled
_OLDEST = 21_600  # seconds


def deliver(function: Any, run: Callable[[], bool]) -> None:
    """Run a function until it succeeds, its retries are used up, or the event is too old.

    Args:
        function: moto's function, with its settings for asynchronous invocations.
        run: Runs it once and tells whether it succeeded; raises TooManyRequests.
    """
    settings = function.event_invoke_config[-1].config if function.event_invoke_config else {}
    until = CLOCK.now() + timedelta(seconds=settings.get("MaximumEventAgeInSeconds", _OLDEST))
    pauses = list(_SECONDS_BEFORE_RETRY[: settings.get("MaximumRetryAttempts", len(_SECONDS_BEFORE_RETRY))])
    backoff = _FIRST_BACKOFF
    while CLOCK.now() <= until:
        try:
            if run() or not pauses:
                return
            CLOCK.sleep(pauses.pop(0))
        except TooManyRequests:
            CLOCK.sleep(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)
