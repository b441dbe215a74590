# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account and Region shows that servers are to go home to.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.errors import DeclarationError
from ..core.failback_networks import Home
from ..core.places import Place
from ..core.readiness import Unknown
from . import drs, networks
from .cross_account import missing_roles
from .errors import AwsError, TransientError, UninitializedError
from .failback_reader import Clients
from .instance_profiles import read_policies
from .instances import describe_instances
from .pacing import for_each


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be looked at in one place, by id.

    Attributes:
        launched_into: Those of the instances that DRS is to launch into.
    """

    subnets: set[str]
    security_groups: set[str]
    instances: set[str]
    launched_into: set[str]


def read_homes(clients: Clients, here: Place, wanted: Mapping[Place, Wanted]) -> dict[Place, Home | Unknown]:
    """Return what every place shows; one that cannot be read is unknown.

    Args:
        clients: C(clients("drs", place)) returns the client of a service in an account and Region.
        here: Account and Region that recovers.
        wanted: What is to be looked at.

    Raises:
        TransientError: The same may succeed later.
    """

    def read(place: Place, names: Wanted) -> Home:
        try:
            return _read_home(clients, here, place, names)
        except DeclarationError as error:
            raise AwsError(str(error), code="NotReachable") from error

    outcomes = for_each(wanted, read)
    for error in outcomes.errors.values():
        if isinstance(error, TransientError):
            raise error
    return {**outcomes.results, **{place: Unknown(error.message) for place, error in outcomes.errors.items()}}


def _read_home(clients: Clients, here: Place, place: Place, wanted: Wanted) -> Home:
    ec2 = clients("ec2", place)
    found = describe_instances(ec2, wanted.instances)
    into = (found[name] for name in wanted.launched_into if name in found)
    profiles = {item["IamInstanceProfile"]["Arn"] for item in into if item.get("IamInstanceProfile")}
    return Home(
        replication_templates=_templates(clients, place),
        subnets=networks.read_subnets(ec2, wanted.subnets),
        security_groups=networks.read_security_groups(ec2, wanted.security_groups),
        interfaces=networks.read_interfaces(lambda _service, _account, _region: ec2, {place: wanted.subnets}),
        instances=found,
        policies=read_policies(clients("iam", place), profiles) if profiles else {},
        roles_lacking=missing_roles(clients, here, place),
    )


def _templates(clients: Clients, place: Place) -> int | None:
    try:
        return len(drs.describe_replication_templates(clients("drs", place)))
    except UninitializedError:
        return None
