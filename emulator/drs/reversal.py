"""Reversing replication: which way it goes, and the machine that replicates from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..clock import CLOCK
from . import compute
from .errors import AccessDeniedError, ConflictError, ResourceNotFoundError, ValidationError
from .models import DRSBackend, drs_backends
from .roles import missing_cross_account_role
from .settings import SETTINGS
from .state import Interface, Machine, RecoveryInstance, ReplicationTemplate


def destination(backend: DRSBackend, item: RecoveryInstance) -> DRSBackend:
    """Return the store of the account and Region that a recovery instance came from.

    Raises:
        ValidationError: it did not come from EC2.
        AccessDeniedError: it is another account, and a role for it is missing on one of both sides.
    """
    machine = item.machine
    if machine.origin_account is None or machine.origin_region is None:
        raise ValidationError(
            f"Recovery Instance {item.instance_id} did not originate in EC2; use the Failback Client to fail it back"
        )
    if machine.origin_account != backend.account_id:
        missing = missing_cross_account_role(backend.account_id, machine.origin_account)
        if missing:
            raise AccessDeniedError(f"Error in Authorization: role {missing} does not exist")
    store = drs_backends[machine.origin_account][machine.origin_region]
    store.catch_up()
    return store


def check_initialised(backend: DRSBackend, item: RecoveryInstance, now: datetime) -> None:
    """Raise ConflictError until a recovery instance runs and its agent has had the time to start.

    Whoever is refused waits, so the clock may jump to the end of that time.
    """
    ready = item.launched + timedelta(seconds=SETTINGS.initialisation_seconds)
    if now < ready:
        CLOCK.call_at(ready, backend.catch_up)
    if now < ready or compute.state(backend, item.instance_id) != "RUNNING":
        raise ConflictError(
            f"Recovery Instance {item.instance_id} has not finished initializing",
            resourceId=item.instance_id,
            resourceType="AWS::DRS::RecoveryInstance",
        )


def template_of(backend: DRSBackend) -> ReplicationTemplate:
    """Return the replication configuration template that a new source server of a store gets.

    Raises:
        ResourceNotFoundError: there is none.
    """
    if not backend.replication_templates:
        raise ResourceNotFoundError(
            f"There is no replication configuration template in account {backend.account_id},"
            f" Region {backend.region_name}",
            resourceType="AWS::DRS::ReplicationConfigurationTemplate",
        )
    return next(iter(backend.replication_templates.values()))


def configuration_for(template: dict[str, Any], machine: Machine) -> dict[str, Any]:
    """Return the replication configuration of a new source server, made of a template's."""
    disks = [
        {"deviceName": disk.device_name, "isBootDisk": position == 0, "stagingDiskType": "AUTO"}
        for position, disk in enumerate(machine.disks)
    ]
    return {"name": machine.hostname, **template, "replicatedDisks": disks}


def machine_of(backend: DRSBackend, item: RecoveryInstance) -> Machine:
    """Return the machine that a recovery instance is: what it was made of, at its place and with its addresses."""
    instance = backend.ec2().get_instance_by_id(item.instance_id)
    interfaces = [
        Interface(nic.mac_address, [address["PrivateIpAddress"] for address in nic.private_ip_addresses], index == 0)
        for index, nic in sorted(instance.nics.items())
    ]
    return replace(
        item.machine,
        interfaces=interfaces,
        origin_account=backend.account_id,
        origin_region=backend.region_name,
        origin_zone=instance.placement.zone,
        instance_id=item.instance_id,
    )
