"""Time in state machines: Wait states and retries are timers, and every date of the interpreter is virtual."""

from __future__ import annotations

import importlib
import json
import random
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategy
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

from emulator.clock import CLOCK
from emulator.completion import replace

_PARSER = "moto.stepfunctions.parser."
_MODULES_WITH_DATES = (
    "asl.component.state.state",
    "asl.component.state.exec.state_parallel.branches_decl",
    "asl.component.state.exec.state_map.iteration.itemprocessor.map_run_record",
    "backend.execution",
    "models",
)


def iso(moment: datetime) -> str:
    """Write a moment as the context object does: `2026-11-23T10:57:01.250Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class VirtualDatetime(datetime):
    """`datetime` whose `now()` is virtual and whose text is that of AWS."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> VirtualDatetime:
        """Return the virtual moment."""
        del tz
        return cls.fromtimestamp(CLOCK.now().timestamp(), tz=UTC)

    def isoformat(self, *_args: Any, **_kwargs: Any) -> str:
        """Return the moment as AWS writes it."""
        return iso(self)


def rest(env: Environment, seconds: float) -> None:
    """Wait so many virtual seconds, or until the execution ends early."""
    end = CLOCK.now() + timedelta(seconds=seconds)
    while env.is_running():
        left = (end - CLOCK.now()).total_seconds()
        if left <= 0:
            return
        env.program_state_event.wait(timer=left)


def _wait_interval(_self: WaitFunction, env: Environment, wait_seconds: float) -> None:
    rest(env, wait_seconds)


def _seconds_until(self: Timestamp, env: Environment) -> float:
    self.string.eval(env=env)
    text = env.stack.pop()
    moment = self._from_timestamp_string(timestamp=text)
    if moment is None:
        raise FailureEventException(self._create_failure_event(env, text))
    return (moment.replace(tzinfo=UTC) - CLOCK.now()).total_seconds()


def _retry(self: RetrierDecl, env: Environment) -> None:
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds):
        part.eval(env=env)
    seconds = env.stack.pop()
    if self.jitter_strategy.jitter_strategy == JitterStrategy.FULL:
        seconds = round(_jitter(env.states.context_object.context_object_data) * seconds, 3)  # the clock's milliseconds
    rest(env, seconds)
    env.stack.append(RetrierOutcome.Executed)


def _jitter(context: Any) -> float:
    """Return a number from 0 to 1 that is the same for the same attempt of the same execution, so that runs repeat."""
    execution, state = context["Execution"], context["State"]
    item = context["Map"]["Item"]["Index"] if "Map" in context else None
    place = [execution["Id"], execution["RedriveCount"], state["Name"], state["RetryCount"], item]
    return random.Random(json.dumps(place)).random()


def install() -> None:
    """Put the interpreter on virtual time."""
    replace(WaitFunction, _wait_interval=_wait_interval)
    replace(Timestamp, _get_wait_seconds=_seconds_until)
    replace(RetrierDecl, _eval_body=_retry)
    replace(EventManager, _get_current_timestamp=staticmethod(CLOCK.now))
    namespace = SimpleNamespace(datetime=VirtualDatetime, timezone=SimpleNamespace(utc=UTC), timedelta=timedelta)
    for name in _MODULES_WITH_DATES:
        replace(importlib.import_module(_PARSER + name), datetime=namespace)
