"""What tests and operators may do on premises: boot the failback client; no AWS API."""

from __future__ import annotations

from typing import Any

from ..clock import CLOCK
from . import compute, failback, render
from .control import ControlError, one_of, refuse_unknown, store
from .failback_launch import pair_client
from .models import LOCK

_KEYS = frozenset({"account", "region", "recovery_instance_id", "original_server", "error"})


def boot_failback_client(body: dict[str, Any]) -> dict[str, Any]:
    """Boot the failback client on a machine and pair it with a recovery instance, which is returned.

    Keys: `account`, `region`, `recovery_instance_id`; `original_server` (true by default: the machine is the source
    server's own, so its disks are only compared); `error` (of FailbackReplicationError: the initiation fails with it).

    Raises:
        ControlError: an unknown key or value, no such instance, or one that cannot be failed back now.
    """
    refuse_unknown(body, _KEYS, "the body")
    original = body.get("original_server", True)
    if not isinstance(original, bool):
        raise ControlError(f"original_server {original!r} must be true or false")
    error = None if body.get("error") is None else one_of(body, "error", "FailbackReplicationError")
    with LOCK:
        backend = store(body)
        instance_id = body.get("recovery_instance_id")
        item = backend.instances.get(str(instance_id))
        if item is None:
            raise ControlError(f"there is no recovery instance {instance_id!r}")
        if item.machine.in_aws:
            raise ControlError(f"recovery instance {instance_id} originated in EC2, where no failback client runs")
        if item.disconnected or item.terminating or failback.in_progress(item):
            raise ControlError(f"recovery instance {instance_id} is disconnected, terminating or in failback")
        ec2_state = compute.state(backend, item.instance_id)
        if ec2_state != "RUNNING":
            raise ControlError(f"recovery instance {instance_id} is {ec2_state}, not RUNNING")
        now = CLOCK.now()
        pair_client(backend, item, now, original_server=original, error=error)
        return {"recovery_instance": render.recovery_instance(item, ec2_state, now)}


ROUTES = {"failback-client": boot_failback_client}
