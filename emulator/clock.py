"""The discrete virtual clock of the embedded AWS.

Time stands still while anybody is at work and jumps when everybody waits:

- *Work*: an HTTP request, a function invocation, a thread of a state machine. `work()` marks it; threads made with
  `spawn()` are at work from their creation to their end.
- *Timer*: a moment worth jumping to: the end of a Wait state, a retry's interval, the next phase of a DRS job.
  `call_at()`, `call_later()`, `sleep()` and `Signal.wait(timer=…)` make one.
- *Deadline*: a moment that only bites when time passes it: TimeoutSeconds and HeartbeatSeconds. The clock never jumps
  to a deadline; it fires when a timer behind it, or somebody who advances the clock, moves time there.
  `deadline_at()` and `Signal.wait(deadline=…)` make one.

When nobody is at work the clock takes the earliest moment on its list, moves there, and wakes whoever waits for it.
Work is handed over, never dropped and picked up again: whoever wakes a waiter makes it busy in the same step, so the
number of busy parties cannot touch zero between the waker's last instruction and the woken's first.

At one and the same moment timers come first, then deadlines, then whoever advances the clock.

`pace` limits the clock to that many virtual seconds a real second (None: as fast as the work allows).
What is computed when somebody looks (replication lag, recovery snapshots) must not be a timer: a repeating timer would
make time run for ever.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

LOG = logging.getLogger(__name__)

_TIMER, _DEADLINE, _ADVANCE = 0, 1, 2
_PACE_SLICE = 0.05  # real seconds between two steps of a paced clock
_PATIENCE = 1.0  # real seconds that somebody may work while time passes for somebody slow
NEVER = 90_000_000.0  # seconds; AWS's default timeout is 99999999 s, which nobody waits for


class Alarm:
    """One moment on the clock's list; `cancel()` takes it off."""

    def __init__(self, clock: VirtualClock, when: datetime, rank: int, callback: Callable[[], object]):
        self.when = when
        self.rank = rank
        self.callback = callback
        self.pending = True
        self._clock = clock

    def cancel(self) -> None:
        """Take this moment off the list; nothing happens if it has fired already."""
        self._clock._cancel(self)


class _Waiter:
    def __init__(self, parties: int):
        self.parties = parties
        self.woken = False
        self.signalled = False
        self.ready = threading.Event()


