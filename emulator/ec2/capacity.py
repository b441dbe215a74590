"""Where which instance types run: what AWS offers in a zone, and what fault rules say is used up there."""

from __future__ import annotations

from functools import cache

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

from ..faults.registry import FAULTS
from ..faults.rules import Occasion
from . import errors


@cache
def zones_of(region: str, instance_type: str) -> tuple[str, ...]:
    """Return the zones of a Region that offer an instance type, in order; none when moto has no data of the Region."""
    offered = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
    return tuple(sorted(item["Location"] for item in offered if item["InstanceType"] == instance_type))


def is_short(account: str, region: str, zone: str, instance_type: str) -> bool:
    """Tell whether a fault says that a zone has no capacity for an instance type."""
    traits = {"account": account, "region": region, "zone": zone, "instance_type": instance_type}
    return FAULTS.holds(Occasion("capacity", traits))


def check(account: str, region: str, zone: str, instance_type: str) -> None:
    """Raise EC2's error unless a zone offers an instance type and has capacity for it."""
    offering = zones_of(region, instance_type)
    if offering and zone not in offering:
        raise errors.type_not_in_zone(instance_type, zone, offering)
    if is_short(account, region, zone, instance_type):
        others = [item for item in offering if item != zone and not is_short(account, region, item, instance_type)]
        raise errors.insufficient_capacity(instance_type, zone, others)
