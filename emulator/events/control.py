"""`/_embedded/events`: what services sent, who got it, and who is to keep quiet."""

from __future__ import annotations

from typing import Any

from emulator import control
from emulator.events.bus import BUS


def show(_body: dict[str, Any]) -> dict[str, Any]:
    """Answer the latest events and deliveries."""
    return BUS.report()


def change(body: dict[str, Any]) -> dict[str, Any]:
    """Set the sources that send nothing."""
    silent = body.get("silent")
    if set(body) != {"silent"} or not isinstance(silent, list) or not all(isinstance(item, str) for item in silent):
        raise control.ControlError('give {"silent": [sources]}: which services send no events, such as aws.drs')
    BUS.silent = frozenset(silent)
    return BUS.report()


def clear(_body: dict[str, Any]) -> dict[str, Any]:
    """Forget events and deliveries."""
    BUS.clear()
    return BUS.report()


def add_routes() -> None:
    """Serve the events."""
    control.route("GET", "events", show)
    control.route("POST", "events", change)
    control.route("DELETE", "events", clear)
