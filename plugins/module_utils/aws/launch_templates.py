# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 launch templates of source servers: one version for each network profile, and which of them is the default.

DRS launches from the default version of a server's template, for drills and recoveries alike. DRS and people write
versions too: one of ours counts only while its data still have the digest that its description says.
Source: EC2 API Reference, CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions, ModifyLaunchTemplate.
This module util is private to the collection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import DeclarationError
from ..core.launch_settings import DesiredProfile
from ..core.launch_templates import (
    applied,
    digest,
    normalise_template,
    parse_version_description,
    same_template,
    template_data,
    version_description,
)
from .dynamodb import call
from .errors import ConflictError, InvalidRequestError, NotFoundError, translate
from .pacing import Outcomes, Pacers, for_each

PAGE_SIZE = 200
SWEEP_FROM = 20
"""Templates from which one sweep over all of the account costs fewer calls than a call for each."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a launch template.

    Attributes:
        profile: The network profile that it is for; None when it is not one of ours, or is no longer what it says.
    """

    template_id: str
    number: int
    is_default: bool
    data: Mapping[str, Any]
    profile: str | None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What happens to the version of one profile.

    Attributes:
        before: Data of the version that the profile has (or would be made from).
        after: Data that it must have.
        reuse: Number of the version that already says so; None when a new one is needed.
        source: Number of the version that the new one is made from.
        request: Top-level keys that the new version has otherwise than its source, whole.
    """

    profile: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reuse: int | None
    source: int
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateState:
    """A template after L(ensure_versions): the number of each profile's version, and the default's.

    In check mode the numbers of versions that would be made are None.
    """

    template_id: str
    changes: tuple[ProfileChange, ...]
    versions: Mapping[str, int | None]
    default_before: Version
    default_profile: str
    changed: bool


def _version(item: Mapping[str, Any]) -> Version:
    data = item.get("LaunchTemplateData", {})
    mark = parse_version_description(item.get("VersionDescription"))
    return Version(
        template_id=item["LaunchTemplateId"],
        number=int(item["VersionNumber"]),
        is_default=bool(item.get("DefaultVersion")),
        data=data,
        profile=mark.profile if mark and mark.digest == digest(data) else None,
    )


def _describe(client: Any, what: str, **arguments: Any) -> list[Version]:
    try:
        pages = client.get_paginator("describe_launch_template_versions").paginate(
            **arguments, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        return [_version(item) for page in pages for item in page["LaunchTemplateVersions"]]
    except Exception as error:
        raise translate(error, what) from error


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
    if len(wanted) >= SWEEP_FROM:
        sweep = _describe(client, "read the default versions of all launch templates", Versions=["$Default"])
        return {version.template_id: version for version in sweep if version.template_id in wanted}
    pacing = pacers or Pacers()

    def read(_name: str, template_id: str) -> Version:
        pacing.take("DescribeLaunchTemplateVersions")
        return read_default(client, template_id)

    outcomes = for_each({template_id: template_id for template_id in sorted(wanted)}, read)
    missing = {key: error for key, error in outcomes.errors.items() if _is_missing(error)}
    remaining = {key: error for key, error in outcomes.errors.items() if key not in missing}
    return Outcomes(outcomes.results, remaining).raise_if_any("read the default versions of launch templates")


def read_ends(client: Any) -> dict[str, list[Version]]:
    """Return the default and the latest version of every template of the account and Region, by template id.

    In an estate at rest these are the versions of both profiles: a few calls then tell that nothing has to be done.
    """
    what = "read the default and latest versions of all launch templates"
    ends: dict[str, dict[int, Version]] = {}
    for version in _describe(client, what, Versions=["$Default", "$Latest"]):
        ends.setdefault(version.template_id, {})[version.number] = version
    return {template_id: [found[number] for number in sorted(found)] for template_id, found in ends.items()}


def _is_missing(error: Exception) -> bool:
    code = getattr(error, "code", "")
    return isinstance(error, NotFoundError) or code == "InvalidLaunchTemplateId.NotFound"


def version_of(versions: Sequence[Version], profile: str) -> Version | None:
    """Return the newest version of a profile that still is what its description says."""
    return next((version for version in reversed(versions) if version.profile == profile), None)


def plan_profile(versions: Sequence[Version], desired: DesiredProfile) -> ProfileChange:
    """Decide whether a template has the wanted version of a profile, or what a new one is made from.

    When the default version is not ours, DRS or a person changed something: every profile is then made from it anew, so
    that the change is kept.

    Args:
        versions: All versions of the template, oldest first.
        desired: What the version must say.

    Raises:
        InvalidRequestError: The template has a setting that cannot stand beside what is wanted.
    """
    default = next(version for version in versions if version.is_default)
    candidate = version_of(versions, desired.profile)
    base = default if default.profile is None or candidate is None else candidate
    try:
        request = template_data(base.data, desired)
    except DeclarationError as error:
        raise InvalidRequestError(f"launch template {default.template_id}: {error}") from error
    after = applied(base.data, request)
    reuse = candidate.number if candidate and same_template(candidate.data, after) else None
    before = candidate.data if candidate else base.data
    if not request:
        # A new version with no data at all is refused, and this one is made for its description alone.
        request = {"NetworkInterfaces": normalise_template(after)["NetworkInterfaces"]}
    return ProfileChange(desired.profile, before, after, reuse, base.number, request)


def ensure_versions(
    client: Any,
    template_id: str,
    desired: Mapping[str, DesiredProfile],
    default_profile: str,
    *,
    write: bool,
    pacers: Pacers,
    known: Sequence[Version] = (),
) -> TemplateState:
    """Bring the versions of a template's profiles to what they must say, and make one of them the default.

    Update the DRS launch configuration first: it may write a new default version itself.

    Args:
        client: boto3 EC2 client of the recovery Region.
        template_id: The source server's launch template.
        desired: What the version of each profile must say.
        default_profile: Profile whose version DRS launches from.
        write: False only looks, as in check mode.
        pacers: Request buckets of the account and Region.
        known: Some versions of the template, just read (see L(read_ends)): when they are all that is wanted, no more is
            read.

    Raises:
        NotFoundError: The template has no default version.
        ConflictError: Somebody else changed the default version meanwhile, or EC2 does not answer what was written.
    """
    versions = known
    if not _is_at_rest(known, desired, default_profile):
        pacers.take("DescribeLaunchTemplateVersions")
        versions = read_versions(client, template_id)
    default = next((version for version in versions if version.is_default), None)
    if default is None:
        raise NotFoundError(f"launch template {template_id} has no default version")
    changes = [plan_profile(versions, wanted) for wanted in desired.values()]
    found = {change.profile: change.reuse for change in changes}
    changed = None in found.values() or found[default_profile] != default.number
    if not (write and changed):
        return TemplateState(template_id, tuple(changes), found, default, default_profile, changed)
    latest = versions[-1].number
    made = {change.profile: change.reuse or _create(client, template_id, change, latest, pacers) for change in changes}
    after = next(change.after for change in changes if change.profile == default_profile)
    _move_default(client, default, made[default_profile], after, pacers)
    return TemplateState(template_id, tuple(changes), made, default, default_profile, changed)


def _is_at_rest(known: Sequence[Version], desired: Mapping[str, DesiredProfile], default_profile: str) -> bool:
    """Whether these versions alone show that the template is as wanted."""
    if not any(version.is_default and version.profile == default_profile for version in known):
        return False
    return all(plan_profile(known, wanted).reuse is not None for wanted in desired.values())


def set_default_profile(
    client: Any,
    templates: Mapping[str, str],
    profile: str,
    *,
    accept: Callable[[str, Version], None] | None = None,
    pacers: Pacers | None = None,
) -> Outcomes[str, Version]:
    """Make the version of a profile the default of many templates and read it back; right ones are left alone.

    Args:
        client: boto3 EC2 client of the recovery Region.
        templates: Template id by server key.
        profile: Network profile.
        accept: Called with server key and version before it becomes (or stays) the default; raises L(AwsError) to
            refuse it.
        pacers: Request buckets of the account and Region.

    Returns:
        The default version, or the error, of every server key. A template without an intact version of the profile is
        a L(NotFoundError): the launch configuration has to be declared again.
    """
    pacing = pacers or Pacers()
    defaults = read_defaults(client, list(templates.values()), pacing)

    def set_one(key: str, template_id: str) -> Version:
        default = defaults.get(template_id)
        if default is None:
            raise NotFoundError(f"launch template {template_id} does not exist or has no default version")
        wanted: Version | None = default
        if default.profile != profile:
            pacing.take("DescribeLaunchTemplateVersions")
            wanted = version_of(read_versions(client, template_id), profile)
        if wanted is None:
            raise NotFoundError(
                f"launch template {template_id} has no intact version of profile {profile}: declare the launch "
                "configuration again (role configure)"
            )
        if accept is not None:
            accept(key, wanted)
        return _move_default(client, default, wanted.number, wanted.data, pacing)

    return for_each(dict(templates), set_one)


def _move_default(client: Any, seen: Version, number: int, data: Mapping[str, Any], pacers: Pacers) -> Version:
    """Make C(number) the default unless it is, and return what EC2 then answers as the default.

    Args:
        seen: The default version that the decision was based on.
        number: Version that becomes the default.
        data: What that version must say.

    Raises:
        ConflictError: The default is no longer C(seen), or EC2 answers something else than was set.
    """
    template_id = seen.template_id
    if number == seen.number:
        return seen
    pacers.take("DescribeLaunchTemplateVersions")
    current = read_default(client, template_id)
    if current.number != seen.number:
        raise ConflictError(
            f"launch template {template_id}: somebody made version {current.number} the default meanwhile "
            f"(it was {seen.number}); run again"
        )
    pacers.take("ModifyLaunchTemplate")
    call(
        client.modify_launch_template,
        f"make version {number} the default of launch template {template_id}",
        LaunchTemplateId=template_id,
        DefaultVersion=str(number),
    )
    pacers.take("DescribeLaunchTemplateVersions")
    now = read_default(client, template_id)
    if now.number != number or not same_template(now.data, data):
        raise ConflictError(
            f"launch template {template_id}: version {number} was made the default, but EC2 answers version "
            f"{now.number} or other data; look who else writes this template, and run again"
        )
    return now


def _create(client: Any, template_id: str, change: ProfileChange, latest: int, pacers: Pacers) -> int:
    """Make a version from C(change.source) with only the top-level keys that differ, and return its number."""
    data_digest = digest(change.after)
    description = version_description(change.profile, data_digest)
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
    created = _version(answer["LaunchTemplateVersion"])
    if not same_template(created.data, change.after):
        raise ConflictError(
            f"launch template {template_id}: EC2 made version {created.number} of profile {change.profile} with other "
            "data than requested; it was not made the default. Compare it in the EC2 console"
        )
    return created.number
