# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a source address goes in a target subnet.

Source: VPC User Guide, "Subnet sizing": a subnet is /16 to /28, its first four addresses and its last one are reserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any, NamedTuple

from .errors import Problems
from .fields import Fields, members_of
from .runs import PROFILES

RESERVED_ADDRESSES = 5
"""Addresses of every subnet that AWS keeps for itself."""


class AddressRule(StrEnum):
    """How a target address follows from a source address."""

    KEEP_HOST_PART = "keep_host_part"
    KEEP_ADDRESS = "keep_address"
    DYNAMIC = "dynamic"
    EXPLICIT = "explicit"
    """Given by C(dr_addresses). Chosen in the subnet map, every server that is mapped there needs one."""
    IMPORTED = "imported"
    """Given by an imported address plan; cannot be chosen in the subnet map."""
    ORIGINAL = "original"
    """That of the source machine, in its own subnet: where the subnet map names no target for a failback."""


class AddressError(ValueError):
    """An address cannot be translated; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class NetworkTarget:
    """Where the servers of one source subnet launch in one network profile.

    Attributes:
        security_groups: Security group ids.
        account_id: Account of the subnet.
        region: Region of the subnet.
        staging_subnet_id: Where servers replicate to while they would launch here; empty where that stays.
    """

    subnet_id: str
    cidr: IPv4Network
    security_groups: tuple[str, ...]
    rule: AddressRule
    account_id: str = ""
    region: str = ""
    staging_subnet_id: str = ""


class Home(NamedTuple):
    """Where an interface goes back to when the subnet map does not say so."""

    target: NetworkTarget
    address: str


@dataclass(frozen=True, slots=True)
class Homes:
    """Where machines go back to when the subnet map does not say so.

    Attributes:
        interfaces: By source server id and interface.
        instance_types: Of the source machines, by source server id.
    """

    interfaces: Mapping[tuple[str, int], Home] = field(default_factory=dict)
    instance_types: Mapping[str, str] = field(default_factory=dict)


class Origin(NamedTuple):
    """Where an interface of a source machine is; what is not known is empty."""

    account_id: str = ""
    region: str = ""
    subnet_id: str = ""

    def __str__(self) -> str:
        parts = (("account", self.account_id), ("Region", self.region), ("subnet", self.subnet_id))
        return ", ".join(f"{name} {value}" for name, value in parts if value)


ANYWHERE = Origin()


@dataclass(frozen=True, slots=True)
class SubnetRule:
    """One entry of the subnet map: a source subnet and its target in each profile.

    Attributes:
        where: Where it was declared (C(dr_subnet_map[0])).
        source: Account, Region and subnet that it is for; empty ones are any.
    """

    source_cidr: IPv4Network
    targets: Mapping[str, NetworkTarget]
    where: str = ""
    source: Origin = ANYWHERE

    def is_for(self, origin: Origin) -> bool:
        """Whether an interface may fall under it. A subnet that nobody knows may be the one that it names."""
        return (
            self.source.account_id in ("", origin.account_id)
            and self.source.region in ("", origin.region)
            and ("" in (self.source.subnet_id, origin.subnet_id) or self.source.subnet_id == origin.subnet_id)
        )

    def precedence(self, origin: Origin) -> tuple[int, bool, bool, bool]:
        """Return what decides between rules that hold an address: prefix length, then what of the origin it names."""
        names_subnet = bool(self.source.subnet_id) and self.source.subnet_id == origin.subnet_id
        return (self.source_cidr.prefixlen, names_subnet, bool(self.source.account_id), bool(self.source.region))


@dataclass(frozen=True, slots=True)
class SubnetMap:
    """All rules, complete: source networks and security group ids are known (see L(network_targets.resolve)).

    Attributes:
        source_region: Region of source machines of which DRS names none.
    """

    rules: tuple[SubnetRule, ...]
    source_region: str = ""
    _by_mask: tuple[tuple[int, Mapping[int, Sequence[SubnetRule]]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_mask: dict[int, dict[int, list[SubnetRule]]] = {}
        for rule in self.rules:
            networks = by_mask.setdefault(int(rule.source_cidr.netmask), {})
            networks.setdefault(int(rule.source_cidr.network_address), []).append(rule)
        object.__setattr__(self, "_by_mask", tuple(sorted(by_mask.items(), reverse=True)))

    def find(self, address: str, origin: Origin = ANYWHERE) -> SubnetRule | None:
        """Return the rule that wins for C(address), or None.

        The longest source prefix wins; of equal ones what names the subnet, then the account, then the Region.

        Raises:
            AddressError: C(address) is empty or no IPv4 address, or two rules have the same right to it.
        """
        rules = self.find_all(address, origin)
        if len(rules) > 1 and rules[0].precedence(origin) == rules[1].precedence(origin):
            raise AddressError(
                f"{rules[0].where} and {rules[1].where} map {rules[0].source_cidr} for {origin} with the same right: "
                "name source_account_id, source_region or source_subnet_id in one of them, or remove it"
            )
        return rules[0] if rules else None

    def find_all(self, address: str, origin: Origin = ANYWHERE) -> tuple[SubnetRule, ...]:
        """Return every rule for C(origin) that holds C(address): the one that wins, then those that it shadows.

        Raises:
            AddressError: When C(address) is empty or no IPv4 address.
        """
        return tuple(
            rule
            for rules in self._holding(address)
            for rule in sorted(rules, key=lambda rule: rule.precedence(origin), reverse=True)
            if rule.is_for(origin)
        )

    def for_others(self, address: str, origin: Origin) -> tuple[SubnetRule, ...]:
        """Return the rules that hold C(address), but are for other accounts, Regions or subnets.

        Raises:
            AddressError: When C(address) is empty or no IPv4 address.
        """
        return tuple(rule for rules in self._holding(address) for rule in rules if not rule.is_for(origin))

    def _holding(self, address: str) -> Iterator[Sequence[SubnetRule]]:
        number = int(_parse_address(address))
        for mask, networks in self._by_mask:
            yield networks.get(number & mask, ())


@dataclass(frozen=True, slots=True)
class AddressOverride:
    """One entry of C(dr_addresses): the address of a server's interface in a profile, whatever the rule says."""

    server_key: str
    interface: int
    profile: str
    address: str
    where: str


