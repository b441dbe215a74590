"""Control routes of IAM: the switch of enforcement, and the record of permissions."""

from __future__ import annotations

from typing import Any

from emulator import control
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.modes import MODES


def add_routes() -> None:
    """Serve `/_embedded/iam` and `/_embedded/permissions`."""
    control.route("GET", "iam", lambda _body: _settings())
    control.route("POST", "iam", _set)
    control.route("GET", "permissions", lambda _body: ENFORCEMENT.usage.report())
    control.route("DELETE", "permissions", _forget)


def _settings() -> dict[str, Any]:
    return {"enforce": ENFORCEMENT.mode}


def _set(body: dict[str, Any]) -> dict[str, Any]:
    if set(body) != {"enforce"}:
        raise control.ControlError(f"iam takes enforce, not {', '.join(sorted(body)) or 'nothing'}")
    mode = body["enforce"]
    if mode not in MODES:
        raise control.ControlError(f"enforce is {mode!r}: give one of {', '.join(MODES)}")
    ENFORCEMENT.mode = mode
    return _settings()


def _forget(_body: dict[str, Any]) -> dict[str, Any]:
    ENFORCEMENT.usage.clear()
    return ENFORCEMENT.usage.report()
