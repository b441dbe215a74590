"""The record of permissions: who needed which, on what, and what came of it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from emulator.iam.request import Need

_FIELDS = ("identity", "action", "resource", "via", "result")
_MOST = 200_000  # entries; a guard against a run without end, far above a run of 3,000 servers

ALLOWED, DENIED, UNCHECKED = "allowed", "denied", "not checked"


class Usage:
    """Counts per identity, action, resource, calling service and result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, str, str]] = Counter()
        self._not_understood: dict[str, None] = {}

    def add(self, identity: str, need: Need, result: str) -> None:
        """Record one use."""
        key = (identity, need.action, need.resource or "unknown", need.via or "", result)
        with self._lock:
            if key in self._counts or len(self._counts) < _MOST:
                self._counts[key] += 1

    def note(self, text: str) -> None:
        """Remember that a policy says something that the emulator does not understand."""
        with self._lock:
            self._not_understood[text] = None

    def report(self) -> dict[str, Any]:
        """Return all uses and what was not understood."""
        with self._lock:
            used = [dict(zip(_FIELDS, key, strict=True), count=count) for key, count in sorted(self._counts.items())]
            return {"permissions": used, "not_understood": list(self._not_understood)}

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._counts.clear()
            self._not_understood.clear()
