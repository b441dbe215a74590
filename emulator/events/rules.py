"""moto's rules, completed: a disabled rule and a schedule get no events, targets get them beside the request.

moto knows the targets CloudWatch Logs, SQS, buses, archives and API destinations; it leaves the account out of an event
and takes no notice of `Input`, `InputPath`, and of whether a rule is enabled.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule

from emulator.clock import CLOCK
from emulator.completion import replace
from emulator.events import targets
from emulator.events.bus import BUS
from emulator.events.targets import Event, Target


def install() -> None:
    """Complete them."""
    replace(Rule, send_to_targets=_send(Rule.send_to_targets))


def _send(original: Callable[..., None]) -> Callable[..., None]:
    def send_to_targets(self: Any, event: Any, transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.get_pattern():
            return
        if not self.event_pattern.matches_event(event):
            return
        ours = [target for target in self.targets if targets.is_known(target)]
        others = [target for target in self.targets if not targets.is_known(target)]
        if others:
            rest = copy.copy(self)
            rest.targets = others
            original(rest, event, transform_input)
        if ours:
            shown = as_sent(event)
            CLOCK.spawn(lambda: _deliver(self.arn, ours, shown), name=f"rule {self.name}")

    return send_to_targets


def _deliver(rule_arn: str, wanted: Sequence[Target], event: Event) -> None:
    for target in wanted:
        try:
            targets.deliver(target, event)
        except Exception as error:  # noqa: BLE001 - EventBridge counts what a target has against it
            BUS.record_failure(event, rule_arn, target["Arn"], f"{type(error).__name__}: {error}")
        else:
            BUS.record_delivery(event, rule_arn, target["Arn"])


def as_sent(event: Any) -> Event:
    """Return an event as targets get it: its time a text, without what moto adds for itself."""
    sent = {key: value for key, value in event.items() if key != "ingestion-time"}
    if isinstance(sent.get("time"), int | float):
        sent["time"] = datetime.fromtimestamp(sent["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return sent
