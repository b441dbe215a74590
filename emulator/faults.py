"""Errors on demand: the next calls that match a fault answer its error before they reach a backend."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

import botocore.session

from emulator.apicall import ApiCall

_FIELDS = {"service", "operation", "error", "status", "message", "times", "account", "region"}


class FaultError(ValueError):
    """A fault that cannot be set; the message says why."""


@dataclass
class Fault:
    """One fault and how often it is still to happen."""

    service: str
    operation: str
    error: str
    status: int = 400
    message: str = "An error that the emulator was told to answer."
    times: int = 1
    account: str | None = None
    region: str | None = None

    def matches(self, call: ApiCall, account: str) -> bool:
        """Tell whether this call of this account is meant."""
        return (
            (self.service, self.operation) == (call.service, call.operation)
            and self.account in (None, account)
            and self.region in (None, call.region)
        )


def _check_names(fault: Fault) -> None:
    session = botocore.session.get_session()
    if fault.service not in session.get_available_services():
        raise FaultError(f"botocore has no service {fault.service}")
    if fault.operation not in session.get_service_model(fault.service).operation_names:
        raise FaultError(f"{fault.service} has no operation {fault.operation}; write it as in the API: StartRecovery")


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, document: dict[str, Any]) -> Fault:
        """Set a fault.

        Raises:
            FaultError: a field is missing, unknown or of the wrong type.
        """
        unknown = set(document) - _FIELDS
        if unknown:
            raise FaultError(f"a fault has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(_FIELDS))}")
        missing = {"service", "operation", "error"} - set(document)
        if missing:
            raise FaultError(f"a fault needs {', '.join(sorted(missing))}")
        fault = Fault(**document)
        _check_names(fault)
        if not (isinstance(fault.times, int) and fault.times > 0):
            raise FaultError(f"times is {fault.times!r}: give the number of calls, 1 or more")
        if not (isinstance(fault.status, int) and 400 <= fault.status <= 599):
            raise FaultError(f"status is {fault.status!r}: give an HTTP error status, 400 to 599")
        with self._lock:
            self._faults.append(fault)
        return fault

    def take(self, call: ApiCall, account: str) -> Fault | None:
        """Return the fault that this call runs into, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(call, account):
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def pending(self) -> list[dict[str, Any]]:
        """Return the faults that are still to happen."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()
