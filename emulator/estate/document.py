"""The estate as a file declares it: checked completely, before anything is made of it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..drs.control import ControlError, parse_fault
from ..drs.identifiers import identifier
from ..drs.quotas import QUOTAS, REPLICATING_SERVERS
from ..drs.state import ACTIVE_STATES, LaunchFault
from ..ec2.addresses import RESERVED_FIRST, RESERVED_LAST
from ..iam.modes import MODES, ROLES
from ..throttling.settings import Setting
from .reader import EstateError, Section, address, merge
from .settings import parse_settings
from .trouble import parse_faults, parse_throttling

STATES = ("INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED", *sorted(ACTIVE_STATES))
BOOT_MODES = ("legacy-bios", "uefi")
ENCRYPTIONS = ("NONE", "DEFAULT", "CUSTOM")
HEX_ID = r"[0-9a-f]{8}|[0-9a-f]{17}"


@dataclass(frozen=True)
class Subnet:
    """A subnet of a network."""

    name: str
    subnet_id: str
    cidr: ipaddress.IPv4Network
    zone: str
    network: str


@dataclass(frozen=True)
class Group:
    """A security group of a network."""

    name: str
    group_id: str
    description: str


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

    @cached_property
    def subnets(self) -> dict[str, Subnet]:
        """Return all subnets by their names, which are unique in a Region."""
        return {key: item for network in self.networks.values() for key, item in network.subnets.items()}

    def subnet(self, name: str, path: str) -> Subnet:
        """Return a subnet by its name."""
        if name not in self.subnets:
            raise EstateError(f"{path}: no subnet {name!r} in Region {self.name}; there are: {_names(self.subnets)}")
        return self.subnets[name]


@dataclass(frozen=True)
class Account:
    """An AWS account."""

    account_id: str
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


@dataclass(frozen=True)
class Estate:
    """Everything that a file declares."""

    accounts: dict[str, Account]
    servers: list[Server] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    enforce: str = ROLES
    faults: list[dict[str, Any]] = field(default_factory=list)
    throttling: dict[str, Setting] = field(default_factory=dict)


def parse(document: Any) -> Estate:
    """Check a parsed YAML document and return what it declares.

    Raises:
        EstateError: any mistake in it.
    """
    top = Section(document, "", _TOP_KEYS)
    accounts = {name: _account(name, section) for name, section in top.sections("accounts", _ACCOUNT_KEYS)}
    if not accounts:
        raise EstateError("accounts: an estate needs at least one account")
    once = _Once()
    _refuse_double_networks(accounts, once)
    defaults = top.section("server_defaults", _SERVER_KEYS)
    kinds = dict(top.sections("server_kinds", _SERVER_KEYS))
    servers = []
    for name, section in top.sections("servers", {"kind", *_SERVER_KEYS}):
        servers.append(_server(name, _complete(section, defaults, kinds), accounts))
    _refuse_double_servers(servers, once)
    _refuse_too_many(servers)
    enforce = top.section("iam", {"enforce"}).choice("enforce", MODES, ROLES)
    names = {name for server in servers for name in (server.name, server.server_id, server.fqdn)}
    settings, faults, throttling = parse_settings(top), parse_faults(top, names), parse_throttling(top)
    return Estate(accounts, servers, settings, enforce, faults, throttling)


# -- accounts and networks ---------------------------------------------------------------------------------------------

_TOP_KEYS = {"accounts", "drs_settings", "faults", "iam", "server_defaults", "server_kinds", "servers", "throttling"}
_ACCOUNT_KEYS = {"name", "access_keys", "drs_target_accounts", "drs_failback_accounts", "regions"}
_REGION_KEYS = {"drs", "default_vpc", "drs_quotas", "drs_staging_subnet", "networks"}
_NETWORK_KEYS = {"id", "cidr", "internet_gateway", "subnets", "security_groups"}


def _account(account_id: str, section: Section) -> Account:
    if not (account_id.isdigit() and len(account_id) == 12):
        raise EstateError(f"{section.path}: an account id has 12 digits")
    for key in ("drs_target_accounts", "drs_failback_accounts"):
        for other in section.texts(key):
            if not (other.isdigit() and len(other) == 12):
                raise EstateError(f"{section.at(key)}: {other!r}: an account id has 12 digits")
    regions = {name: _region(name, below, account_id) for name, below in section.sections("regions", _REGION_KEYS)}
    targets, others = section.texts("drs_target_accounts"), section.texts("drs_failback_accounts")
    return Account(account_id, targets, others, regions)


def _region(name: str, section: Section, account_id: str) -> Region:
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

    if name not in RegionsAndZonesBackend.zones:
        raise EstateError(f"{section.path}: AWS has no Region {name!r}")
    where = (account_id, name)
    networks = {
        key: _network(key, below, where, [zone.name for zone in RegionsAndZonesBackend.zones[name]])
        for key, below in section.sections("networks", _NETWORK_KEYS)
    }
    flags = section.flag("drs", False), section.flag("default_vpc", False)
    region = Region(name, *flags, networks, _quotas(section.section("drs_quotas")))
    if "drs_staging_subnet" not in section:
        return region
    if not region.drs:
        raise EstateError(f"{section.at('drs_staging_subnet')}: this Region has no 'drs: true'")
    return replace(region, staging_subnet=region.subnet(section.text("drs_staging_subnet"), section.path))


def _quotas(section: Section) -> dict[str, int]:
    adjustable = {quota.code: quota for quota in QUOTAS if quota.adjustable}
    for code in section.value:
        if code not in adjustable:
            raise EstateError(f"{section.at(code)}: AWS raises only these quotas of DRS: {_names(adjustable)}")
        section.number(code, lowest=adjustable[code].value)
    return {code: int(value) for code, value in section.value.items()}


def _network(name: str, section: Section, where: tuple[str, str], zones: list[str]) -> Network:
    cidr = section.cidr("cidr")
    if not 16 <= cidr.prefixlen <= 28:
        raise EstateError(f"{section.at('cidr')}: the prefix of a VPC is /16 to /28, not /{cidr.prefixlen}")
    subnets: dict[str, Subnet] = {}
    for key, below in section.sections("subnets", {"id", "cidr", "zone"}):
        subnet = _subnet(key, below, name, where, zones)
        if not subnet.cidr.subnet_of(cidr):
            raise EstateError(f"{below.at('cidr')}: {subnet.cidr} is not inside {cidr} of network {name}")
        overlapping = [other.name for other in subnets.values() if other.cidr.overlaps(subnet.cidr)]
        if overlapping:
            raise EstateError(f"{below.at('cidr')}: {subnet.cidr} overlaps subnet {overlapping[0]}")
        subnets[key] = subnet
    groups = {
        key: Group(key, _id(below, "sg", *where, name, key), below.text("description", key))
        for key, below in section.sections("security_groups", {"id", "description"})
    }
    return Network(
        name, _id(section, "vpc", *where, name), cidr, section.flag("internet_gateway", False), subnets, groups
    )


def _subnet(name: str, section: Section, network: str, where: tuple[str, str], zones: list[str]) -> Subnet:
    cidr = section.cidr("cidr")
    if not 16 <= cidr.prefixlen <= 28:
        raise EstateError(f"{section.at('cidr')}: the prefix of a subnet is /16 to /28, not /{cidr.prefixlen}")
    zone = where[1] + section.text("zone", "a")
    if zone not in zones:
        raise EstateError(f"{section.at('zone')}: Region {where[1]} has no zone {zone}; there are: {', '.join(zones)}")
    return Subnet(name, _id(section, "subnet", *where, network, name), cidr, zone, network)


def _id(section: Section, prefix: str, *names: str) -> str:
    form = f"{prefix}- and 8 or 17 hexadecimal digits"
    return str(section.matching("id", f"{prefix}-({HEX_ID})", form, identifier(prefix, *names)))


# -- servers -----------------------------------------------------------------------------------------------------------

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
    "tags",
    "source",
    "on_premises",
    "replication",
    "fail_launch",
    "slow",
}
_MERGED_KEYS = frozenset({"tags", "source", "replication"})
_REPLICATION_KEYS = {"account", "region", "staging_subnet", "state", "lag", "days", "ebs_encryption"}


def _complete(section: Section, defaults: Section, kinds: dict[str, Section]) -> Section:
    """Return a server with its kind and the defaults below it."""
    own = {key: value for key, value in section.value.items() if key != "kind"}
    if "kind" not in section:
        return Section(merge(defaults.value, own, _MERGED_KEYS), section.path)
    kind = section.text("kind")
    if kind not in kinds:
        raise EstateError(f"{section.at('kind')}: no server kind {kind!r}; there are: {_names(kinds)}")
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
    )


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
        raise EstateError(f"{section.at('account')}: no account {account!r}; there are: {_names(accounts)}")
    if region not in accounts[account].regions:
        known = _names(accounts[account].regions)
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
            known = _names(network.groups)
            path = section.at("security_groups")
            raise EstateError(f"{path}: no security group {name!r} in network {network.name}; there are: {known}")
        groups.append(network.groups[name])
    return groups


def _fault(section: Section) -> LaunchFault | None:
    try:
        return parse_fault(section.get("fail_launch", None))
    except ControlError as error:
        raise EstateError(f"{section.path}: {error}") from error


# -- the whole ---------------------------------------------------------------------------------------------------------


class _Once:
    """Remembers what may exist only once, and where it was seen."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], str] = {}

    def check(self, path: str, *key: str) -> None:
        if key in self._seen:
            raise EstateError(f"{path}: {key[-1]} is already that of {self._seen[key]}")
        self._seen[key] = path


