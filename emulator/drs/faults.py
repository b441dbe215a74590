"""Fault rules that happen to launches."""

from __future__ import annotations

from typing import Any

from ..faults.named import names_of
from ..faults.registry import FAULTS
from ..faults.rules import Occasion
from .models import DRSBackend
from .state import LaunchFault, SourceServer


def launch_fault(backend: DRSBackend, server: SourceServer, phase: str) -> LaunchFault | None:
    """Return the failure that a rule wants in this phase of a server's launch."""
    rule = FAULTS.take(Occasion("launch", {**traits(backend, server), "phase": phase}))
    return LaunchFault(phase, 1, rule.parameters.get("raw_error")) if rule else None


def traits(backend: DRSBackend, server: SourceServer) -> dict[str, Any]:
    """Return what rules may look at in a source server."""
    return {"account": backend.account_id, "region": backend.region_name, "server": lambda: names_of(server)}
