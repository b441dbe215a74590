"""Initialising DRS in an account and Region."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..models import DRSBackend
from ..roles import ensure_service_roles


def initialize_service(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer InitializeService."""
    ensure_service_roles(backend.account_id)
    backend.initialized = True
    return {}


OPERATIONS = {"InitializeService": initialize_service}
