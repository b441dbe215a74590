"""Accounts, Regions and networks of an estate, read and checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from ..drs.identifiers import identifier
from ..drs.quotas import QUOTAS
from .declared import Account, Group, Network, Region, Role, Rule, Subnet, names
from .reader import EstateError, Section

HEX_ID = r"[0-9a-f]{8}|[0-9a-f]{17}"
_ACCOUNT_KEYS = {"name", "access_keys", "roles", "drs_target_accounts", "drs_failback_accounts", "regions"}
_REGION_KEYS = {"automations", "drs", "default_vpc", "drs_quotas", "drs_staging_subnet", "networks"}
_NETWORK_KEYS = {"id", "cidr", "internet_gateway", "subnets", "security_groups"}


def accounts_of(top: Section) -> dict[str, Account]:
    """Return the accounts of a document.

    Raises:
        EstateError: a mistake in them.
    """
    accounts = {name: _account(name, section) for name, section in top.sections("accounts", _ACCOUNT_KEYS)}
    if not accounts:
        raise EstateError("accounts: an estate needs at least one account")
    return accounts


def _account(account_id: str, section: Section) -> Account:
    if not (account_id.isdigit() and len(account_id) == 12):
        raise EstateError(f"{section.path}: an account id has 12 digits")
    regions = {name: _region(name, below, account_id) for name, below in section.sections("regions", _REGION_KEYS)}
    targets, others = _account_ids(section, "drs_target_accounts"), _account_ids(section, "drs_failback_accounts")
    roles = [_role(name, below) for name, below in section.sections("roles", {"trusted_accounts", "policies"})]
    return Account(account_id, roles, targets, others, regions)


def _account_ids(section: Section, key: str) -> list[str]:
    for other in section.texts(key):
        if not (other.isdigit() and len(other) == 12):
            raise EstateError(f"{section.at(key)}: {other!r}: an account id has 12 digits")
    return section.texts(key)


def _role(name: str, section: Section) -> Role:
    for policy in section.texts("policies"):
        if not policy.startswith("arn:aws:iam::aws:policy/"):
            raise EstateError(f"{section.at('policies')}: {policy!r}: name a policy that AWS manages, by its ARN")
    return Role(name, _account_ids(section, "trusted_accounts"), section.texts("policies"))


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
    region = replace(region, automations=_automations(section.section("automations")))
    if "drs_staging_subnet" not in section:
        return region
    if not region.drs:
        raise EstateError(f"{section.at('drs_staging_subnet')}: this Region has no 'drs: true'")
    return replace(region, staging_subnet=region.subnet(section.text("drs_staging_subnet"), section.path))


def _automations(section: Section) -> dict[str, int]:
    for name in section.value:
        if not re.fullmatch(r"[a-zA-Z0-9_.-]{3,128}", name):
            raise EstateError(f"{section.at(name)}: the name of a document has 3 to 128 letters, digits, _ . and -")
    return {name: int(section.number(name)) for name in section.value}


def _quotas(section: Section) -> dict[str, int]:
    adjustable = {quota.code: quota for quota in QUOTAS if quota.adjustable}
    for code in section.value:
        if code not in adjustable:
            raise EstateError(f"{section.at(code)}: AWS raises only these quotas of DRS: {names(adjustable)}")
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
        key: Group(key, _id(below, "sg", *where, name, key), below.text("description", key), _rules(below))
        for key, below in section.sections("security_groups", {"id", "description", "ingress"})
    }
    for group in groups.values():
        for rule in group.ingress:
            if rule.source not in groups and not _is_cidr(rule.source):
                where_ = f"{section.at('security_groups')}.{group.name}.ingress"
                raise EstateError(f"{where_}: source {rule.source!r} is no IPv4 network and no group of network {name}")
    return Network(
        name, _id(section, "vpc", *where, name), cidr, section.flag("internet_gateway", False), subnets, groups
    )


def _rules(section: Section) -> tuple[Rule, ...]:
    value = section.get("ingress", [])
    if not isinstance(value, list):
        raise EstateError(f"{section.at('ingress')}: must be a list of rules")
    rules = [
        Section(item, f"{section.at('ingress')}[{number}]", {"port", "source"}) for number, item in enumerate(value)
    ]
    return tuple(Rule(int(rule.number("port", lowest=1)), rule.text("source")) for rule in rules)


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return True


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
