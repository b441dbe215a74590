# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the selected source servers go by the declared subnet map: what modules about networks share.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import ACCOUNTS_SPEC, MATCH_SPEC, Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import (
    Item,
    read_interfaces,
    resolve_subnet_map,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import (
    DISCONNECTED,
    read_originals,
    selected_servers,
    with_known_interfaces,
    with_known_subnets,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import (
    AddressOverride,
    AddressRule,
    SubnetMap,
    parse_overrides,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    REQUIRED_PROFILES,
    AddressPlace,
    MapEntry,
    collect_entries,
    imported_addresses,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import (
    FoundNetworks,
    check_held,
    check_in_use,
    target_subnets,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.original_networks import (
    Original,
    homes_of,
    original_subnets,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_capacity import (
    SubnetDemand,
    check_capacity,
    subnet_demands,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_choices import rule_choices
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import (
    DeclaredRule,
    Home,
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
        originals: What EC2 knows of the source machines, by source server id.
        unread: A line for every account and Region in which it could not be asked for them.
    """

    accounts: AccountClients
    selected: Sequence[SourceServer]
    servers: Sequence[SourceServer]
    subnet_map: SubnetMap
    networks: Mapping[Place, FoundNetworks]
    overrides: Sequence[AddressOverride]
    profiles: Sequence[str]
    complete: bool
    originals: Mapping[str, Original]
    unread: Sequence[str]

    @property
    def disconnected(self) -> list[str]:
        """Keys of the selected servers that DRS only remembers."""
        return [server.key for server in self.selected if server.replication_state == DISCONNECTED]

    @property
    def recovery_instances(self) -> dict[str, str | None]:
        """The recovery instance of every server key."""
        return {server.key: server.recovery_instance_id for server in self.servers}

    def entries(
        self, problems: Problems, stored: Sequence[MapEntry], imported: Mapping[AddressPlace, str] | None = None
    ) -> list[MapEntry]:
        """Return the wanted entry of every interface, as far as it is known.

        Nothing is planned while a source network is not known: many a server would be called unmapped that is not.

        Args:
            problems: Collects what is wrong with the addresses.
            stored: Entries that the IP map has of the servers.
            imported: Addresses of an imported plan.
        """
        if not self.complete:
            return []
        return collect_entries(
            self.servers,
            self.subnet_map,
            self.overrides,
            problems,
            imported=imported,
            profiles=self.profiles,
            homes=homes_of(self.servers, self.originals, stored),
        )

    def with_home_subnets(
        self, declared: Mapping[Place, set[str]], entries: Iterable[MapEntry]
    ) -> dict[Place, set[str]]:
        """Return subnets with those of source machines in which entries have another address than the machine's.

        That one is in use already, by the machine itself.

        Args:
            declared: Target subnets of the subnet map.
            entries: Wanted entries.
        """
        targets = [target for entry in entries for target in entry.profiles.values()]
        wanted = {target.subnet_id for target in targets if target.rule != AddressRule.ORIGINAL}
        home = original_subnets(self.originals)
        subnets = {
            place: declared.get(place, set()) | (home.get(place, set()) & wanted) for place in {*declared, *home}
        }
        return {place: ids for place, ids in subnets.items() if ids}


@dataclass(frozen=True)
class CheckedPlan:
    """What a look at the addresses of a plan came to.

    Attributes:
        entries: The wanted entry of every interface, as far as it is known.
        choices: Which rule every address falls under (see L(subnet_choices.rule_choices)).
        demands: What is needed of every target subnet.
    """

    entries: Sequence[MapEntry]
    choices: Sequence[Mapping[str, Any]]
    demands: Sequence[SubnetDemand]


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
    selected = selected_servers(clients("drs"), params["match"], unique_keys=not preliminary)
    if preliminary or params["match"] is not None:
        keys = {server.key for server in selected if server.replication_state != DISCONNECTED}
        overrides = tuple(override for override in overrides if override.server_key in keys)
    accounts = AccountClients(clients, known_accounts)
    return plan_networks(
        declared,
        overrides,
        accounts,
        selected,
        problems,
        region=clients("drs").meta.region_name,
        source_region=params["source_region"],
        profiles=params["profiles"],
    )


def plan_networks(
    declared: Sequence[DeclaredRule],
    overrides: Sequence[AddressOverride],
    accounts: AccountClients,
    selected: Sequence[SourceServer],
    problems: Problems,
    *,
    region: str,
    source_region: str | None,
    profiles: Sequence[str] = REQUIRED_PROFILES,
    whole_map: bool = True,
) -> NetworkPlan:
    """Complete a declared subnet map, and find the interfaces of the servers that go by it.

    Args:
        declared: The declared subnet map.
        overrides: Declared explicit addresses of the servers.
        accounts: Clients of every declared account.
        selected: The selected source servers.
        problems: Collects what is wrong with the subnet map as AWS knows it, and accounts that cannot be reached.
        region: The recovery Region.
        source_region: Region in which the source servers run, None when nobody told.
        profiles: Profiles that every interface needs.
        whole_map: Whether C(declared) has all rules that were declared.
    """
    home = Home(accounts.own_account_id, region, source_region)
    subnet_map, networks = resolve_subnet_map(declared, accounts, home, problems)
    servers = [server for server in selected if server.replication_state != DISCONNECTED]
    known: dict[str, Item] = {}
    servers = with_known_interfaces(servers, accounts, problems, source_region, known=known)
    servers = with_known_subnets(servers, subnet_map, accounts, problems, known=known)
    originals, unread = read_originals(servers, subnet_map, accounts, known)
    complete = whole_map and len(subnet_map.rules) == len(declared)
    return NetworkPlan(
        accounts, selected, servers, subnet_map, networks, overrides, tuple(profiles), complete, originals, unread
    )


def check_plan(
    plan: NetworkPlan, stored: Sequence[MapEntry], problems: Problems, *, keep_imported: bool
) -> CheckedPlan:
    """Look whether every interface can have an address, and every subnet has room for all.

    Args:
        plan: Where servers go.
        stored: All entries of the IP map.
        problems: Collects what speaks against it.
        keep_imported: Whether the imported addresses among C(stored) stay.
    """
    entries = plan.entries(problems, stored, imported_addresses(stored) if keep_imported else {})
    planned = {entry.id for entry in entries}
    others = [entry for entry in stored if entry.id not in planned]
    reachable = {place: ids for place, ids in target_subnets(plan.subnet_map).items() if place in plan.networks}
    in_use = read_interfaces(plan.accounts, plan.with_home_subnets(reachable, entries))
    check_in_use(entries, in_use, plan.recovery_instances, problems)
    check_held(entries, others, problems)
    demands = subnet_demands(plan.subnet_map, plan.networks, entries, in_use, others, plan.recovery_instances)
    check_capacity(demands, problems)
    return CheckedPlan(entries, rule_choices(plan.servers, plan.subnet_map, entries), demands)


def _parsed(parse: Callable[[Any], tuple[_T, ...]], raw: Any, mistakes: Problems) -> tuple[_T, ...]:
    try:
        return parse(raw)
    except DeclarationError as error:
        mistakes.extend(error.problems)
        return ()


def _given(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a mapping that were given."""
    return {name: value for name, value in mapping.items() if value is not None}
