"""`/_embedded/faults`: rules are set, listed and deleted while the emulator runs."""

from __future__ import annotations

from typing import Any

from emulator import control
from emulator.faults.registry import FAULTS


def add(body: dict[str, Any]) -> dict[str, Any]:
    """Set a rule; answer its id and all rules."""
    rule = FAULTS.add(body)
    return {"id": rule.rule_id, "faults": FAULTS.pending()}


def show(_body: dict[str, Any]) -> dict[str, Any]:
    """Answer all rules."""
    return {"faults": FAULTS.pending()}


def delete(body: dict[str, Any]) -> dict[str, Any]:
    """Delete the rule of an id, or all."""
    unknown = set(body) - {"id"}
    if unknown:
        raise control.ControlError(f"faults are deleted by id, not {', '.join(sorted(unknown))}")
    if "id" in body:
        FAULTS.delete(body["id"])
    else:
        FAULTS.clear()
    return {"faults": FAULTS.pending()}


def add_routes() -> None:
    """Serve the rules."""
    control.route("GET", "faults", show)
    control.route("POST", "faults", add)
    control.route("DELETE", "faults", delete)
