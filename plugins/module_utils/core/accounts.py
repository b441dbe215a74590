# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWS accounts that an estate is spread over, as declared in C(dr_accounts)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .errors import Problems
from .fields import Fields, members_of

ACCOUNT_ID = "[0-9]{12}"
ACCOUNT_FIELDS = ("account_id", "regions", "role_arn", "external_id", "failback_role_arn")
ROLE_ARN = r"arn:aws[a-z-]*:iam::([0-9]{12}):role/\S+"


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of C(dr_accounts).

    Attributes:
        account_id: 12 digits.
        regions: Regions of the account that are looked at.
        role_arn: Role to assume in that account; None for the account of the credentials.
        external_id: External id that the trust policies of both roles ask for, or None.
        where: Where it was declared, for messages.
        failback_role_arn: Role to assume in that account by what leads servers home to it; None where none may.
    """

    account_id: str
    regions: tuple[str, ...]
    role_arn: str | None
    external_id: str | None
    where: str
    failback_role_arn: str | None = None

    def for_failback(self) -> Account:
        """Return the account as a failback reaches it: with the role for that."""
        return replace(self, role_arn=self.failback_role_arn)


def parse_accounts(raw: Any, *, where: str = "dr_accounts") -> tuple[Account, ...]:
    """Read the declared accounts; None declares none.

    Raises:
        DeclarationError: Naming every problem: bad ids, roles of other accounts, no Region, an account named twice.
    """
    problems = Problems()
    accounts: dict[str, Account] = {}
    for place, member in members_of(raw, where, problems):
        fields = Fields(member, place, problems, ACCOUNT_FIELDS)
        account = Account(
            account_id=fields.text(
                "account_id", pattern=ACCOUNT_ID, remedy="must be an account id of 12 digits, in quotes"
            ),
            regions=fields.texts("regions", pattern="[a-z0-9-]+", remedy="must be a Region like us-west-2"),
            role_arn=_role_arn(fields, "role_arn"),
            external_id=fields.text("external_id", "") or None,
            where=place,
            failback_role_arn=_role_arn(fields, "failback_role_arn"),
        )
        for name, arn in (("role_arn", account.role_arn), ("failback_role_arn", account.failback_role_arn)):
            if arn and account.account_id and arn.split(":")[4] != account.account_id:
                fields.reject(name, f"must be a role of account {account.account_id}")
        if account.account_id in accounts:
            problems.add(account.account_id, place, f"is declared in {accounts[account.account_id].where} already")
        accounts.setdefault(account.account_id, account)
    problems.raise_if_any()
    return tuple(accounts.values())


def _role_arn(fields: Fields, name: str) -> str | None:
    remedy = "must be the ARN of a role (arn:aws:iam::<account>:role/<name>)"
    return fields.text(name, pattern=ROLE_ARN, remedy=remedy) if name in fields else None
