"""SQS keeps real time: visibility timeouts, delays and long polling are promises to consumers with clocks of their own.

A consumer that polls is at rest: it must not hold up the virtual time of what will send the message.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import moto.sqs.models
from moto.sqs.models import Queue

from emulator.clock import CLOCK
from emulator.completion import replace


def _unix_time(moment: datetime | None = None) -> float:
    return time.time() if moment is None else moment.replace(tzinfo=UTC).timestamp()


def _unix_time_millis(moment: datetime | None = None) -> float:
    return _unix_time(moment) * 1000.0


def _at_rest(wait: Callable[[Queue, int], None]) -> Callable[[Queue, int], None]:
    def wait_at_rest(self: Queue, timeout: int) -> None:
        with CLOCK.resting():
            wait(self, timeout)

    return wait_at_rest


def install() -> None:
    """Give queues real time, and let consumers rest."""
    replace(moto.sqs.models, unix_time=_unix_time, unix_time_millis=_unix_time_millis)
    replace(Queue, wait_for_messages=_at_rest(Queue.wait_for_messages))
