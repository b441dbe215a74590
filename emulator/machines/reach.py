"""Whether a function reaches a port of an instance, and which machine answers there."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends

from ..drs.models import drs_backends
from ..drs.state import Machine
from ..kept import keep_table
from ..moto_time import utcnow
from .software import Service

OPEN, REFUSED, TIMEOUT = "open", "refused", "timeout"

INTERFACES: dict[str, list[str]] = {}
"""Ids of the interfaces of a function in its VPC, by the function's ARN."""
keep_table("interfaces of functions", INTERFACES)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a connection; `service` is what answers when it is open."""

    kind: str
    service: Service | None = None


def connect(function_arn: str, address: str, port: int) -> Verdict:
    """Say what becomes of a TCP connection of a function to an address."""
    _arn, _aws, _lambda, region, account, *_ = function_arn.split(":")
    ec2 = ec2_backends[account][region]
    own = [ec2.enis[eni_id] for eni_id in INTERFACES.get(function_arn, ()) if eni_id in ec2.enis]
    target = _interface_at(ec2, own[0].subnet.vpc_id, address) if own else None
    instance = target.instance if target is not None else None
    if instance is None or not _may_talk(own[0], target, port) or not _has_booted(instance):
        return Verdict(TIMEOUT)
    service = next((item for item in _services(ec2, instance) if item.port == port), None)
    if service is None or (utcnow() - instance.launch_time).total_seconds() < service.after:
        return Verdict(REFUSED)
    return Verdict(OPEN, service)


def machines_in(account: str, region: str) -> dict[str, Machine]:
    """Return the machines that run in instances of an account and Region: recovered ones, and sources of servers."""
    stores = [backend for regions in list(drs_backends.values()) for backend in list(regions.values())]
    sources = {
        server.machine.instance_id: server.machine
        for backend in stores
        for server in list(backend.servers.values())
        if server.machine.instance_id
    }
    recovered = drs_backends[account][region].instances
    return {**sources, **{instance_id: item.machine for instance_id, item in list(recovered.items())}}


def _services(ec2: Any, instance: Any) -> Iterable[Service]:
    recovered = drs_backends[ec2.account_id][ec2.region_name].instances.get(instance.id)
    machine = recovered.machine if recovered else machines_in(ec2.account_id, ec2.region_name).get(instance.id)
    return machine.services if machine is not None else ()


def _interface_at(ec2: Any, vpc_id: str, address: str) -> Any:
    """Return the interface that holds an address in a VPC, None when nobody does."""
    for subnets in list(ec2.subnets.values()):
        for subnet in list(subnets.values()):
            if subnet.vpc_id == vpc_id and ipaddress.ip_address(address) in subnet.cidr:
                return next((eni for eni in list(ec2.enis.values()) if _holds(eni, subnet, address)), None)
    return None


def _holds(interface: Any, subnet: Any, address: str) -> bool:
    return interface.subnet.id == subnet.id and any(
        item["PrivateIpAddress"] == address for item in interface.private_ip_addresses
    )


def _may_talk(source: Any, target: Any, port: int) -> bool:
    out = (rule for group in source.group_set for rule in group.egress_rules)
    into = (rule for group in target.group_set for rule in group.ingress_rules)
    return _allows(out, target, port) and _allows(into, source, port)


def _allows(rules: Iterable[Any], other: Any, port: int) -> bool:
    groups = {group.id for group in other.group_set}
    address = ipaddress.ip_address(other.private_ip_address)
    for rule in rules:
        if rule.ip_protocol not in ("-1", "tcp", None):
            continue
        if rule.ip_protocol == "tcp" and not int(rule.from_port) <= port <= int(rule.to_port):
            continue
        cidr = rule.ip_range.get("CidrIp")
        if rule.source_group.get("GroupId") in groups or (cidr and address in ipaddress.ip_network(cidr)):
            return True
    return False


def _has_booted(instance: Any) -> bool:
    return bool(instance.instance_status["Status"] == "ok")
