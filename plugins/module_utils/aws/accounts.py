# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients for the accounts and Regions of an estate: the caller's own credentials, or those of a role there.

This module util is private to the collection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.accounts import Account
from ..core.errors import DeclarationError, Problem
from .dynamodb import call
from .errors import AwsError, NotReachableError, TransientError
from .identity import caller

SESSION_NAME = "disaster-recovery"
SESSION_DURATION = 3600  # seconds, the longest that a role may have without asking for more


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role (AssumeRole)."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    def arguments(self) -> dict[str, str]:
        """Return them as the keyword arguments of a boto3 client."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.session_token,
        }


class AccountClients:
    """Clients of every declared account, each made once; may be used by several threads.

    Args:
        clients: C(clients(service, region=…, credentials=…)) makes a client, without credentials with the own ones.
        accounts: Declared accounts. The caller's own account need not be declared.
        own_account_id: The caller's own account; STS is asked when it is not known.
        option: The option of the declaration that names the roles, for messages.
    """

    def __init__(
        self,
        clients: Callable[..., Any],
        accounts: Sequence[Account],
        own_account_id: str | None = None,
        *,
        option: str = "role_arn",
    ) -> None:
        self._clients = clients
        self._option = option
        self._accounts = {account.account_id: account for account in accounts}
        self._credentials: dict[str, Credentials] = {}
        self._lock = threading.Lock()
        self.own_account_id = own_account_id or caller(clients("sts")).account

    def __call__(self, service: str, account_id: str, region: str) -> Any:
        """Return the client of a service in an account and Region.

        Raises:
            DeclarationError: The account is neither the caller's own nor declared with a role.
            NotReachableError: The role cannot be assumed.
        """
        with self._lock:
            credentials = self._credentials_of(account_id)
            return self._clients(service, region=region, credentials=credentials)

    def credentials(self, account_id: str) -> Credentials | None:
        """Return what an account is reached with, None for the caller's own; raises as a call does."""
        with self._lock:
            return self._credentials_of(account_id)

    def scopes(self) -> list[tuple[str, str]]:
        """Return account id and Region of everything that is declared, in the order of the declaration."""
        return [(account.account_id, region) for account in self._accounts.values() for region in account.regions]

    def reaches(self, account_id: str) -> bool:
        """Whether it is the account of the credentials, or declared with a role."""
        account = self._accounts.get(account_id)
        return account_id == self.own_account_id or (account is not None and account.role_arn is not None)

    def _credentials_of(self, account_id: str) -> Credentials | None:
        if account_id == self.own_account_id:
            return None
        if account_id not in self._credentials:
            self._credentials[account_id] = self._assume(account_id)
        return self._credentials[account_id]

    def _assume(self, account_id: str) -> Credentials:
        account = self._accounts.get(account_id)
        if account is None or account.role_arn is None:
            remedy = f"is not the account of these credentials ({self.own_account_id}): "
            remedy += f"declare it there with the {self._option} of a role that they may assume"
            raise DeclarationError([Problem(repr(account_id), account.where if account else "dr_accounts", remedy)])
        request: dict[str, Any] = {
            "RoleArn": account.role_arn,
            "RoleSessionName": SESSION_NAME,
            "DurationSeconds": SESSION_DURATION,
        }
        if account.external_id:
            request["ExternalId"] = account.external_id
        sts = self._clients("sts")
        try:
            answer = call(sts.assume_role, f"assume role {account.role_arn}", **request)["Credentials"]
        except TransientError:
            raise
        except AwsError as error:
            remedy = f"look at the role {account.role_arn} and at its trust policy (playbook accounts.yml makes both)"
            raise NotReachableError(f"{error.message}: {remedy}", code=error.code, operation=error.operation) from error
        return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
