# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 launch templates of source servers: read many at once, make versions, and switch the default one.

DRS launches from the default version of a server's template, for drills and recoveries alike. What a template lacks is
decided in C(core/launch_versions.py).
Source: EC2 API Reference, CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions, ModifyLaunchTemplate.
This module util is private to the collection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.launch_templates import (
    Sibling,
    VersionMark,
    digest,
    same_template,
    version_description,
)
from ..core.launch_versions import (
    ProfileChange,
    TemplatePlan,
    Version,
    prunable,
    prune_is_due,
    to_version,
    version_of,
)
from .dynamodb import call, chunks
from .errors import AwsError, ConflictError, NotFoundError, translate
from .pacing import Outcomes, Pacers, for_each

__all__ = [
    "StaleLookError",
    "Version",
    "read_defaults",
    "read_heads",
    "read_known",
    "read_versions",
    "version_of",
    "write_plans",
]

PAGE_SIZE = 200
SWEEP_FROM = 20
"""Templates from which one sweep over all of the account costs fewer calls than a call for each."""

ENDS = ("$Default", "$Latest")
"""Versions that can be asked for of all templates at once."""

NO_TEMPLATE = "InvalidLaunchTemplateId.NotFound"
NO_VERSION = "InvalidLaunchTemplateId.VersionNotFound"


class StaleLookError(ConflictError):
    """A template has a version that was not looked for: nothing was moved, all versions have to be looked at first."""


@dataclass(frozen=True, slots=True)
class Head:
    """The version numbers that a template answers for itself."""

    default: int
    latest: int