def parse_overrides(raw: Sequence[Any], *, where: str = "dr_addresses") -> tuple[AddressOverride, ...]:
    """Read the declared explicit addresses. Whether they fit their subnet is checked when they are used.

    Raises:
        DeclarationError: Naming every problem, two addresses for one interface and profile included.
    """
    problems = Problems()
    overrides: dict[tuple[str, int, str], AddressOverride] = {}
    for place, member in members_of(raw, where, problems):
        fields = Fields(member, place, problems, ("server_key", "interface", "profile", "address"))
        override = AddressOverride(
            server_key=fields.text("server_key").lower(),
            interface=fields.integer("interface", 0, minimum=0, maximum=31),
            profile=fields.choice("profile", PROFILES),
            address=fields.text("address"),
            where=place,
        )
        target = (override.server_key, override.interface, override.profile)
        if target in overrides:
            remedy = f"gives interface {override.interface} of {override.server_key} a second address in profile "
            remedy += f"{override.profile}, the first is in {overrides[target].where}: keep one of the two"
            problems.add(override.address, place, remedy)
        overrides.setdefault(target, override)
    problems.raise_if_any()
    return tuple(overrides.values())


def translate(address: str, source_cidr: IPv4Network | str, target: NetworkTarget) -> str | None:
    """Return the address in C(target) of a source address, or None for a dynamic one.

    keep_host_part: target.first + (address - source.first). keep_address: the address itself.

    Raises:
        AddressError: The source address is missing, not IPv4 or outside C(source_cidr); the result is outside the
            target subnet or one of its five reserved addresses.
    """
    source = source_cidr if isinstance(source_cidr, IPv4Network) else IPv4Network(source_cidr)
    parsed = _parse_address(address)
    if parsed not in source:
        raise AddressError(f"{address} is outside its source subnet {source}: correct the subnet map")
    if target.rule == AddressRule.DYNAMIC:
        return None
    if target.rule == AddressRule.KEEP_ADDRESS:
        return _usable(parsed, target.cidr)
    if target.rule != AddressRule.KEEP_HOST_PART:
        raise AddressError(
            f"the rule {target.rule} needs an address of its own for this server: give it in dr_addresses"
        )
    host_part = int(parsed) - int(source.network_address)
    if host_part >= target.cidr.num_addresses:
        raise AddressError(f"the host part {host_part} of {address} does not fit {target.cidr}: use a larger subnet")
    return _usable(target.cidr.network_address + host_part, target.cidr)


def check_address(address: str, cidr: IPv4Network) -> str:
    """Return C(address) in its normal form when an interface in the subnet C(cidr) may have it.

    Raises:
        AddressError: Not IPv4, outside the subnet, or one of the five reserved addresses.
    """
    return _usable(_parse_address(address), cidr)


def _usable(address: IPv4Address, cidr: IPv4Network) -> str:
    if address not in cidr:
        raise AddressError(f"{address} is outside the subnet {cidr}: choose an address of that subnet")
    if int(address) in reserved_addresses(cidr):
        raise AddressError(
            f"{address} is one of the five addresses of {cidr} that AWS reserves (the first four and the last): "
            "choose another in dr_addresses"
        )
    return str(address)


def reserved_addresses(cidr: IPv4Network) -> frozenset[int]:
    """Return the five addresses, as integers, that AWS keeps for itself in every subnet."""
    first = int(cidr.network_address)
    return frozenset({first, first + 1, first + 2, first + 3, int(cidr.broadcast_address)})


def ipv4_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return those of C(addresses) that are IPv4 addresses."""
    return tuple(address for address in addresses if _is_ipv4(address))


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _parse_address(text: str) -> IPv4Address:
    if not text:
        raise AddressError("no IPv4 address is known: give an explicit one in dr_addresses")
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise AddressError(f"{text} is no IPv4 address: only IPv4 addresses can be mapped") from None
