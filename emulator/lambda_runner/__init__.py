"""Lambda without containers: functions run in warm worker processes on this machine."""

from __future__ import annotations

from emulator.lambda_runner.service import install, shut_down

__all__ = ["install", "shut_down"]
