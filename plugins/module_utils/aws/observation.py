# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DRS and EC2 show in every account and Region of an estate, read at once.

On a bad day a Region does not answer. So only DRS in the account and Region that recovers must: what else cannot be
read is told of, and ids that are known make up for it.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..core.errors import Problems
from ..core.machines import (
    Instance,
    Observed,
    RecoveryInstance,
    Unread,
    instance_from_ec2,
    recovery_instance_from_drs,
)
from ..core.places import Place
from ..core.source_servers import SourceServer
from . import drs
from .accounts import AccountClients
from .errors import UninitializedError
from .instances import describe_living_instances
from .pacing import Outcomes, for_each

Found = TypeVar("Found")


def observe(clients: AccountClients, home: Place) -> Observed:
    """Read source servers, recovery instances and EC2 instances of every declared account and Region.

    The accounts and Regions that source servers come from are asked as well, where they can be reached: their instances
    are there, and the source servers that lead back.

    Args:
        clients: Clients of the declared accounts.
        home: Account and Region that recovers; it is read whether it is declared or not.

    Raises:
        DeclarationError: Naming every declared account that cannot be reached for want of a role.
        AwsError: DRS of C(home) does not answer.
    """
    _check_reachable(clients)
    declared = list(dict.fromkeys([home, *(Place(*scope) for scope in clients.scopes())]))
    servers = _read_all(declared, lambda place: _source_servers(clients, place))
    if home in servers.errors:
        raise servers.errors[home]
    origins = {
        Place(server.origin_account_id, server.origin_region)
        for found in servers.results.values()
        for server in found
        if server.origin_account_id and server.origin_region and clients.reaches(server.origin_account_id)
    }
    further = _read_all(sorted(origins.difference(declared)), lambda place: _source_servers(clients, place))
    servers = Outcomes({**servers.results, **further.results}, {**servers.errors, **further.errors})
    places = [*servers.results, *servers.errors]
    recoveries = _read_all(places, lambda place: _recovery_instances(clients, place))
    if home in recoveries.errors:
        raise recoveries.errors[home]
    instances = _read_all(places, lambda place: _instances(clients, place))
    return Observed(
        source_servers=tuple(server for found in servers.results.values() for server in found),
        instances=tuple(instance for found in instances.results.values() for instance in found),
        recovery_instances=tuple(recovery for found in recoveries.results.values() for recovery in found),
        read=frozenset((place.account_id, place.region) for place in instances.results),
        unread=(
            *_unread(servers, "source servers"),
            *_unread(recoveries, "recovery instances"),
            *_unread(instances, "instances"),
        ),
        uninitialised=tuple(place for place, error in servers.errors.items() if isinstance(error, UninitializedError)),
    )


def _check_reachable(clients: AccountClients) -> None:
    problems = Problems()
    for account_id in dict.fromkeys(account_id for account_id, _region in clients.scopes()):
        if not clients.reaches(account_id):
            remedy = f"is not the account of these credentials ({clients.own_account_id}): give it a role_arn"
            problems.add(account_id, "dr_accounts", remedy)
    problems.raise_if_any()


def _read_all(places: Sequence[Place], read: Callable[[Place], list[Found]]) -> Outcomes[Place, list[Found]]:
    return for_each({place: place for place in places}, lambda place, _place: read(place))


def _source_servers(clients: AccountClients, place: Place) -> list[SourceServer]:
    return drs.read_source_servers(clients("drs", *place))


def _recovery_instances(clients: AccountClients, place: Place) -> list[RecoveryInstance]:
    account_id, region = place
    items = drs.describe_recovery_instances(clients("drs", account_id, region))
    return [recovery_instance_from_drs(item, account_id=account_id, region=region) for item in items]


def _instances(clients: AccountClients, place: Place) -> list[Instance]:
    account_id, region = place
    items = describe_living_instances(clients("ec2", account_id, region))
    return [instance_from_ec2(item, account_id=account_id, region=region) for item in items]


def _unread(outcomes: Outcomes[Place, list[Found]], what: str) -> Iterable[Unread]:
    for (account_id, region), error in outcomes.errors.items():
        if not isinstance(error, UninitializedError):
            yield Unread(account_id, region, what, error.message)
