# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subnet map as it is declared, before AWS is asked for what it leaves open.

Source networks may be given by a subnet id, security groups by name, accounts and Regions not at all.
C(network_targets.resolve) makes it complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

from .accounts import ACCOUNT_ID
from .addresses import AddressRule, Origin
from .errors import Problems
from .fields import Fields, members_of
from .places import Place
from .runs import PROFILES

LARGEST_SUBNET = 16
SMALLEST_SUBNET = 28
"""Prefix lengths of AWS subnets. Source: VPC User Guide, "Subnet sizing"."""

SOURCE_SIDE_PROFILES = ("failback",)
"""Profiles whose servers go back to where their sources are."""

REGION = "[a-z]+(-[a-z]+)+-[0-9]+"
SUBNET_ID = r"subnet-\S+"
GROUP_ID_START = "sg-"
"""No security group name starts like this. Source: EC2 API Reference, CreateSecurityGroup."""

MAP_RULES = tuple(rule for rule in AddressRule if rule not in (AddressRule.IMPORTED, AddressRule.ORIGINAL))
"""Rules that the subnet map can choose."""

GROUP = r"sg-\S+|(?!sg-).{1,255}"


@dataclass(frozen=True, slots=True)
class Home:
    """What a declaration that names no account and Region means.

    Attributes:
        account_id: Account of the credentials.
        region: The recovery Region.
        source_region: Region in which the source servers run; None when nobody told.
    """

    account_id: str
    region: str
    source_region: str | None = None

    @property
    def place(self) -> Place:
        """Where recoveries go unless declared otherwise."""
        return Place(self.account_id, self.region)


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source subnet, by its network or else by its id.

    Attributes:
        place: Where it is looked up, and where its failback goes.
        named: Account and Region that were declared: an address elsewhere is not in it.
    """

    cidr: IPv4Network | None
    subnet_id: str
    place: Place
    named: Place

    @property
    def scope(self) -> Origin:
        """What a rule for it is for. A subnet is in one account and Region, a network may be everywhere."""
        return Origin(*(self.place if self.subnet_id else self.named), self.subnet_id)


@dataclass(frozen=True, slots=True)
class DeclaredTarget:
    """A target as declared.

    Attributes:
        security_groups: Ids (C(sg-…)) and names.
        staging_subnet_id: Where servers replicate to while they would launch here; empty where that stays.
        where: Where it was declared (C(dr_subnet_map[0].failover)).
    """

    subnet_id: str
    cidr: IPv4Network
    security_groups: tuple[str, ...]
    rule: AddressRule
    place: Place
    where: str
    staging_subnet_id: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredRule:
    """One entry of C(dr_subnet_map)."""

    source: DeclaredSource
    targets: Mapping[str, DeclaredTarget]
    where: str


def parse_subnet_map(raw: Sequence[Any] | None, *, where: str = "dr_subnet_map") -> tuple[DeclaredRule, ...]:
    """Read the declared subnet map (see architecture, section 3).

    Raises:
        DeclarationError: Naming every problem: bad networks, a target too small for the host part, unknown rules and
            keys, duplicate sources, missing fields, an empty map.
    """
    problems = Problems()
    rules: list[DeclaredRule] = []
    first_seen: dict[tuple[IPv4Network, Origin], str] = {}
    members = members_of(raw, where, problems)
    if not members and not len(problems):
        problems.add(raw, where, "is empty: map at least one source subnet")
    for place, member in members:
        known = ("source_cidr", "source_subnet_id", "source_account_id", "source_region", *PROFILES)
        fields = Fields(member, place, problems, known)
        source = _parse_source(fields)
        targets = {
            profile: target
            for profile in PROFILES
            if profile in fields and (target := _parse_target(fields, profile, source.cidr, problems)) is not None
        }
        if isinstance(member, Mapping) and not any(profile in fields for profile in PROFILES):
            problems.add(_name(source), place, f"has no target: give at least one of {', '.join(PROFILES)}")
        if source.cidr is not None:
            check_source(source.cidr, source.scope, place, first_seen, problems)
        rules.append(DeclaredRule(source, targets, place))
    problems.raise_if_any()
    return tuple(rules)


def locate(rules: Iterable[DeclaredRule], home: Home, problems: Problems) -> tuple[DeclaredRule, ...]:
    """Return the rules with the account and Region of everything that has to be looked up.

    Targets of C(failover) and C(test) are at home; those of C(failback) where the source is.

    Args:
        rules: Rules as declared.
        home: What a declaration means that names no account and Region.
        problems: Collects rules whose Region nobody knows.
    """
    located: list[DeclaredRule] = []
    for rule in rules:
        source_home = Place(
            rule.source.place.account_id or home.account_id, rule.source.place.region or home.source_region or ""
        )
        if rule.source.subnet_id and not source_home.region:
            problems.add(None, f"{rule.where}.source_region", "missing: give it, or dr_source_region for all")
        targets: dict[str, DeclaredTarget] = {}
        for profile, target in rule.targets.items():
            default = source_home if profile in SOURCE_SIDE_PROFILES else home.place
            place = Place(target.place.account_id or default.account_id, target.place.region or default.region)
            if not place.region:
                problems.add(None, f"{target.where}.region", "missing: give it, or dr_source_region for all")
            targets[profile] = replace(target, place=place)
        located.append(replace(rule, source=replace(rule.source, place=source_home), targets=targets))
    return tuple(located)


def check_source(
    source: IPv4Network,
    scope: Origin,
    where: str,
    first_seen: dict[tuple[IPv4Network, Origin], str],
    problems: Problems,
) -> None:
    """Find out whether a source network is mapped already, and remember it.

    Args:
        source: Source network.
        scope: Account, Region and subnet that the rule is for.
        where: Where it was declared.
        first_seen: Where each source network was declared first for each scope.
        problems: Collects what is found.
    """
    first = first_seen.setdefault((source, scope), where)
    if first != where:
        remedy = f"is mapped by {first} already: keep one of the two, or name source_account_id and source_region"
        problems.add(str(source), where, remedy)


def check_fit(source: IPv4Network, cidr: IPv4Network, rule: AddressRule, where: str, problems: Problems) -> None:
    """Find out whether a target network can take the addresses of a source network by a rule.

    Args:
        source: Source network.
        cidr: Target network.
        rule: Address rule.
        where: Where the target was declared.
        problems: Collects what is found.
    """
    if rule == AddressRule.KEEP_HOST_PART and cidr.num_addresses < source.num_addresses:
        remedy = f"is too small to keep the host part of {source}: use a /{source.prefixlen} or larger, or another rule"
        problems.add(str(cidr), f"{where}.cidr", remedy)
    if rule == AddressRule.KEEP_ADDRESS and not cidr.overlaps(source):
        remedy = f"holds no address of {source}, so none can be kept: use keep_host_part"
        problems.add(str(cidr), f"{where}.cidr", remedy)


def _name(source: DeclaredSource) -> str:
    return source.subnet_id or str(source.cidr)


def _parse_source(fields: Fields) -> DeclaredSource:
    place = _parse_place(fields, "source_account_id", "source_region")
    if "source_cidr" in fields and "source_subnet_id" in fields:
        fields.reject("source_subnet_id", "is given as well as source_cidr: give one of the two")
    if "source_subnet_id" in fields:
        subnet_id = fields.text("source_subnet_id", pattern=SUBNET_ID, remedy="must be a subnet id (subnet-…)")
        return DeclaredSource(None, subnet_id, place, place)
    return DeclaredSource(_parse_network(fields, "source_cidr"), "", place, place)


def _parse_place(fields: Fields, account_id: str, region: str) -> Place:
    return Place(
        fields.text(account_id, "", pattern=ACCOUNT_ID, remedy="must be an account id of 12 digits, in quotes"),
        fields.text(region, "", pattern=REGION, remedy="must be a Region like us-west-2"),
    )


def _parse_target(rule: Fields, profile: str, source: IPv4Network | None, problems: Problems) -> DeclaredTarget | None:
    known = ("subnet_id", "cidr", "security_groups", "address", "account_id", "region", "staging_subnet_id")
    fields = Fields(rule.value(profile), rule.at(profile), problems, known)
    subnet_id = fields.text("subnet_id", pattern=SUBNET_ID, remedy="must be a subnet id (subnet-…)")
    staging = fields.text("staging_subnet_id", "", pattern=SUBNET_ID, remedy="must be a subnet id (subnet-…)")
    groups = fields.texts("security_groups", pattern=GROUP, remedy="must be a security group's id (sg-…) or name")
    address_rule = AddressRule(fields.choice("address", MAP_RULES, AddressRule.KEEP_HOST_PART))
    place = _parse_place(fields, "account_id", "region")
    cidr = _parse_network(fields, "cidr")
    if cidr is None:
        return None
    if not LARGEST_SUBNET <= cidr.prefixlen <= SMALLEST_SUBNET:
        fields.reject("cidr", f"no AWS subnet has this size: use /{LARGEST_SUBNET} to /{SMALLEST_SUBNET}")
    if source is not None:
        check_fit(source, cidr, address_rule, fields.where, problems)
    return DeclaredTarget(subnet_id, cidr, groups, address_rule, place, fields.where, staging)


def _parse_network(fields: Fields, name: str) -> IPv4Network | None:
    text = fields.text(name)
    if not text:
        return None
    try:
        return IPv4Network(text)
    except ValueError as error:
        fields.reject(name, f"is no IPv4 network ({error}): write it like 10.10.1.0/24")
        return None
