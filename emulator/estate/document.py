"""The estate as a file declares it: checked completely, before anything is made of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..drs.quotas import REPLICATING_SERVERS
from ..iam.modes import MODES, ROLES
from .declared import Account, Estate, Server
from .machines import servers_of
from .places import accounts_of
from .reader import EstateError, Section
from .settings import parse_settings
from .trouble import parse_faults, parse_throttling

_TOP_KEYS = {"accounts", "drs_settings", "faults", "iam", "server_defaults", "server_kinds", "servers", "throttling"}


def parse(document: Any) -> Estate:
    """Check a parsed YAML document and return what it declares.

    Raises:
        EstateError: any mistake in it.
    """
    top = Section(document, "", _TOP_KEYS)
    accounts = accounts_of(top)
    once = _Once()
    _refuse_double_networks(accounts, once)
    servers = servers_of(top, accounts)
    _refuse_double_servers(servers, once)
    _refuse_too_many(servers)
    enforce = top.section("iam", {"enforce"}).choice("enforce", MODES, ROLES)
    names = {name for server in servers for name in (server.name, server.server_id, server.fqdn)}
    settings, faults, throttling = parse_settings(top), parse_faults(top, names), parse_throttling(top)
    return Estate(accounts, servers, settings, enforce, faults, throttling)


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
