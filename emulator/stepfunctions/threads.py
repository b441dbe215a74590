"""Threads and events of moto's interpreter, on the virtual clock.

moto's interpreter runs every execution, task, branch and iteration in a thread, which waits for `threading.Event`. Here
these threads are work on the emulator's clock, and waiting is rest: timeouts become deadlines, so TimeoutSeconds and
HeartbeatSeconds are virtual seconds.
"""

from __future__ import annotations

import importlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from emulator.clock import CLOCK, Signal
from emulator.completion import replace

_PARSER = "moto.stepfunctions.parser."
_EXEC = _PARSER + "asl.component.state.exec."
_MODULES_WITH_THREADING = (
    _PARSER + "asl.component.program.program",
    _PARSER + "asl.eval.environment",
    _EXEC + "execute_state",
    _EXEC + "state_map.iteration.inline_iteration_component",
    _EXEC + "state_map.iteration.itemprocessor.map_run_record",
    _EXEC + "state_map.iteration.job",
    _EXEC + "state_parallel.branch_worker",
    _EXEC + "state_parallel.branches_decl",
    _EXEC + "state_task.service.state_task_service_callback",
)


class Event(Signal):
    """`threading.Event` whose timeout is a deadline of the virtual clock."""

    def __init__(self) -> None:
        super().__init__(CLOCK)

    def wait(  # type: ignore[override]
        self, timeout: float | None = None, *, timer: float | None = None
    ) -> bool:
        """Wait for the flag: until a deadline (`timeout`), or with a moment that the clock jumps to (`timer`)."""
        return super().wait(timer=timer, deadline=timeout)


class Thread:
    """`threading.Thread` that is work on the virtual clock from its start to its end."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ):
        del group, daemon
        self.name = name
        self._call = (target, args, kwargs or {})
        self._ended = Event()

    def start(self) -> None:
        """Start the thread."""
        CLOCK.spawn(self._run, self.name)

    def _run(self) -> None:
        target, args, kwargs = self._call
        try:
            if target is not None:
                target(*args, **kwargs)
        finally:
            self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait at rest until the thread has ended, or the deadline has passed."""
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        """Tell whether the thread has not ended yet."""
        return not self._ended.is_set()

    @property
    def native_id(self) -> int:
        """Return the id of the calling thread (moto logs it)."""
        return threading.get_native_id()


def install() -> None:
    """Hand these threads and events to the interpreter."""
    namespace = SimpleNamespace(
        Thread=Thread, Event=Event, Lock=threading.Lock, RLock=threading.RLock, Condition=threading.Condition
    )
    discarded: deque[Any] = deque(maxlen=0)
    for name in _MODULES_WITH_THREADING:
        module = importlib.import_module(name)
        replace(module, threading=namespace)
        if hasattr(module, "TMP_THREADS"):
            replace(module, TMP_THREADS=discarded)
    for name in (_EXEC + "execute_state", _PARSER + "backend.execution_worker"):
        replace(importlib.import_module(name), Thread=Thread, TMP_THREADS=discarded)
    replace(importlib.import_module(_PARSER + "asl.eval.callback.callback"), Event=Event)
