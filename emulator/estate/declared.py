"""What an estate declares, once it is checked: accounts, networks, servers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..drs.state import LaunchFault
from ..iam.modes import ROLES
from ..machines.software import Agent, Service
from ..throttling.settings import Setting
from .reader import EstateError


@dataclass(frozen=True)
class Subnet:
    """A subnet of a network."""

    name: str
    subnet_id: str
    cidr: ipaddress.IPv4Network
    zone: str
    network: str


@dataclass(frozen=True)
class Rule:
    """An inbound rule of a security group: a TCP port for a network or for another group of the VPC."""

    port: int
    source: str


@dataclass(frozen=True)
class Group:
    """A security group of a network."""

    name: str
    group_id: str
    description: str
    ingress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Network:
    """A VPC."""

    name: str
    vpc_id: str
    cidr: ipaddress.IPv4Network
    internet_gateway: bool
    subnets: dict[str, Subnet]
    groups: dict[str, Group]


@dataclass(frozen=True)
class Region:
    """What an account has in a Region."""

    name: str
    drs: bool
    default_vpc: bool
    networks: dict[str, Network]
    quotas: dict[str, int] = field(default_factory=dict)
    staging_subnet: Subnet | None = None
    automations: dict[str, int] = field(default_factory=dict)

    @cached_property
    def subnets(self) -> dict[str, Subnet]:
        """Return all subnets by their names, which are unique in a Region."""
        return {key: item for network in self.networks.values() for key, item in network.subnets.items()}

    def subnet(self, name: str, path: str) -> Subnet:
        """Return a subnet by its name."""
        if name not in self.subnets:
            raise EstateError(f"{path}: no subnet {name!r} in Region {self.name}; there are: {names(self.subnets)}")
        return self.subnets[name]


@dataclass(frozen=True)
class Role:
    """An IAM role that other accounts may assume."""

    name: str
    trusted_accounts: list[str]
    policies: list[str]


@dataclass(frozen=True)
class Account:
    """An AWS account."""

    account_id: str
    roles: list[Role]
    trusted_targets: list[str]
    failback_accounts: list[str]
    regions: dict[str, Region]


@dataclass(frozen=True)
class ServerInterface:
    """An interface of a server: the subnet (None on premises) and its addresses, the first of them primary."""

    subnet: Subnet | None
    addresses: list[str]


@dataclass(frozen=True)
class Place:
    """An account and a Region."""

    account: str
    region: str


@dataclass(frozen=True)
class Server:
    """A machine: an EC2 instance in `source`, or one on premises without both, that replicates to DRS in `target`."""

    name: str
    server_id: str
    instance_id: str | None
    fqdn: str
    os: str
    instance_type: str
    cpu_cores: int
    ram_gib: float
    boot_mode: str
    disks: dict[str, int]
    interfaces: list[ServerInterface]
    groups: list[Group]
    tags: dict[str, str]
    source: Place | None
    target: Place
    staging_subnet: Subnet
    state: str
    lag: float
    days: float
    ebs_encryption: str
    slow: float
    fault: LaunchFault | None
    services: tuple[Service, ...]
    agent: Agent | None
    instance_profile: str | None = None


@dataclass(frozen=True)
class Estate:
    """Everything that a file declares."""

    accounts: dict[str, Account]
    servers: list[Server] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    enforce: str = ROLES
    faults: list[dict[str, Any]] = field(default_factory=list)
    throttling: dict[str, Setting] = field(default_factory=dict)


def names(mapping: dict[str, Any]) -> str:
    """Return the names of what there is, for messages."""
    return ", ".join(sorted(mapping)) or "none"
