"""Estates of any size: `python -m emulator estate --servers N`. The same arguments give the same document.

Each account has a block of 4,096 addresses, cut the same way in its home network and in the target account's recovery
and drill networks, so that a server can keep the host part of its address wherever it is launched.
"""

from __future__ import annotations

import ipaddress
import random
from typing import Any

import yaml

from ..drs.quotas import REPLICATING_SERVERS, TOTAL_SERVERS

FEWEST, MOST = 10, 5000
TARGET = "222222222222"
HOME_REGION, RECOVERY_REGION = "us-east-1", "us-west-2"
_FIRST_STAGING = 111111111111
_BLOCKS = 16  # of 4,096 addresses in a /16
_SUBNETS = {"web": 0, "app": 4, "db": 8, "backup": 12}  # third octet in the block; each is a /22
_NETWORKS = {"home": 10, "recovery": 64, "drill": 128, "staging": 192}  # second octet of the first /16
_SERVERS_PER_APPLICATION = 12
_FIRST_HOST = 10

_LINUX = "Linux version 6.1.159-182.297.amzn2023.x86_64"
_WINDOWS = "Microsoft Windows Server 2022 Datacenter 10.0.20348"
_TIERS: dict[str, dict[str, Any]] = {
    "web": {"share": 0.3, "name": "web", "types": ["t3.small", "t3.medium"], "memory_gib": 4, "disks": 1},
    "app": {"share": 0.45, "name": "application", "types": ["m5.large", "t3.large"], "memory_gib": 8, "disks": 1},
    "db": {"share": 0.25, "name": "database", "types": ["r5.large", "r5.xlarge"], "memory_gib": 16, "disks": 2},
}
_WINDOWS_SHARE = 0.3
_SECOND_INTERFACE_SHARE = 0.2  # of the databases
_OWNERS = ("payments", "logistics", "sales", "finance", "platform")


class GeneratorError(ValueError):
    """An estate that cannot be generated; the message says why."""


def accounts_needed(servers: int) -> int:
    """Return how many accounts so many servers replicate to, by the quota of replicating servers."""
    return -(-servers // REPLICATING_SERVERS.value)


def generate(servers: int, accounts: int | None = None, seed: int = 1) -> dict[str, Any]:
    """Return an estate as a document.

    Args:
        servers: how many, 10 to 5,000.
        accounts: how many accounts they replicate to: the target account, and staging accounts that the target may
            recover; as few as the quota of replicating servers allows when left out.
        seed: varies which server is what.

    Raises:
        GeneratorError: the numbers do not fit AWS.
    """
    if not FEWEST <= servers <= MOST:
        raise GeneratorError(f"{servers} servers: give {FEWEST} to {MOST}")
    fewest = accounts_needed(servers)
    wanted = fewest if accounts is None else accounts
    if not fewest <= wanted <= servers:
        raise GeneratorError(
            f"{wanted} accounts for {servers} servers: give {fewest} to {servers}, since at most "
            f"{REPLICATING_SERVERS.value} servers replicate into one account and Region"
        )
    if wanted > _BLOCKS * (_NETWORKS["recovery"] - _NETWORKS["home"]):
        raise GeneratorError(f"{wanted} accounts: the address plan has room for fewer")
    ids = [TARGET, *(str(_FIRST_STAGING + number) for number in range(wanted - 1))]
    return {
        "accounts": {account: _account(account, number, len(ids), servers) for number, account in enumerate(ids)},
        "server_defaults": {
            "os": _LINUX,
            "source": {"region": HOME_REGION},
            "replication": {"region": RECOVERY_REGION, "staging_subnet": "staging", "ebs_encryption": "NONE"},
        },
        "server_kinds": {tier: _kind(tier) for tier in _TIERS},
        "servers": _servers(servers, ids, random.Random(seed)),
    }


def dump(document: dict[str, Any]) -> str:
    """Write an estate as YAML."""
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(document, Dumper=dumper, sort_keys=False, default_flow_style=None, width=200))


