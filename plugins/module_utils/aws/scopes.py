# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One question to many accounts and Regions at once.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..core.accounts import Account
from .accounts import AccountClients
from .errors import UninitializedError
from .pacing import for_each

Found = TypeVar("Found")
Scope = tuple[str, str]
"""Account id and Region."""


@dataclass(frozen=True, slots=True)
class Answers(Generic[Found]):
    """What the accounts and Regions answered.

    Attributes:
        found: Everything, in the order of the accounts and Regions.
        unread: C({account_id, region, reason}) of those that did not answer.
    """

    found: tuple[Found, ...]
    unread: tuple[dict[str, str], ...]


def read_scopes(
    clients: Callable[..., Any],
    accounts: Sequence[Account],
    home_region: str,
    read: Callable[[AccountClients, str, str], Sequence[Found]],
) -> Answers[Found]:
    """Ask every declared account and Region, some at once; without any, the own account in C(home_region).

    An account and Region where DRS was never used has nothing. One that does not answer is told of; where it is the
    account of the credentials in C(home_region), its error is raised.

    Args:
        clients: See L(AccountClients).
        accounts: Declared accounts.
        home_region: Region of the task.
        read: Called as C(read(account_clients, account_id, region)).

    Raises:
        DeclarationError: An account is declared without a role that it needs.
        AwsError: The own account and Region does not answer.
    """
    reached = AccountClients(clients, accounts)
    home = (reached.own_account_id, home_region)
    scopes = reached.scopes() or [home]
    outcomes = for_each({scope: scope for scope in scopes}, lambda scope, _scope: read(reached, *scope))
    if home in outcomes.errors:
        raise outcomes.errors[home]
    unread = [
        {"account_id": account_id, "region": region, "reason": error.message}
        for (account_id, region), error in outcomes.errors.items()
        if not isinstance(error, UninitializedError)
    ]
    return Answers(tuple(item for found in outcomes.results.values() for item in found), tuple(unread))
