"""Complete moto's EC2 where the recovery of servers depends on it.

Every patch of moto's EC2 is made by `install()` and stands in this package, each beside its reason.
"""

from __future__ import annotations

from . import (
    addresses,
    identifiers,
    instances,
    launch_templates,
    lookups,
    offerings,
    status,
    terminated,
    volumes,
)

_PARTS = (identifiers, lookups, addresses, instances, launch_templates, offerings, status, terminated, volumes)


def install() -> None:
    """Put all patches into moto. Calling it again changes nothing."""
    for part in _PARTS:
        part.install()
