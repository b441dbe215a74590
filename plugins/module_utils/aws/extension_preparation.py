# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about extended source servers that is read and checked before the first write.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.errors import Problem, Problems
from ..core.extension_work import Work
from ..core.extensions import EXTENSION_ERROR, Extension, quota_problems, tag_count_problems
from ..core.source_servers import SourceServer
from ..core.staging_access import FAILED, PASSED, Check
from .drs import (
    describe_source_servers,
    list_extensible_source_servers,
    read_source_servers,
    read_total_servers_quota,
)
from .errors import AwsError
from .pacing import Pacers, for_each
from .staging_accounts import StagingAccess, look_at_encryption, look_at_role, refusal_check


class Preparation:
    """Reads what staging accounts offer, and checks them.

    Args:
        drs: boto3 DRS client of the target account and Region.
        access: Clients of the staging accounts.
        wanted: The declaration.
        present: Extended servers by the ARN of their staging server.

    Attributes:
        checks: What was looked at so far.
        unreadable: Why the servers of a staging account, whose own view was needed, could not be read.
        refusing: Staging accounts that offer nothing to this one.
    """

    def __init__(
        self, drs: Any, access: StagingAccess, wanted: Sequence[Extension], present: Mapping[str, SourceServer]
    ) -> None:
        self.checks: list[Check] = []
        self.unreadable: dict[str, str] = {}
        self.refusing: set[str] = set()
        self._drs = drs
        self._access = access
        self._wanted = wanted
        self._present = present

    def read_offers(self) -> dict[str, dict[str, Any]]:
        """Return what the declared staging accounts offer for extension, by ARN.

        Those that do not let this account in are C(refusing), with the reason in C(checks).
        """
        pacers = Pacers()

        def read(account_id: str, _item: None) -> list[dict[str, Any]]:
            pacers.take("ListExtensibleSourceServers")
            return list_extensible_source_servers(self._drs, account_id)

        outcomes = for_each(dict.fromkeys(sorted({element.account_id for element in self._wanted})), read)
        for account_id, error in outcomes.errors.items():
            self.refusing.add(account_id)
            self.checks.append(refusal_check(error, account_id))
            if error.code == "StagingAccountDenied":
                self.checks += look_at_role(self._access, account_id)[1]
        for account_id in outcomes.results:
            detail = "DRS lists the servers of the account: its role trusts this one, DRS is initialised in both"
            self.checks.append(Check(account_id, "access", PASSED, detail))
        return {item["arn"]: item for items in outcomes.results.values() for item in items}

    def read_staging_servers(self, *, repair: bool, purge: bool) -> dict[str, dict[str, SourceServer]]:
        """Return the source servers of the staging accounts whose own view is needed, by account and ARN.

        Args:
            repair: Whether it is needed for accounts with broken extensions.
            purge: Whether it is needed for accounts whose servers are selected by tags.

        Raises:
            DeclarationError: A purge needs it, and it cannot be read.
        """
        extended = {arn.split(":")[4] for arn in self._present}
        broken = {
            arn.split(":")[4] for arn, server in self._present.items() if server.extension_status == EXTENSION_ERROR
        }
        declared = {element.account_id for element in self._wanted}
        by_tags = {element.account_id: element for element in self._wanted if element.tags}
        for_purge = by_tags.keys() & extended if purge else set()
        for_repair = broken & declared if repair else set()
        found = {}
        for account_id in sorted(for_purge | for_repair):
            reason = self._access.reason(account_id)
            if reason is None:
                try:
                    servers = read_source_servers(self._access.client("drs", account_id))
                except AwsError as error:
                    reason = error.message
                else:
                    found[account_id] = {server.arn: server for server in servers}
            if reason is not None:
                self.unreadable[account_id] = reason
        problems = Problems()
        for account_id in sorted(for_purge & self.unreadable.keys()):
            remedy = f"purge needs the tags of the servers in the staging account: {self.unreadable[account_id]}"
            problems.add(account_id, by_tags[account_id].where, remedy)
        problems.raise_if_any()
        return found

    def check(self, work: Work, service_quotas: Callable[[], Any], most_accounts: int) -> dict[str, Any] | None:
        """Check what the servers to extend need, and return the quota of source servers; nothing to extend, no quota.

        Args:
            work: What is to be done.
            service_quotas: Makes the boto3 Service Quotas client of the target account and Region.
            most_accounts: How many staging accounts there may be.

        Raises:
            DeclarationError: A check has failed, or a quota would be exceeded.
        """
        if not work.extend:
            return None
        by_account: dict[str, list[str]] = {}
        for arn in work.extend:
            by_account.setdefault(arn.split(":")[4], []).append(arn)
        for account_id, arns in sorted(by_account.items()):
            role, found = look_at_role(self._access, account_id)
            self.checks += [*found, *look_at_encryption(self._access, account_id, arns, role)]
        limit, source = read_total_servers_quota(service_quotas())
        count = len(describe_source_servers(self._drs))
        problems = Problems()
        problems.extend(
            quota_problems(
                servers=count - len(work.delete),
                adding=len(work.extend),
                most_servers=limit,
                staging_accounts=len({arn.split(":")[4] for arn in (*self._present, *work.extend)}),
                most_staging_accounts=most_accounts,
            )
        )
        problems.extend(tag_count_problems(work.extend))
        problems.extend(self.failed_checks())
        problems.raise_if_any()
        return {"source_servers": count, "adding": len(work.extend), "limit": limit, "source": source}

    def failed_checks(self) -> list[Problem]:
        """Return what the checks so far have found."""
        problems = Problems()
        for check in self.checks:
            if check.result == FAILED:
                for subject in check.servers or (check.account_id,):
                    problems.add(subject, f"staging account {check.account_id}, {check.subject}", check.detail)
        return list(problems)