class VirtualClock:
    """Discrete virtual time, shared by everything in one emulator; see the module's docstring."""

    def __init__(self, start: datetime | None = None, pace: float | None = None):
        moment = start or datetime.now(UTC)
        self._now = moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
        self.pace = pace
        self._busy = 0
        self._targets = 0
        self._alarms: list[tuple[datetime, int, int, Alarm]] = []
        self._sequence = itertools.count()
        self._changed = threading.Condition()
        self._local = threading.local()
        self._rushing = 0
        self._slow = 0
        self._held_up = 0
        self._moved = 0.0
        self._thread: threading.Thread | None = None
        self._running = False

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread that moves time."""
        if self._thread is None:
            self._running = True
            self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop moving time and wait for the thread to end."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def set_pace(self, pace: float | None) -> None:
        """Limit the clock to so many virtual seconds a real second; None takes the limit away."""
        with self._changed:
            self.pace = pace
            self._changed.notify_all()

    # -- reading -------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the virtual moment (timezone-aware, UTC)."""
        with self._changed:
            return self._now

    def status(self) -> dict[str, Any]:
        """Return what the control API shows: now, pace, parties at work, next moments."""
        with self._changed:
            pending = sorted(entry for entry in self._alarms if entry[3].pending)
            timers = [when.isoformat() for when, rank, _, _ in pending if rank != _DEADLINE]
            deadlines = [when.isoformat() for when, rank, _, _ in pending if rank == _DEADLINE]
            return {
                "now": self._now.isoformat(),
                "pace": self.pace,
                "busy": self._busy,
                "timers": timers[:20],
                "deadlines": deadlines[:20],
            }

    def saved(self) -> tuple[datetime, list[tuple[datetime, int, Callable[[], object]]]]:
        """Return the moment and everything that is due, for `restore` in another process."""
        with self._changed:
            pending = sorted(entry for entry in self._alarms if entry[3].pending)
            return self._now, [(when, rank, alarm.callback) for when, rank, _, alarm in pending]

    def restore(self, now: datetime, alarms: list[tuple[datetime, int, Callable[[], object]]]) -> None:
        """Go on from a saved moment with what was due then."""
        with self._changed:
            self._now = now
        for when, rank, callback in alarms:
            self._add(when, rank, callback)

    # -- work ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def work(self) -> Iterator[None]:
        """Time stands still inside this context."""
        with self._changed:
            self._busy += 1
        self._local.depth = self._depth() + 1
        try:
            yield
        finally:
            self._local.depth -= 1
            self._rest()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Give the calling thread's work up while it waits for something outside of virtual time."""
        parties = self._depth()
        with self._changed:
            self._busy -= parties
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._busy += parties

    def spawn(self, target: Callable[[], object], name: str | None = None) -> threading.Thread:
        """Run `target` in a daemon thread that is at work from now on until it ends."""
        with self._changed:
            self._busy += 1

        def run() -> None:
            self._local.depth = 1
            try:
                target()
            finally:
                self._local.depth = 0
                self._rest()

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    # -- moments -------------------------------------------------------------------------------------------------------

    def call_at(self, when: datetime, callback: Callable[[], object]) -> Alarm:
        """Call `callback` at the virtual moment `when`, jumping there when everybody waits.

        The callback runs on the clock's thread and counts as work; it must not wait.
        """
        return self._add(when, _TIMER, callback)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Alarm:
        """Call `callback` in so many virtual seconds; see `call_at`."""
        return self.call_at(self.now() + timedelta(seconds=seconds), callback)

    def deadline_at(self, when: datetime, callback: Callable[[], object]) -> Alarm:
        """Call `callback` once time has passed `when`; the clock does not jump there."""
        return self._add(when, _DEADLINE, callback)

    def sleep(self, seconds: float) -> None:
        """Wait so many virtual seconds, at rest."""
        Signal(self).wait(timer=seconds)

    def advance(self, seconds: float) -> None:
        """Move time by so many virtual seconds: everything due on the way happens, in order, as fast as possible."""
        with self._changed:
            self._rushing += 1
        try:
            Signal(self)._wait_for_advance(seconds)
        finally:
            with self._changed:
                self._rushing -= 1

    def pass_time(self, seconds: float) -> None:
        """Be so many virtual seconds at work, as fast as possible.

        Unlike `sleep` this does not wait for those to rest who are at work now: they may be waiting for this thread.
        What is due on the way happens in order, and whoever it wakes is waited for, unless that takes too long.
        """
        ended = Signal(self)

        def end() -> None:
            with self._changed:
                self._slow -= 1
            ended.set()

        with self._changed:
            self._slow += 1
            self._held_up = self._busy - self._depth()
            self._moved = time.monotonic()
            self._add(self._now + timedelta(seconds=seconds), _ADVANCE, end)
        ended.wait()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _depth(self) -> int:
        return getattr(self._local, "depth", 0)

    def _rest(self) -> None:
        with self._changed:
            self._busy -= 1
            if self._slow or (self._busy == 0 and self._due() is not None):
                self._changed.notify_all()

    def _add(self, when: datetime, rank: int, callback: Callable[[], object]) -> Alarm:
        alarm = Alarm(self, when, rank, callback)
        with self._changed:
            heapq.heappush(self._alarms, (when, rank, next(self._sequence), alarm))
            if rank != _DEADLINE:
                self._targets += 1
            self._changed.notify_all()
        return alarm

    def _cancel(self, alarm: Alarm) -> None:
        with self._changed:
            if alarm.pending:
                alarm.pending = False
                if alarm.rank != _DEADLINE:
                    self._targets -= 1

    def _wake(self, waiter: _Waiter, *, signalled: bool) -> None:
        """Hand work to a waiter; the lock is held."""
        if waiter.woken:
            return
        waiter.woken = True
        waiter.signalled = signalled
        self._busy += waiter.parties
        waiter.ready.set()

    def _due(self) -> Alarm | None:
        """Return the next moment that time may move to; the lock is held."""
        while self._alarms and not self._alarms[0][3].pending:
            heapq.heappop(self._alarms)
        if not self._alarms:
            return None
        alarm = self._alarms[0][3]
        if alarm.rank == _DEADLINE and self._targets == 0 and alarm.when > self._now:
            return None
        return alarm

    def _may_move(self) -> bool:
        if self._busy == 0:
            return True
        patient = time.monotonic() - self._moved < _PATIENCE
        return self._slow > 0 and (self._busy <= self._held_up or not patient)

    def _run(self) -> None:
        while True:
            with self._changed:
                alarm = self._next_alarm()
                if alarm is None:
                    return
                heapq.heappop(self._alarms)
                alarm.pending = False
                if alarm.rank != _DEADLINE:
                    self._targets -= 1
                self._now = max(self._now, alarm.when)
                self._moved = time.monotonic()
                self._busy += 1
            self._local.depth = 1
            try:
                alarm.callback()
            except Exception:  # one broken callback must not stop the time of everybody else
                LOG.exception("a callback of the clock failed")
            self._local.depth = 0
            self._rest()

    def _next_alarm(self) -> Alarm | None:
        """Wait until time may move, move it as far as the pace allows, and return the moment that is reached."""
        rested_since: float | None = None
        while self._running:
            alarm = self._due() if self._may_move() else None
            if alarm is None:
                rested_since = None
                self._changed.wait(_PATIENCE if self._slow else None)
                continue
            pace = self.pace
            if pace is None or self._rushing or self._slow or alarm.when <= self._now:
                return alarm
            if rested_since is None:
                rested_since = time.monotonic()
            self._changed.wait(_PACE_SLICE)
            real = time.monotonic()
            if self._busy == 0:
                step = timedelta(seconds=(real - rested_since) * pace)
                self._now = min(self._now + step, alarm.when)
            rested_since = real
        return None