def _refuse_double_networks(accounts: dict[str, Account], once: _Once) -> None:
    for account in accounts.values():
        for region in account.regions.values():
            for network in region.networks.values():
                path = f"accounts.{account.account_id}.regions.{region.name}.networks.{network.name}"
                once.check(path, "id", network.vpc_id)
                for subnet in network.subnets.values():
                    once.check(f"{path}.subnets.{subnet.name}", "id", subnet.subnet_id)
                    once.check(f"{path}.subnets.{subnet.name}", account.account_id, region.name, subnet.name)
                for group in network.groups.values():
                    once.check(f"{path}.security_groups.{group.name}", "id", group.group_id)


def _refuse_double_servers(servers: list[Server], once: _Once) -> None:
    for server in servers:
        once.check(f"servers.{server.name}.id", "id", server.server_id)
        if server.instance_id:
            once.check(f"servers.{server.name}.instance", "id", server.instance_id)
        for interface in server.interfaces:
            for item in interface.addresses:
                place = interface.subnet.subnet_id if interface.subnet else "on premises"
                once.check(f"servers.{server.name}.addresses", place, item)


def _refuse_too_many(servers: list[Server]) -> None:
    replicating = Counter(server.target for server in servers if server.state != "DISCONNECTED")
    for place, count in replicating.items():
        if count > REPLICATING_SERVERS.value:
            raise EstateError(
                f"servers: {count} servers replicate to {place.region} of account {place.account}; DRS takes "
                f"{REPLICATING_SERVERS.value} ({REPLICATING_SERVERS.code}): use further accounts"
            )


def _names(mapping: dict[str, Any]) -> str:
    return ", ".join(sorted(mapping)) or "none"
