"""Make the networks of an estate in the emulator's EC2, with exactly the declared identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import moto.ec2.models.security_groups as security_groups_module
import moto.ec2.models.subnets as subnets_module
import moto.ec2.models.vpcs as vpcs_module
from moto.ec2.models import ec2_backends

from ..ec2.identifiers import made_for
from .declared import Network, Region


@contextmanager
def born_as(module: ModuleType, generator: str, identifier: str) -> Iterator[None]:
    """Let moto give the next resource a declared identifier; many other things refer to it from its birth."""
    original = getattr(module, generator)
    setattr(module, generator, lambda: identifier)
    try:
        yield
    finally:
        setattr(module, generator, original)


def create_networks(account_id: str, region: Region) -> None:
    """Make all networks of a Region; the default VPC goes unless the estate keeps it."""
    ec2 = ec2_backends[account_id][region.name]
    if not region.default_vpc:
        _delete_default_vpc(ec2)
    for network in region.networks.values():
        _create_network(ec2, network)


def _delete_default_vpc(ec2: Any) -> None:
    vpc = ec2.get_default_vpc()
    if vpc is None:
        return
    for subnet in ec2.describe_subnets(filters={"vpc-id": vpc.id}):
        ec2.delete_subnet(subnet.id)
    ec2.delete_vpc(vpc.id)


def _create_network(ec2: Any, network: Network) -> None:
    if network.vpc_id in ec2.vpcs:
        return
    with born_as(vpcs_module, "random_vpc_id", network.vpc_id):
        ec2.create_vpc(str(network.cidr), tags=[{"Key": "Name", "Value": network.name}])
    for subnet in network.subnets.values():
        with born_as(subnets_module, "random_subnet_id", subnet.subnet_id):
            made = ec2.create_subnet(network.vpc_id, str(subnet.cidr), availability_zone=subnet.zone)
        made.add_tags({"Name": subnet.name})
        # moto takes the first subnet of a zone for the default VPC's.
        made.default_for_az = made.map_public_ip_on_launch = False
    for group in network.groups.values():
        with born_as(security_groups_module, "random_security_group_id", group.group_id):
            ec2.create_security_group(group.name, group.description, vpc_id=network.vpc_id, tags={"Name": group.name})
    _create_rules(ec2, network)
    if network.internet_gateway:
        gateway = ec2.create_internet_gateway(tags=[{"Key": "Name", "Value": network.name}])
        ec2.attach_internet_gateway(gateway.id, network.vpc_id)
        tables = ec2.describe_route_tables(filters={"vpc-id": network.vpc_id})
        ec2.create_route(tables[0].id, "0.0.0.0/0", gateway_id=gateway.id)


def _create_rules(ec2: Any, network: Network) -> None:
    for group in network.groups.values():
        for number, rule in enumerate(group.ingress):
            other = network.groups.get(rule.source)
            with made_for("ingress", group.group_id, number):
                ec2.authorize_security_group_ingress(
                    group.group_id,
                    "tcp",
                    str(rule.port),
                    str(rule.port),
                    ip_ranges=[] if other else [{"CidrIp": rule.source}],
                    source_groups=[{"GroupId": other.group_id}] if other else [],
                    vpc_id=network.vpc_id,
                )
