"""The instance types that right-sizing writes into launch templates."""

from __future__ import annotations

from .state import Machine

GIBIBYTE = 1024**3

_C5 = (
    ("c5.large", 2, 4),
    ("c5.xlarge", 4, 8),
    ("c5.2xlarge", 8, 16),
    ("c5.4xlarge", 16, 32),
    ("c5.9xlarge", 36, 72),
    ("c5.12xlarge", 48, 96),
    ("c5.18xlarge", 72, 144),
    ("c5.24xlarge", 96, 192),
)
"""Name, vCPUs, GiB of memory, smallest first."""


def basic(machine: Machine) -> str:
    """Return the smallest C5 type with at least the machine's CPUs and memory, the largest when none has."""
    fitting = (
        name for name, cpus, memory in _C5 if cpus >= machine.cpu_cores and memory * GIBIBYTE >= machine.ram_bytes
    )
    return next(fitting, _C5[-1][0])


def chosen(method: str, machine: Machine) -> str | None:
    """Return the type that a right-sizing method wants for a machine, None when it leaves the template alone."""
    return {"BASIC": basic(machine), "IN_AWS": machine.instance_type}.get(method)