def _account(account: str, number: int, count: int, servers: int) -> dict[str, Any]:
    home = {"home": _network("home", number, number, internet_gateway=True)}
    recovery = {"staging": _staging_network(number)}
    target = account == TARGET
    if target:
        for first in range(0, count, _BLOCKS):
            last = min(first + _BLOCKS, count) - 1
            recovery[f"recovery-{first // _BLOCKS}"] = _network("recovery", first, last, internet_gateway=True)
            recovery[f"drill-{first // _BLOCKS}"] = _network("drill", first, last, internet_gateway=False)
    raised = {"drs_quotas": {TOTAL_SERVERS.code: servers}} if target and servers > TOTAL_SERVERS.value else {}
    return {
        "name": "target" if target else f"staging {number}",
        "access_keys": [
            {
                "user": "dr-operator",
                "access_key_id": f"AKIAEMBEDDED{account[-8:]}",
                "secret_access_key": f"embedded-aws-secret-access-key-of-{account}",
            }
        ],
        **({} if target else {"drs_target_accounts": [TARGET]}),
        "regions": {
            HOME_REGION: {"drs": True, "networks": home},
            RECOVERY_REGION: {"drs": True, **raised, "networks": recovery},
        },
    }


def _network(kind: str, first: int, last: int, *, internet_gateway: bool) -> dict[str, Any]:
    """Return a network with the subnets of the blocks from `first` to `last`, which lie in one /16."""
    return {
        "cidr": f"10.{_NETWORKS[kind] + first // _BLOCKS}.0.0/16",
        "internet_gateway": internet_gateway,
        "subnets": {
            f"{kind}-{block}-{name}": {"cidr": f"{_prefix(kind, block, name)}.0/22"}
            for block in range(first, last + 1)
            for name in _SUBNETS
        },
        "security_groups": {f"{kind}-{name}": {} for name in _SUBNETS},
    }


def _staging_network(number: int) -> dict[str, Any]:
    base = f"10.{_NETWORKS['staging'] + number // _BLOCKS}.{number % _BLOCKS * 16}.0"
    return {"cidr": f"{base}/20", "internet_gateway": True, "subnets": {"staging": {"cidr": f"{base}/22"}}}


def _prefix(kind: str, block: int, subnet: str) -> str:
    return f"10.{_NETWORKS[kind] + block // _BLOCKS}.{block % _BLOCKS * 16 + _SUBNETS[subnet]}"


def _kind(tier: str) -> dict[str, Any]:
    facts = _TIERS[tier]
    devices = ["/dev/xvda", "/dev/xvdf"][: facts["disks"]]
    return {
        "instance_type": facts["types"][0],
        "memory_gib": facts["memory_gib"],
        "disks": {device: 30 if position == 0 else 200 for position, device in enumerate(devices)},
        "security_groups": [f"home-{tier}"],
        "tags": {"Tier": facts["name"]},
    }


def _servers(count: int, accounts: list[str], choice: random.Random) -> dict[str, Any]:
    """Return the servers, spread evenly over the accounts, an application's servers side by side."""
    servers: dict[str, Any] = {}
    application = 0
    for number, account in enumerate(accounts):
        hosts = dict.fromkeys(_SUBNETS, _FIRST_HOST)
        share = count * (number + 1) // len(accounts) - count * number // len(accounts)
        for position in range(share):
            if position % _SERVERS_PER_APPLICATION == 0:
                application += 1
                made = dict.fromkeys(_TIERS, 0)
            tier = _tier(choice, position % _SERVERS_PER_APPLICATION)
            made[tier] += 1
            name = f"a{application:03d}-{tier}-{made[tier]:02d}"
            servers[name] = _server(tier, application, number, account, hosts, choice)
    return servers


def _tier(choice: random.Random, position: int) -> str:
    """Return a tier by its share; every application starts with a database and an application server."""
    if position < 2:
        return ("db", "app")[position]
    number = choice.random()
    for tier, facts in _TIERS.items():
        number -= facts["share"]
        if number < 0:
            return tier
    return "app"


def _server(
    tier: str, application: int, block: int, account: str, hosts: dict[str, int], choice: random.Random
) -> dict[str, Any]:
    subnets = [tier]
    if tier == "db" and choice.random() < _SECOND_INTERFACE_SHARE:
        subnets.append("backup")
    addresses = {f"home-{block}-{name}": _address(block, name, hosts) for name in subnets}
    server: dict[str, Any] = {"kind": tier, "addresses": addresses}
    if choice.random() < _WINDOWS_SHARE:
        server["os"] = _WINDOWS
    if choice.random() < 0.5:
        server["instance_type"] = _TIERS[tier]["types"][1]
    owner = _OWNERS[application % len(_OWNERS)]
    server["tags"] = {"Application": f"app-{application:03d}", "Owner": owner}
    server["source"] = {"account": account}
    server["replication"] = {"account": account}
    return server


def _address(block: int, subnet: str, hosts: dict[str, int]) -> str:
    """Return the next free address of a subnet in the home network."""
    host = hosts[subnet]
    hosts[subnet] += 1
    return str(ipaddress.IPv4Address(f"{_prefix('home', block, subnet)}.0") + host)
