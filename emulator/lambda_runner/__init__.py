"""Lambda without containers: functions run in warm worker processes on this machine."""

from __future__ import annotations

from emulator.lambda_runner import networks, service, settings
from emulator.lambda_runner.service import shut_down


def install() -> None:
    """Run functions for real."""
    service.install()
    settings.install()
    networks.install()


__all__ = ["install", "shut_down"]