class Signal:
    """A flag to wait for, like `threading.Event`; who waits is at rest and gets its work back with the wake-up."""

    def __init__(self, clock: VirtualClock):
        self._clock = clock
        self._flag = False
        self._waiters: list[_Waiter] = []

    def is_set(self) -> bool:
        """Tell whether the flag is up."""
        return self._flag

    def set(self) -> None:
        """Raise the flag and hand work to everybody who waits."""
        with self._clock._changed:
            self._flag = True
            for waiter in self._waiters:
                self._clock._wake(waiter, signalled=True)
            self._waiters.clear()

    def clear(self) -> None:
        """Lower the flag."""
        self._flag = False

    def wait(self, *, timer: float | None = None, deadline: float | None = None) -> bool:
        """Wait at rest until the flag is up, or until the timer or the deadline (virtual seconds from now) is reached.

        Returns whether the flag was raised. A negative number counts as zero.
        """
        if timer is not None:
            return self._wait(timer, _TIMER)
        if deadline is not None and deadline < NEVER:
            return self._wait(deadline, _DEADLINE)
        return self._wait(None, _DEADLINE)

    def _wait_for_advance(self, seconds: float) -> None:
        self._wait(seconds, _ADVANCE)

    def _wait(self, seconds: float | None, rank: int) -> bool:
        clock = self._clock
        waiter = _Waiter(clock._depth())
        alarm = None
        with clock._changed:
            if self._flag:
                return True
            self._waiters.append(waiter)
            if seconds is not None:
                when = clock._now + timedelta(seconds=max(0.0, seconds))
                alarm = clock._add(when, rank, lambda: self._time_out(waiter))
            clock._busy -= waiter.parties
            clock._changed.notify_all()
        waiter.ready.wait()
        if alarm is not None:
            alarm.cancel()
        return waiter.signalled

    def _time_out(self, waiter: _Waiter) -> None:
        with self._clock._changed:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            self._clock._wake(waiter, signalled=False)


CLOCK = VirtualClock()
