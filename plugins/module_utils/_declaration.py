# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can be found out about a whole declaration before the first write.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._launch import check_with_aws
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import DENIED, Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils._network_plan import (
    CheckedPlan,
    NetworkPlan,
    check_plan,
    plan_networks,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.correlation import correlate_estate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import read_source_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.extension_preparation import Preparation
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instance_tags import read_instance_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.staging_accounts import StagingAccess
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import Declaration
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration_checks import (
    announced,
    check_addresses,
    check_overrides,
    declared_at,
    has_certain_key,
    missing_keys,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extension_work import (
    Work,
    add_repairs,
    work_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extensions import (
    MOST_STAGING_ACCOUNTS,
    make_plan,
    scope_problems,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import collect_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import collect_launches
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import LaunchTags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import (
    SourceServer,
    index_by_key,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_policy import (
    parse_server_variables,
    resolve,
)

EXTENSIONS = "dr_extended_source_servers"
LAUNCH = ("dr_launch_overrides", "dr_launch_defaults")
TAGS = ("dr_server_variables", "dr_tag_policy", "dr_mandatory_tags")


@dataclass(frozen=True)
class Expected:
    """What extensions will change.

    Attributes:
        servers: Source servers to come.
        keyed: Those of them whose keys are known.
        leaving: Ids of extended servers that will be deleted, some of them to be made again.
        certain: Whether C(servers) are all, and their keys are known.
    """

    servers: Sequence[SourceServer] = ()
    keyed: Sequence[SourceServer] = ()
    leaving: Collection[str] = ()
    certain: bool = True

    def sharing_keys(self, servers: Iterable[SourceServer]) -> list[SourceServer]:
        """Return the servers that will be there together, those that are there first."""
        return [*(server for server in servers if server.source_server_id not in self.leaving), *self.keyed]


class DeclarationCheck:
    """A look at a declaration with the eyes of AWS.

    Args:
        raw: The inventory variables, for messages.
        declared: What could be read of them.
        params: Further options of the module.
        clients: Clients of the module.
        problems: Collects everything that is found.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        declared: Declaration,
        params: Mapping[str, Any],
        clients: Clients,
        problems: Problems,
    ) -> None:
        self._raw = raw
        self._declared = declared
        self._params = params
        self._clients = clients
        self._problems = problems
        self._drs = clients("drs")
        self._region = str(self._drs.meta.region_name)
        self._accounts = AccountClients(clients, declared.accounts)

    def run(self) -> tuple[NetworkPlan, CheckedPlan]:
        """Check everything.

        Raises:
            AwsError: AWS cannot be asked.
        """
        servers: Sequence[SourceServer] = selected_servers(self._drs, None, unique_keys=False)
        expected = self._check_extensions(servers)
        servers = self._check_keys(servers, expected)
        networks = self._check_networks(servers)
        self._check_tags(servers)
        self._check_launches(*networks)
        self._check_selectors(servers, expected)
        return networks

    def _check_extensions(self, servers: Sequence[SourceServer]) -> Expected:
        declared, purge = self._declared.extensions, self._params["extension_purge"]
        if not self._raw.get(EXTENSIONS) and not purge:
            return Expected()
        access = StagingAccess(self._accounts, self._declared.accounts, self._region)
        outside = scope_problems(declared, access.target_account, self._region)
        self._problems.extend(outside)
        wanted = [one for one in declared if not any(found.where.startswith(one.where) for found in outside)]
        present = {server.staging_arn: server for server in servers if server.staging_arn}
        before = Preparation(self._drs, access, wanted, present)
        offered = before.read_offers()
        wanted = [one for one in wanted if one.account_id not in before.refusing]
        found = Problems()
        plan, work = None, Work()
        with Collecting(found):
            staging = before.read_staging_servers(repair=self._params["extension_repair"], purge=purge)
            tags = {arn: server.tags for views in staging.values() for arn, server in views.items()}
            plan = make_plan(wanted, present, offered, tags)
            work = work_of(plan, {}, purge=purge)
            if self._params["extension_repair"]:
                add_repairs(work, plan.broken, staging, before.unreadable, {})
            before.check(work, lambda: self._clients("service-quotas"), MOST_STAGING_ACCOUNTS)
        told = {str(problem) for problem in found}
        found.extend(problem for problem in before.failed_checks() if str(problem) not in told)
        self._problems.extend(declared_at(found, self._raw, [EXTENSIONS]))
        items = plan.to_extend if plan else {arn: item for arn, item in offered.items() if arn not in present}
        leaving = {server.source_server_id for server in work.delete.values()}
        whole = plan is not None and len(wanted) == len(declared) == len(self._raw.get(EXTENSIONS) or ())
        return self._expected(items, access, leaving, certain=whole)

    def _expected(
        self, items: Mapping[str, Mapping[str, Any]], access: StagingAccess, leaving: Collection[str], *, certain: bool
    ) -> Expected:
        home = {"account_id": access.target_account, "region": self._region}
        coming = {arn: announced(item, **home) for arn, item in items.items()}
        uncertain = [arn for arn, server in coming.items() if not has_certain_key(server)]
        seen: dict[str, SourceServer] = {}
        for account_id in sorted({arn.split(":")[4] for arn in uncertain}):
            seen |= self._staging_servers(access, account_id)
        for arn in seen.keys() & set(uncertain):
            coming[arn] = replace(coming[arn], key=seen[arn].key)
        unknown = set(uncertain) - seen.keys()
        keyed = [server for arn, server in coming.items() if arn not in unknown]
        return Expected(list(coming.values()), keyed, leaving, certain=certain and not unknown)

    def _staging_servers(self, access: StagingAccess, account_id: str) -> dict[str, SourceServer]:
        """Return the source servers of a staging account by ARN; none where nobody may look, which is no mistake."""
        if access.reason(account_id) is not None:
            return {}
        try:
            return {server.arn: server for server in read_source_servers(access.client("drs", account_id))}
        except AwsError as error:
            if error.code not in DENIED:
                raise
            return {}

    def _check_keys(self, servers: Sequence[SourceServer], expected: Expected) -> Sequence[SourceServer]:
        """Find servers that share a key; return those that are there with the keys of their machines."""
        found = Problems()
        with Collecting(found):
            index_by_key(expected.sharing_keys(servers))
        if not len(found) and not self._missing_keys([*servers, *expected.servers]):
            return servers
        servers = self._with_keys_of_machines(servers)
        with Collecting(self._problems):
            index_by_key(expected.sharing_keys(servers))
        return servers

    def _check_selectors(self, servers: Sequence[SourceServer], expected: Expected) -> None:
        every = [*servers, *expected.servers]
        # A key that may be that of a server to come is not held against a declaration that is right otherwise.
        missing = self._missing_keys(every) if expected.certain or len(self._problems) else set()
        check_overrides(self._declared.overrides, every, missing, self._problems)
        check_addresses(self._declared.addresses, missing, self._problems)

    def _missing_keys(self, servers: Sequence[SourceServer]) -> set[str]:
        keys = {server.key for server in servers}
        return missing_keys(self._declared.overrides, self._declared.addresses, keys)

    def _with_keys_of_machines(self, servers: Sequence[SourceServer]) -> Sequence[SourceServer]:
        """A server that was extended anew, or failed back, has the key of its machine and not that of its name."""
        keys: dict[tuple[str, str], str] = {}
        with Collecting(self._problems):
            estate = correlate_estate(
                self._accounts,
                self._region,
                dynamodb=self._clients("dynamodb"),
                table=self._params["table"],
                key_tag=self._params["server_key_tag"],
            )
            keys = {(pin.region, pin.source_server_id): pin.server_key for pin in estate.writes().pins}
        return [replace(one, key=keys.get((one.region, one.source_server_id), one.key)) for one in servers]

    def _check_networks(self, servers: Sequence[SourceServer]) -> tuple[NetworkPlan, CheckedPlan]:
        keys = {server.key for server in servers}
        plan = plan_networks(
            self._declared.subnet_map,
            [address for address in self._declared.addresses if address.server_key in keys],
            self._accounts,
            servers,
            self._problems,
            region=self._region,
            source_region=self._declared.source_region,
            whole_map=self._declared.whole_map,
        )
        stored = IpMapTable(self._clients("dynamodb"), self._params["table"]).find(Search())
        return plan, check_plan(plan, stored, self._problems, keep_imported=self._declared.keep_imported)

    def _check_tags(self, servers: Sequence[SourceServer]) -> None:
        policy = self._declared.policy
        hosts: Mapping[str, Mapping[str, str]] = {}
        with Collecting(self._problems):
            hosts = parse_server_variables(self._params["host_variables"], where="variables of the host")
        ec2 = read_instance_tags(servers, self._accounts) if policy.asks_ec2 else {}
        found = Problems()
        for server in servers:
            own = {**hosts.get(server.key, {}), **self._declared.variables.get(server.key, {})}
            name = f"{server.key} ({server.source_server_id})"
            with Collecting(found):
                resolve(policy, server.tags, variables=own, ec2=ec2.get(server.source_server_id), where=name)
        self._problems.extend(declared_at(found, self._raw, TAGS))

    def _check_launches(self, plan: NetworkPlan, checked: CheckedPlan) -> None:
        declared = self._declared
        # What launches where a part of the map cannot be read is not planned, but launch settings can be judged.
        entries = checked.entries or collect_entries(plan.servers, plan.subnet_map, (), Problems())
        mapped = {entry.server_key for entry in entries}
        servers = [server for server in plan.servers if server.key in mapped]
        found = Problems()
        launches = collect_launches(servers, declared.defaults, declared.overrides, entries, LaunchTags(), found)
        subnets = {target.subnet_id for rule in plan.subnet_map.rules for target in rule.targets.values()}
        check_with_aws(launches, self._clients, found, subnets)
        self._problems.extend(declared_at(found, self._raw, LAUNCH))


class Collecting:
    """Collects what ends a block with a L(DeclarationError)."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: Any) -> bool:
        """End it, with or without problems."""
        if isinstance(error, DeclarationError):
            self._problems.extend(error.problems)
        return isinstance(error, DeclarationError)
