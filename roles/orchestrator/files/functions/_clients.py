# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients of the functions: of the orchestrator's own account in any Region, and of roles in other accounts.

The credentials of a role end after an hour, and a Lambda process lives longer: they are kept for one call.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import boto3
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients, Credentials
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import (
    Account,
    parse_accounts,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from botocore.config import Config

# Less patience than a module has: the state machine retries a function, which may take two minutes.
PATIENT = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
ONCE = PATIENT.merge(Config(retries={"total_max_attempts": 1}))

# A Region that is only looked at and does not answer on a bad day must not use up the time of the function.
HASTY = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


def home() -> Place:
    """Return the account and Region of the orchestrator."""
    return Place(os.environ["ACCOUNT_ID"], os.environ["AWS_REGION"])


@functools.cache
def own_client(service: str, region: str | None, config: Config) -> Any:
    """Return the boto3 client of a service with the function's own role, one for the life of the process."""
    return boto3.client(service, region_name=region, config=config)  # type: ignore[call-overload]


def client_at(service: str, place: Place, config: Config) -> Any:
    """Return the boto3 client of a service in an account and Region; what is empty is as the orchestrator's.

    Raises:
        DeclarationError: The account is neither the orchestrator's own nor declared with a role.
        AwsError: The role cannot be assumed.
    """
    here = home()
    region = None if place.region in ("", here.region) else place.region
    credentials = _on_the_way_home().credentials(place.account_id or here.account_id)
    return _role_client(service, region, credentials, config) if credentials else own_client(service, region, config)


@functools.cache
def declared_accounts() -> tuple[Account, ...]:
    """Return the accounts of the estate."""
    return parse_accounts(json.loads(os.environ.get("ACCOUNTS") or "[]"), where="ACCOUNTS")


@functools.cache
def accounts() -> AccountClients:
    """Return the hasty clients of all declared accounts, for this call of the function."""
    return AccountClients(_hasty_client, declared_accounts(), home().account_id)


@functools.cache
def _on_the_way_home() -> AccountClients:
    travelling = [account.for_failback() for account in declared_accounts()]
    return AccountClients(_hasty_client, travelling, home().account_id, option="failback_role_arn")


def forget_roles() -> None:
    """Forget the credentials of roles, and the clients that have them."""
    accounts.cache_clear()
    _on_the_way_home.cache_clear()
    _role_client.cache_clear()


def _hasty_client(service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
    if credentials is not None:
        return _role_client(service, region, credentials, HASTY)
    if region in (None, os.environ["AWS_REGION"]):
        return own_client(service, None, PATIENT)
    return own_client(service, region, HASTY)


@functools.cache
def _role_client(service: str, region: str | None, credentials: Credentials, config: Config) -> Any:
    return boto3.client(service, region_name=region, config=config, **credentials.arguments())  # type: ignore[call-overload]