def _describe(client: Any, what: str, pacers: Pacers | None = None, **arguments: Any) -> list[Version]:
    versions: list[Version] = []
    try:
        pages = client.get_paginator("describe_launch_template_versions").paginate(
            **arguments, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        for page in pages:
            if pacers is not None:
                pacers.take("DescribeLaunchTemplateVersions")
            versions += map(to_version, page["LaunchTemplateVersions"])
    except Exception as error:
        raise translate(error, what) from error
    return versions


def read_versions(client: Any, template_id: str) -> list[Version]:
    """Return all versions of one template, oldest first."""
    found = _describe(client, f"read the versions of launch template {template_id}", LaunchTemplateId=template_id)
    return sorted(found, key=lambda version: version.number)


def read_default(client: Any, template_id: str) -> Version:
    """Return the default version of one template.

    Raises:
        NotFoundError: The template does not exist.
    """
    what = f"read the default version of launch template {template_id}"
    found = _describe(client, what, LaunchTemplateId=template_id, Versions=["$Default"])
    if not found:
        raise NotFoundError(f"{what}: EC2 answered no version")
    return found[0]


def read_defaults(client: Any, template_ids: Sequence[str], pacers: Pacers | None = None) -> dict[str, Version]:
    """Return the default versions of templates by template id; templates that do not exist are left out.

    Many are read in pages of 200 over all templates of the account and Region, few by a call for each.
    """
    wanted = set(template_ids)
    pacing = pacers or Pacers()
    if len(wanted) >= SWEEP_FROM:
        what = "read the default versions of all launch templates"
        sweep = _describe(client, what, pacing, Versions=["$Default"])
        return {version.template_id: version for version in sweep if version.template_id in wanted}

    def read(template_id: str) -> Version:
        return read_default(client, template_id)

    return _read_each(wanted, read, pacing)


def read_known(
    client: Any,
    template_ids: Sequence[str],
    pacers: Pacers,
    *,
    sweep: bool | None = None,
    ends: Sequence[str] = ENDS,
) -> dict[str, list[Version]]:
    """Return versions of templates, oldest first, by template id; templates that do not exist are left out.

    Of many, the default and the latest version, in pages of 200 over all templates of the account and Region: in an
    estate at rest these are the versions of both profiles. Of few, all versions, by a call for each.

    Args:
        sweep: Which of both; None decides by their number.
        ends: Which versions a sweep asks for.
    """
    wanted = set(template_ids)
    if not wanted:
        return {}
    if not (len(wanted) >= SWEEP_FROM if sweep is None else sweep):
        return _read_each(wanted, lambda template_id: read_versions(client, template_id), pacers)
    what = f"read the versions {' and '.join(ends)} of all launch templates"
    found: dict[str, dict[int, Version]] = {}
    for version in _describe(client, what, pacers, Versions=list(ends)):
        if version.template_id in wanted:
            found.setdefault(version.template_id, {})[version.number] = version
    return {template_id: [known[number] for number in sorted(known)] for template_id, known in found.items()}


def _read_each(template_ids: set[str], read: Callable[[str], Any], pacers: Pacers) -> dict[str, Any]:
    def paced(_name: str, template_id: str) -> Any:
        pacers.take("DescribeLaunchTemplateVersions")
        return read(template_id)

    outcomes = for_each({template_id: template_id for template_id in sorted(template_ids)}, paced)
    remaining = {key: error for key, error in outcomes.errors.items() if not _is_missing(error)}
    return Outcomes(outcomes.results, remaining).raise_if_any("read launch templates")


def _is_missing(error: AwsError) -> bool:
    return isinstance(error, NotFoundError) or error.code == NO_TEMPLATE


def read_heads(client: Any, template_ids: Sequence[str], pacers: Pacers) -> dict[str, Head]:
    """Return the default and latest version numbers of templates by id, 200 a call; missing templates are left out."""
    heads: dict[str, Head] = {}
    for piece in chunks(sorted(set(template_ids)), PAGE_SIZE):
        pacers.take("DescribeLaunchTemplates")
        try:
            pages = client.get_paginator("describe_launch_templates").paginate(LaunchTemplateIds=list(piece))
            for item in (item for page in pages for item in page["LaunchTemplates"]):
                heads[item["LaunchTemplateId"]] = _head(item)
        except Exception as error:
            problem = translate(error, "read which versions of launch templates are the default ones")
            if problem.code != NO_TEMPLATE:
                raise problem from error
            # One that is missing fails the whole call: look at ever fewer at once until it is alone.
            half = len(piece) // 2
            if half:
                heads |= read_heads(client, piece[:half], pacers) | read_heads(client, piece[half:], pacers)
    return heads


def write_plans(client: Any, plans: Mapping[str, TemplatePlan], pacers: Pacers) -> Outcomes[str, dict[str, int]]:
    """Make the versions that templates lack, and those of the default profile the default ones.

    EC2 has no conditional write. That nobody else wrote a version meanwhile is told by the numbers in its answers, for
    numbers count up and are never used again. Where the latest version was seen, or none is made, defaults are moved
    200 templates at a time, after a look whether each is still the one that was planned for. Otherwise there is no
    such look, which N/200 calls for everything have no room for: a default moves as soon as its versions are made.

    Args:
        client: boto3 EC2 client of the recovery Region.
        plans: By server key; those that are as they should be cost nothing.
        pacers: Request buckets of the account and Region.

    Returns:
        The version number of each profile by server key. A L(ConflictError) says that somebody else wrote a version or
        moved the default meanwhile: nothing of theirs is overwritten. A L(StaleLookError) of a plan without the latest
        version says the same, or that there was one before.
    """

    def write(_key: str, plan: TemplatePlan) -> dict[str, int]:
        versions = _make_versions(client, plan, pacers)
        if _moves_at_once(plan):
            _move(client, plan, versions, pacers)
        return versions

    made = for_each(plans, write)
    errors = dict(made.errors)
    to_move = [
        key
        for key, versions in made.results.items()
        if versions[plans[key].default_profile] != plans[key].default.number and not _moves_at_once(plans[key])
    ]
    for piece in chunks(to_move, PAGE_SIZE):
        heads = read_heads(client, [plans[key].template_id for key in piece], pacers)
        moves = {key: (plans[key], made.results[key], heads.get(plans[key].template_id)) for key in piece}
        errors.update(for_each(moves, lambda _key, move: _move_if_as_planned(client, *move, pacers)).errors)
    return Outcomes({key: found for key, found in made.results.items() if key not in errors}, errors)


def _moves_at_once(plan: TemplatePlan) -> bool:
    return plan.makes_versions and not plan.latest_seen


def _make_versions(client: Any, plan: TemplatePlan, pacers: Pacers) -> dict[str, int]:
    """Make a version for every profile, each telling of the other; none when all have theirs."""
    if not plan.makes_versions:
        return {change.profile: change.reuse for change in plan.changes if change.reuse is not None}
    versions: dict[str, int] = {}
    latest = plan.latest
    digests = {change.profile: digest(change.after) for change in plan.changes}
    for change in plan.changes:
        other = next((name for name in digests if name != change.profile), None)
        beside = Sibling(other, versions.get(other), digests[other]) if other else None
        number = _create(client, plan.template_id, change, plan.latest, beside, pacers)
        if number != latest + 1:
            _check_none_between(client, plan, latest, number, pacers)
        versions[change.profile] = latest = number
    return versions


def _check_none_between(client: Any, plan: TemplatePlan, latest: int, number: int, pacers: Pacers) -> None:
    """Raise an error when a version may have been made between the highest that we knew of and the one that we made.

    Raises:
        StaleLookError: It may have been made before, since we did not look.
        ConflictError: It was made meanwhile.
    """
    first = latest == plan.latest
    if first and not plan.latest_seen:
        raise StaleLookError(
            f"launch template {plan.template_id}: the version after {latest}, the last one known, became number "
            f"{number}; the default was left as it is"
        )
    # What our first version tells of the second one is right only when nothing at all came between them.
    if not first or _written_between(client, plan.template_id, latest, number, pacers):
        raise ConflictError(
            f"launch template {plan.template_id}: somebody wrote a version between {latest} and {number} "
            "meanwhile; the default was left as it is. Run again: what they changed is then kept"
        )


def _written_between(client: Any, template_id: str, before: int, after: int, pacers: Pacers) -> bool:
    """Whether a template has a version between two numbers; numbers of deleted versions are missing for good."""
    pacers.take("DescribeLaunchTemplateVersions")
    return any(before < version.number < after for version in read_versions(client, template_id))


def _move_if_as_planned(
    client: Any, plan: TemplatePlan, versions: Mapping[str, int], head: Head | None, pacers: Pacers
) -> None:
    latest = max(plan.latest, *versions.values())
    # The answer may be older than what we made: EC2 is consistent after a while. A newer version is somebody else's.
    newer = head is not None and plan.latest_seen and head.latest > latest
    if head is None or head.default != plan.default.number or newer:
        now = "is gone" if head is None else f"has default version {head.default} and latest version {head.latest}"
        raise ConflictError(
            f"launch template {plan.template_id} {now} (expected {plan.default.number} and {latest}): somebody changed "
            "it meanwhile; the default was left as it is. Run again"
        )
    _move(client, plan, versions, pacers)


def _move(client: Any, plan: TemplatePlan, versions: Mapping[str, int], pacers: Pacers) -> None:
    """Make the default profile's version the default.

    Raises:
        ConflictError: After ours was made, somebody wrote a version; it is the default now.
    """
    number = versions[plan.default_profile]
    now = switch_default(client, plan.template_id, number, pacers)
    if not plan.makes_versions:
        return
    latest = max(versions.values())
    if now.latest > latest:
        switch_default(client, plan.template_id, now.latest, pacers)
        raise ConflictError(
            f"launch template {plan.template_id}: somebody wrote version {now.latest} while version {number} was made "
            "the default; theirs is the default now. Run again: what they changed is then kept"
        )
    _prune_if_due(client, plan, latest, pacers)


def switch_default(client: Any, template_id: str, number: int, pacers: Pacers) -> Head:
    """Make a version the default one, and return what EC2 answers.

    Raises:
        ConflictError: EC2 answers another default version than was set.
    """
    pacers.take("ModifyLaunchTemplate")
    answer = call(
        client.modify_launch_template,
        f"make version {number} the default of launch template {template_id}",
        LaunchTemplateId=template_id,
        DefaultVersion=str(number),
    )
    now = _head(answer["LaunchTemplate"])
    if now.default != number:
        raise ConflictError(
            f"launch template {template_id}: version {number} was made the default, but EC2 answers version "
            f"{now.default}; look who else writes this template, and run again"
        )
    return now


def _head(item: Mapping[str, Any]) -> Head:
    return Head(item["DefaultVersionNumber"], item["LatestVersionNumber"])


def _create(
    client: Any, template_id: str, change: ProfileChange, latest: int, beside: Sibling | None, pacers: Pacers
) -> int:
    """Make a version from C(change.source) with only the top-level keys that differ, and return its number."""
    mark = VersionMark(change.profile, digest(change.after), beside, change.instance_types, change.alternative_of)
    description = version_description(mark)
    token = hashlib.sha256(f"{template_id} {latest} {change.source} {description}".encode()).hexdigest()
    pacers.take("CreateLaunchTemplateVersion")
    answer = call(
        client.create_launch_template_version,
        f"create the version of profile {change.profile} of launch template {template_id}",
        LaunchTemplateId=template_id,
        SourceVersion=str(change.source),
        LaunchTemplateData=dict(change.request),
        VersionDescription=description,
        ClientToken=token,
    )
    created = to_version(answer["LaunchTemplateVersion"])
    if not same_template(created.data, change.after):
        raise ConflictError(
            f"launch template {template_id}: EC2 made version {created.number} of profile {change.profile} with other "
            "data than requested; it was not made the default. Compare it in the EC2 console"
        )
    return created.number


def _prune_if_due(client: Any, plan: TemplatePlan, latest: int, pacers: Pacers) -> None:
    made_by_run = any(change.alternative_of for change in plan.changes)
    if made_by_run or not prune_is_due(plan.latest, latest):
        return
    pacers.take("DescribeLaunchTemplateVersions")
    numbers = prunable(read_versions(client, plan.template_id), latest)
    for piece in chunks(numbers, PAGE_SIZE):
        pacers.take("DeleteLaunchTemplateVersions")
        answer = call(
            client.delete_launch_template_versions,
            f"delete old versions of launch template {plan.template_id}, which is otherwise as declared",
            LaunchTemplateId=plan.template_id,
            Versions=[str(number) for number in piece],
        )
        kept = answer.get("UnsuccessfullyDeletedLaunchTemplateVersions", [])
        if kept:
            reasons = "; ".join(f"{item['VersionNumber']}: {item['ResponseError']['Message']}" for item in kept)
            raise AwsError(
                f"launch template {plan.template_id} is as declared, but old versions were not deleted: {reasons}"
            )
