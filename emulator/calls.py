"""The record of all API calls: what was asked, by whom, and how it was answered (a small CloudTrail)."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import Counter, deque
from typing import Any

from emulator.apicall import ApiCall
from emulator.clock import CLOCK
from emulator.iam.request import Need

_KEPT = 20_000  # the list is a window on the latest calls; the counts cover all of them
_XML_CODE = re.compile(rb"<Code>([^<]*)</Code>")


class Calls:
    """Counts per account, Region, service and operation, and a list of the latest calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._list: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def add(
        self,
        call: ApiCall,
        account: str,
        principal: str,
        status: int,
        error: str | None,
        uses: tuple[tuple[Need, str], ...] = (),
    ) -> None:
        """Record one answered call, and the permissions that it took."""
        with self._lock:
            self._counts[(account, call.region, call.service, call.operation)] += 1
            self._list.append(
                {
                    "time": CLOCK.now().isoformat(),
                    "account": account,
                    "region": call.region,
                    "principal": principal,
                    "service": call.service,
                    "operation": call.operation,
                    "status": status,
                    "error": error,
                    "permissions": uses,
                }
            )

    def report(self) -> dict[str, Any]:
        """Return counts and list."""
        with self._lock:
            counts = [
                {"account": account, "region": region, "service": service, "operation": operation, "count": count}
                for (account, region, service, operation), count in sorted(self._counts.items())
            ]
            calls = list(self._list)
        return {"counts": counts, "calls": [{**call, "permissions": _rendered(call["permissions"])} for call in calls]}

    def errors(self, count: int) -> list[dict[str, Any]]:
        """Return the latest calls that were answered with an error, oldest first."""
        with self._lock:
            found = itertools.islice((call for call in reversed(self._list) if call["error"]), count)
            shown = ("time", "account", "region", "service", "operation", "status", "error", "principal")
            return [{name: call[name] for name in shown} for call in found][::-1]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._counts.clear()
            self._list.clear()


def _rendered(uses: tuple[tuple[Need, str], ...]) -> list[dict[str, str]]:
    return [{"action": need.action, "resource": need.resource or "unknown", "result": result} for need, result in uses]


def error_code(headers: dict[str, str], body: bytes) -> str | None:
    """Return the error code of an answer in any protocol."""
    lower = {name.lower(): value for name, value in headers.items()}
    if "x-amzn-errortype" in lower:
        return lower["x-amzn-errortype"].split(":")[0]
    match = _XML_CODE.search(body)
    if match:
        return match.group(1).decode("utf-8", "replace")
    try:
        document = json.loads(body)
    except ValueError:
        return None
    code = document.get("__type") if isinstance(document, dict) else None
    return str(code).rsplit("#", 1)[-1] if code else None
