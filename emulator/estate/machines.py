"""Servers of an estate, read and checked."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..drs.control import ControlError, parse_fault
from ..drs.identifiers import identifier
from ..drs.state import ACTIVE_STATES, LaunchFault
from ..ec2.addresses import RESERVED_FIRST, RESERVED_LAST
from ..machines.software import Agent, Service, SoftwareError, parse_agent, parse_services
from .declared import Account, Group, Network, Place, Region, Server, ServerInterface, Subnet, names
from .places import HEX_ID
from .reader import EstateError, Section, address, merge

STATES = ("INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED", *sorted(ACTIVE_STATES))
BOOT_MODES = ("legacy-bios", "uefi")
ENCRYPTIONS = ("NONE", "DEFAULT", "CUSTOM")
_SERVER_KEYS = {
    "id",
    "instance",
    "domain",
    "os",
    "instance_type",
    "cpus",
    "memory_gib",
    "boot_mode",
    "disks",
    "addresses",
    "security_groups",
    "instance_profile",
    "tags",
    "source",
    "on_premises",
    "replication",
    "fail_launch",
    "slow",
    "listens",
    "ssm_agent",
}
_MERGED_KEYS = frozenset({"tags", "source", "replication"})
_REPLICATION_KEYS = {"account", "region", "staging_subnet", "state", "lag", "days", "ebs_encryption"}


def servers_of(top: Section, accounts: dict[str, Account]) -> list[Server]:
    """Return the servers of a document.

    Raises:
        EstateError: a mistake in them.
    """
    defaults = top.section("server_defaults", _SERVER_KEYS)
    kinds = dict(top.sections("server_kinds", _SERVER_KEYS))
    return [
        _server(name, _complete(section, defaults, kinds), accounts)
        for name, section in top.sections("servers", {"kind", *_SERVER_KEYS})
    ]


def _complete(section: Section, defaults: Section, kinds: dict[str, Section]) -> Section:
    """Return a server with its kind and the defaults below it."""
    own = {key: value for key, value in section.value.items() if key != "kind"}
    if "kind" not in section:
        return Section(merge(defaults.value, own, _MERGED_KEYS), section.path)
    kind = section.text("kind")
    if kind not in kinds:
        raise EstateError(f"{section.at('kind')}: no server kind {kind!r}; there are: {names(kinds)}")
    return Section(merge(merge(defaults.value, kinds[kind].value, _MERGED_KEYS), own, _MERGED_KEYS), section.path)


def _server(name: str, section: Section, accounts: dict[str, Account]) -> Server:
    replication = section.section("replication", _REPLICATION_KEYS)
    target = _place(replication, accounts)
    target_region = accounts[target.account].regions[target.region]
    if not target_region.drs:
        raise EstateError(f"{replication.at('region')}: {target.region} of account {target.account} has no 'drs: true'")
    source, instance_id, interfaces, groups = _origin(name, section, accounts)
    return Server(
        name,
        section.matching("id", r"s-[0-9a-zA-Z]{17}", "s- and 17 letters or digits", identifier("s", target, name)),
        instance_id,
        f"{name}.{section.text('domain', 'example.internal')}",
        section.text("os"),
        section.text("instance_type"),
        section.number("cpus", 2, lowest=1),
        section.number("memory_gib", 8, lowest=0.5),
        section.choice("boot_mode", BOOT_MODES, "legacy-bios"),
        _disks(section),
        interfaces,
        groups,
        section.text_map("tags"),
        source,
        target,
        target_region.subnet(replication.text("staging_subnet"), replication.at("staging_subnet")),
        replication.choice("state", STATES, "CONTINUOUS"),
        replication.number("lag", 0),
        replication.number("days", 30),
        replication.choice("ebs_encryption", ENCRYPTIONS, "DEFAULT"),
        section.number("slow", 1, lowest=0.01),
        _fault(section),
        *_software(section),
        _instance_profile(section, accounts[source.account]) if source else None,
    )


def _instance_profile(section: Section, account: Account) -> str | None:
    """Return the instance profile of an EC2 instance, one of those that DRS makes in an account; None for none."""
    from ..drs.roles import EC2_ROLES

    if "instance_profile" not in section:
        return None
    if not any(region.drs for region in account.regions.values()):
        where = section.at("instance_profile")
        raise EstateError(f"{where}: DRS makes it, and account {account.account_id} has no Region with 'drs: true'")
    return str(section.choice("instance_profile", EC2_ROLES))


def _origin(
    name: str, section: Section, accounts: dict[str, Account]
) -> tuple[Place | None, str | None, list[ServerInterface], list[Group]]:
    """Return where a machine runs, its instance, interfaces and groups; on premises there are only interfaces."""
    if section.flag("on_premises", False):
        return None, None, _plain_interfaces(section), []
    source = _place(section.section("source", {"account", "region"}), accounts)
    region = accounts[source.account].regions[source.region]
    instance_id = section.matching(
        "instance", f"i-({HEX_ID})", "i- and 8 or 17 hexadecimal digits", identifier("i", source, name)
    )
    interfaces, network = _interfaces(section, region)
    return source, instance_id, interfaces, _groups(section, region.networks[network])


def _plain_interfaces(section: Section) -> list[ServerInterface]:
    declared = _declared_addresses(section)
    return [ServerInterface(None, _addresses(value, declared.at(name))) for name, value in declared.value.items()]


def _place(section: Section, accounts: dict[str, Account]) -> Place:
    account, region = section.text("account"), section.text("region")
    if account not in accounts:
        raise EstateError(f"{section.at('account')}: no account {account!r}; there are: {names(accounts)}")
    if region not in accounts[account].regions:
        known = names(accounts[account].regions)
        raise EstateError(
            f"{section.at('region')}: account {account} declares no Region {region!r}; there are: {known}"
        )
    return Place(account, region)


def _interfaces(section: Section, region: Region) -> tuple[list[ServerInterface], str]:
    """Return the interfaces of an EC2 instance, and the network that they are in."""
    declared = _declared_addresses(section)
    subnets = {name: region.subnet(name, declared.at(name)) for name in declared.value}
    interfaces = []
    for name, value in declared.value.items():
        addresses = _addresses(value, declared.at(name))
        for item in addresses:
            _check_address(item, subnets[name], declared.at(name))
        interfaces.append(ServerInterface(subnets[name], addresses))
    zones = {subnet.zone for subnet in subnets.values()}
    networks = [subnet.network for subnet in subnets.values()]
    if len(zones) > 1 or len(set(networks)) > 1:
        raise EstateError(f"{declared.path}: all interfaces of a server are in one network and zone")
    return interfaces, networks[0]


def _declared_addresses(section: Section) -> Section:
    declared = section.section("addresses")
    if not declared.value:
        raise EstateError(f"{section.at('addresses')}: a server needs at least one subnet and address")
    return declared


def _addresses(value: Any, path: str) -> list[str]:
    return [address(item, path) for item in (value if isinstance(value, list) else [value])]


def _check_address(text: str, subnet: Subnet, path: str) -> None:
    offset = int(ipaddress.IPv4Address(text)) - int(subnet.cidr.network_address)
    if not 0 <= offset < subnet.cidr.num_addresses:
        raise EstateError(f"{path}: {text} is not inside {subnet.cidr} of subnet {subnet.name}")
    if offset < RESERVED_FIRST or offset >= subnet.cidr.num_addresses - RESERVED_LAST:
        raise EstateError(f"{path}: {text} is one of the five addresses that AWS reserves in {subnet.cidr}")


def _disks(section: Section) -> dict[str, int]:
    disks = section.section("disks")
    if not disks.value:
        raise EstateError(f"{disks.path}: a server needs at least one disk (device: GiB)")
    for device in disks.value:
        disks.number(device, lowest=1)
    return dict(disks.value)


def _groups(section: Section, network: Network) -> list[Group]:
    groups = []
    for name in section.texts("security_groups"):
        if name not in network.groups:
            known = names(network.groups)
            path = section.at("security_groups")
            raise EstateError(f"{path}: no security group {name!r} in network {network.name}; there are: {known}")
        groups.append(network.groups[name])
    return groups


def _software(section: Section) -> tuple[tuple[Service, ...], Agent | None]:
    try:
        services = parse_services(section.get("listens", None), section.at("listens"))
        return services, parse_agent(section.get("ssm_agent", None), section.at("ssm_agent"))
    except SoftwareError as error:
        raise EstateError(str(error)) from error


def _fault(section: Section) -> LaunchFault | None:
    try:
        return parse_fault(section.get("fail_launch", None))
    except ControlError as error:
        raise EstateError(f"{section.path}: {error}") from error
