"""The rules that are set: asked on every occasion, so quick when there are none."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from emulator.clock import CLOCK, Alarm, VirtualClock
from emulator.faults.rules import FaultError, Occasion, Rule
from emulator.faults.schema import read_rule


class State(NamedTuple):
    """What has to be done when a state begins and when it ends."""

    begin: Callable[[Rule], None]
    end: Callable[[Rule], None]


NOTHING_TO_DO = State(lambda _rule: None, lambda _rule: None)
"""For states that somebody looks up."""


class Faults:
    """The fault rules of one emulator.

    Args:
        clock: Virtual time, by which rules begin and end.
    """

    def __init__(self, clock: VirtualClock = CLOCK) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._rules: dict[str, Rule] = {}
        self._alarms: dict[str, list[Alarm]] = {}
        self._numbers = itertools.count(1)
        self._states: dict[str, State] = {}

    def maintain(self, subject: str, begin: Callable[[Rule], None], end: Callable[[Rule], None]) -> None:
        """Have the states of a subject begun and ended by these functions."""
        self._states[subject] = State(begin, end)

    def add(self, document: dict[str, Any]) -> Rule:
        """Set a rule.

        Raises:
            FaultError: a field is missing, unknown or of the wrong type, or the id is in use.
        """
        with self._lock:
            rule = read_rule(document, self._free_id(), self._clock.now())
            if rule.rule_id in self._rules:
                raise FaultError(f"there is a fault {rule.rule_id!r} already; delete it first")
            self._rules = {**self._rules, rule.rule_id: rule}
        if rule.is_state:
            self._schedule(rule)
        return rule

    def take(self, occasion: Occasion) -> Rule | None:
        """Return the first rule that strikes on this occasion, and count it."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules.values():
                if rule.strikes(occasion, self._clock.now()):
                    if rule.spent:
                        self._drop(rule.rule_id)
                    return rule
        return None

    def holds(self, occasion: Occasion) -> bool:
        """Tell whether a state holds for this occasion."""
        if not self._rules:
            return False
        now = self._clock.now()
        return any(rule.is_state and rule.holds(now) and rule.matches(occasion) for rule in self._rules.values())

    def pending(self) -> list[dict[str, Any]]:
        """Return the rules that can still strike, or still hold."""
        with self._lock:
            return [rule.document() for rule in self._rules.values()]

    def delete(self, rule_id: str) -> None:
        """Take a rule away; a state that it made ends.

        Raises:
            FaultError: there is none of this id.
        """
        with self._lock:
            if rule_id not in self._rules:
                known = ", ".join(self._rules) or "none"
                raise FaultError(f"there is no fault {rule_id!r}; there are: {known}")
            rule = self._rules[rule_id]
        self._remove(rule)

    def clear(self) -> None:
        """Take all rules away."""
        with self._lock:
            rules = list(self._rules.values())
        for rule in rules:
            self._remove(rule)

    def _remove(self, rule: Rule) -> None:
        with self._lock:
            self._drop(rule.rule_id)
            alarms = self._alarms.pop(rule.rule_id, [])
        for alarm in alarms:
            alarm.cancel()
        if rule.is_state:
            self._states.get(rule.subject, NOTHING_TO_DO).end(rule)

    def _drop(self, rule_id: str) -> None:
        self._rules = {key: rule for key, rule in self._rules.items() if key != rule_id}

    def _free_id(self) -> str:
        return next(name for name in (f"fault-{number}" for number in self._numbers) if name not in self._rules)

    def _schedule(self, rule: Rule) -> None:
        """Begin and end a state at its moments. They are deadlines: a fault that is to come does not pull time."""
        alarms = []
        begin = self._states.get(rule.subject, NOTHING_TO_DO).begin
        if rule.begin is None or rule.begin <= self._clock.now():
            begin(rule)
        else:
            alarms.append(self._clock.deadline_at(rule.begin, lambda: begin(rule)))
        if rule.end is not None:
            alarms.append(self._clock.deadline_at(rule.end, lambda: self._remove(rule)))
        with self._lock:
            self._alarms[rule.rule_id] = alarms


FAULTS = Faults()
