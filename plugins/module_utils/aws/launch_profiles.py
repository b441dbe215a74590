# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run does with launch templates: launch in the network of its mode, and with the next instance type.

This module util is private to the collection.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.launch_versions import TemplatePlan, Version, default_of, plan_instance_type, version_of
from .errors import AwsError, ConflictError, NotFoundError
from .launch_templates import NO_VERSION, read_defaults, read_known, read_versions, switch_default, write_plans
from .pacing import Outcomes, Pacers, for_each


@dataclass(frozen=True, slots=True)
class Defaults(Outcomes[str, Version]):
    """The default versions of templates by server key.

    Attributes:
        switched: How many were switched for it; what takes time of EC2.
    """

    switched: int = 0


def set_default_profile(
    client: Any,
    templates: Mapping[str, str],
    profile: str,
    *,
    accept: Callable[[str, Version], None] | None = None,
    pacers: Pacers | None = None,
    most: int | None = None,
) -> Defaults:
    """Make the version of a profile the default of many templates and read it back; right ones are left alone.

    Args:
        client: boto3 EC2 client of the recovery Region.
        templates: Template id by server key.
        profile: Network profile.
        accept: Called with server key and version before it becomes (or stays) the default; raises L(AwsError) to
            refuse it.
        pacers: Request buckets of the account and Region.
        most: Templates to switch; None for all.

    Returns:
        The default version, or the error, of every server key but those beyond C(most). A template without an intact
        version of the profile is a L(NotFoundError): the launch configuration has to be declared again.
    """
    pacing = pacers or Pacers()
    known = read_known(client, list(templates.values()), pacing)

    def find(key: str, template_id: str) -> int:
        versions = known.get(template_id, [])
        default = default_of(versions)
        if default is None:
            raise NotFoundError(f"launch template {template_id} does not exist or has no default version")
        wanted = default if default.profile == profile else version_of(versions, profile)
        told = default.number_beside(profile)
        if wanted is None and accept is None and told is not None:
            return told
        wanted = wanted or _version_among_all(client, template_id, profile, pacing)
        if accept is not None:
            accept(key, wanted)
        return wanted.number

    def switch(key: str, number: int) -> None:
        try:
            switch_default(client, templates[key], number, pacing)
        except AwsError as error:
            if error.code != NO_VERSION:
                raise
            wanted = _version_among_all(client, templates[key], profile, pacing)
            switch_default(client, templates[key], wanted.number, pacing)

    found = for_each(dict(templates), find)
    defaults = {key: default_of(known[templates[key]]) for key in found.results}
    right = {key: now for key, now in defaults.items() if now is not None and now.number == found.results[key]}
    wrong = {key: number for key, number in found.results.items() if key not in right}
    switched = for_each(dict(itertools.islice(wrong.items(), most)), switch)
    now = read_defaults(client, [templates[key] for key in switched.results], pacing)
    results, errors = {}, {**found.errors, **switched.errors}
    for key in [key for key in templates if key in right or key in switched.results]:
        version = right.get(key) or now.get(templates[key])
        if version is None or version.profile != profile:
            errors[key] = ConflictError(
                f"launch template {templates[key]}: the version of profile {profile} was made the default, but EC2 "
                f"answers {f'version {version.number}' if version else 'none'}; look who else writes it, and run again"
            )
        else:
            results[key] = version
    return Defaults(results, errors, len(switched.results))


def set_instance_types(
    client: Any,
    templates: Mapping[str, str],
    without_capacity: Mapping[str, Sequence[str]],
    profile: str,
    *,
    accept: Callable[[str, Version], None],
    pacers: Pacers,
) -> Outcomes[str, Version]:
    """Make versions the defaults whose instance type is the next one to try, from those of a profile.

    Args:
        client: boto3 EC2 client of the recovery Region.
        templates: Template id by server key.
        without_capacity: Types with which launches failed for want of capacity, in order, by server key.
        profile: Network profile.
        accept: Called with server key and declared version; raises L(AwsError) to refuse it.
        pacers: Request buckets of the account and Region.

    Returns:
        The version that is the default now, or the error, of every server key.
    """
    known = read_known(client, list(templates.values()), pacers, sweep=False)

    def plan(key: str, template_id: str) -> TemplatePlan:
        planned = plan_instance_type(known.get(template_id, []), profile, without_capacity[key])
        if planned is None or planned.changes[0].current is None:
            raise _not_declared(template_id, profile)
        accept(key, planned.changes[0].current)
        return planned

    planned = for_each(dict(templates), plan)
    written = write_plans(client, planned.results, pacers)
    results = {
        key: Version(templates[key], numbers[profile], True, planned.results[key].changes[0].after, None)
        for key, numbers in written.results.items()
    }
    return Outcomes(results, {**planned.errors, **written.errors})


def _version_among_all(client: Any, template_id: str, profile: str, pacers: Pacers) -> Version:
    pacers.take("DescribeLaunchTemplateVersions")
    wanted = version_of(read_versions(client, template_id), profile)
    if wanted is None:
        raise _not_declared(template_id, profile)
    return wanted


def _not_declared(template_id: str, profile: str) -> NotFoundError:
    return NotFoundError(
        f"launch template {template_id} has no intact version of profile {profile}: declare the launch "
        "configuration again (role configure, with dr_launch_verify_versions of more than 1,000 servers)"
    )
