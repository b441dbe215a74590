# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the selected source servers go by the declared subnet map: what modules about networks share.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import ACCOUNTS_SPEC, MATCH_SPEC, Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import resolve_subnet_map
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import (
    DISCONNECTED,
    selected_servers,
    with_known_interfaces,
    with_known_subnets,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import (
    AddressOverride,
    SubnetMap,
    parse_overrides,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    AddressPlace,
    MapEntry,
    collect_entries,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import FoundNetworks
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import (
    Home,
    Place,
    parse_subnet_map,
)

_T = TypeVar("_T")

NETWORK_PLAN_SPEC: Mapping[str, Any] = {
    "subnet_map": {
        "type": "list",
        "elements": "dict",
        "options": {
            "source_cidr": {"type": "str"},
            "source_subnet_id": {"type": "str"},
            "source_account_id": {"type": "str"},
            "source_region": {"type": "str"},
            "failover": {"type": "dict"},
            "test": {"type": "dict"},
            "failback": {"type": "dict"},
        },
    },
    "addresses": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "server_key": {"type": "str", "no_log": False},
            "interface": {"type": "int"},
            "profile": {"type": "str"},
            "address": {"type": "str"},
        },
    },
    "profiles": {
        "type": "list",
        "elements": "str",
        "choices": ["failover", "test", "failback"],
        "default": ["failover", "test"],
    },
    "source_region": {"type": "str"},
    "accounts": ACCOUNTS_SPEC,
    "match": MATCH_SPEC,
}
"""Options of a module that plans addresses (documentation fragments C(subnet_map), C(accounts) and C(selector))."""


@dataclass(frozen=True)
class NetworkPlan:
    """Where servers go.

    Attributes:
        accounts: Clients of every declared account.
        selected: The selected source servers.
        servers: Those of them that can be launched, with every interface that is known.
        subnet_map: The complete subnet map.
        networks: What EC2 knows of its subnets and security groups.
        overrides: Declared explicit addresses of the servers.
        profiles: Profiles that every interface needs.
        complete: Whether every source network of the declared map is known.
    """

    accounts: AccountClients
    selected: Sequence[SourceServer]
    servers: Sequence[SourceServer]
    subnet_map: SubnetMap
    networks: Mapping[Place, FoundNetworks]
    overrides: Sequence[AddressOverride]
    profiles: Sequence[str]
    complete: bool

    @property
    def disconnected(self) -> list[str]:
        """Keys of the selected servers that DRS only remembers."""
        return [server.key for server in self.selected if server.replication_state == DISCONNECTED]

    @property
    def recovery_instances(self) -> dict[str, str | None]:
        """The recovery instance of every server key."""
        return {server.key: server.recovery_instance_id for server in self.servers}

    def entries(self, problems: Problems, imported: Mapping[AddressPlace, str] | None = None) -> list[MapEntry]:
        """Return the wanted entry of every interface, as far as it is known.

        Nothing is planned while a source network is not known: many a server would be called unmapped that is not.

        Args:
            problems: Collects what is wrong with the addresses.
            imported: Addresses of an imported plan.
        """
        if not self.complete:
            return []
        return collect_entries(
            self.servers, self.subnet_map, self.overrides, problems, imported=imported, profiles=self.profiles
        )


def read_network_plan(
    params: Mapping[str, Any], clients: Clients, problems: Problems, *, preliminary: bool = False
) -> NetworkPlan:
    """Read the options of L(NETWORK_PLAN_SPEC), complete the subnet map and find the servers.

    Args:
        params: Parameters of the module.
        clients: Clients of the module.
        problems: Collects what is wrong with the subnet map as AWS knows it, and accounts that cannot be reached.
        preliminary: Whether servers may still be extended, and get other keys by tags.

    Raises:
        DeclarationError: Naming everything that is wrong with the options and seen without asking AWS, or with the
            selector.
    """
    mistakes = Problems()
    declared = _parsed(parse_subnet_map, [_given(rule) for rule in params["subnet_map"] or []], mistakes)
    overrides = _parsed(parse_overrides, [_given(address) for address in params["addresses"]], mistakes)
    known_accounts = _parsed(parse_accounts, [_given(account) for account in params["accounts"]], mistakes)
    mistakes.raise_if_any()
    accounts = AccountClients(clients, known_accounts)
    drs = clients("drs")
    home = Home(accounts.own_account_id, drs.meta.region_name, params["source_region"])
    subnet_map, networks = resolve_subnet_map(declared, accounts, home, problems)
    selected = selected_servers(drs, params["match"], unique_keys=not preliminary)
    servers = [server for server in selected if server.replication_state != DISCONNECTED]
    servers = with_known_interfaces(servers, accounts, problems, params["source_region"])
    servers = with_known_subnets(servers, subnet_map, accounts, problems)
    if preliminary or params["match"] is not None:
        keys = {server.key for server in servers}
        overrides = tuple(override for override in overrides if override.server_key in keys)
    complete = len(subnet_map.rules) == len(declared)
    return NetworkPlan(
        accounts, selected, servers, subnet_map, networks, overrides, tuple(params["profiles"]), complete
    )


def _parsed(parse: Callable[[Any], tuple[_T, ...]], raw: Any, mistakes: Problems) -> tuple[_T, ...]:
    try:
        return parse(raw)
    except DeclarationError as error:
        mistakes.extend(error.problems)
        return ()


def _given(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a mapping that were given."""
    return {name: value for name, value in mapping.items() if value is not None}
