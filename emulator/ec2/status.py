"""Status checks take time: an instance is `initializing` for a while after its start, then `ok`."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance

from ..completion import replace
from ..moto_time import utcnow

BOOT_SECONDS = 120
WINDOWS_BOOT_SECONDS = 300


def _check(self: Instance) -> dict[str, Any]:
    if self.state != "running":
        return {"Status": "not-applicable"}
    needed = WINDOWS_BOOT_SECONDS if (self.platform or "").lower() == "windows" else BOOT_SECONDS
    booted = (utcnow() - self.launch_time).total_seconds() >= needed
    return {
        "Details": [{"Name": "reachability", "Status": "passed" if booted else "initializing"}],
        "Status": "ok" if booted else "initializing",
    }


def install() -> None:
    """Patch both status checks of moto's instances."""
    replace(Instance, instance_status=property(_check), system_status=property(_check))
