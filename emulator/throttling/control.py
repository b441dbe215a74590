"""`/_embedded/throttling`: limits are shown and changed while the emulator runs."""

from __future__ import annotations

from typing import Any

from emulator import control
from emulator.throttling.limits import THROTTLING
from emulator.throttling.settings import read_settings


def show(_body: dict[str, Any]) -> dict[str, Any]:
    """Answer settings, buckets and refused calls."""
    return THROTTLING.report()


def change(body: dict[str, Any]) -> dict[str, Any]:
    """Change the limits of the services that the body names."""
    THROTTLING.set(read_settings(body))
    return THROTTLING.report()


def add_routes() -> None:
    """Serve the limits."""
    control.route("GET", "throttling", show)
    control.route("POST", "throttling", change)
