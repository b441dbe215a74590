# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of a server's launch template: which one each network profile has, and what has to be made or moved.

DRS and people write versions too: one of ours counts only while its data still have the digest that its description
says. When the default version is not ours, the profiles' versions are made from it anew, so that the change is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .capacity import type_to_launch
from .launch_desired import DesiredProfile
from .launch_templates import (
    VersionMark,
    applied,
    carried_over,
    digest,
    in_networks,
    normalise_template,
    parse_version_description,
    same_template,
    template_data,
)

KEPT_VERSIONS = 5
"""Versions of ours that a template keeps for each profile, the newest ones."""

PRUNED_EVERY = 20
"""Old versions of ours are looked for when the number of a new one passes a multiple of this.

Looking costs two calls a template: done at every change it would cost more than the change itself.
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a launch template.

    Attributes:
        mark: What its description says; None when it is not one of ours, or is no longer what it says.
    """

    template_id: str
    number: int
    is_default: bool
    data: Mapping[str, Any]
    mark: VersionMark | None

    @property
    def profile(self) -> str | None:
        """The network profile whose declared version it is; None when it is not one of ours, or an alternative."""
        return self.mark.profile if self.mark and not self.is_alternative else None

    @property
    def is_alternative(self) -> bool:
        """Whether a run made it from a declared version, with an instance type that there was capacity for."""
        return self.mark is not None and self.mark.alternative_of is not None

    def number_beside(self, profile: str) -> int | None:
        """Return which version of the other profile was made together with this one, by its description."""
        beside = self.mark.beside if self.mark else None
        return (beside.number or self.number + 1) if beside and beside.profile == profile else None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What happens to the version of one profile.

    Attributes:
        current: The version that the profile has, as far as it was seen.
        before: Data of that version, or of the one that a new one is made from.
        after: Data that it must have.
        reuse: Number of the version that already says so; None when a new one is needed.
        source: Number of the version that the new one is made from.
        request: Top-level keys that the new version has otherwise than its source, whole.
        alternative_of: See L(VersionMark).
    """

    profile: str
    current: Version | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reuse: int | None
    source: int
    request: Mapping[str, Any]
    instance_types: tuple[str, ...] = ()
    alternative_of: int | None = None


@dataclass(frozen=True, slots=True)
class TemplatePlan:
    """What has to happen to one template.

    Attributes:
        changes: By profile, that of the default first: a new default is then never the latest version as well, and
            one look at the default and latest versions of all templates shows both.
        latest: Highest version number that was seen, or that the default version tells of.
        latest_seen: Whether there was none above it.
    """

    default: Version
    default_profile: str
    changes: tuple[ProfileChange, ...]
    latest: int
    latest_seen: bool = True

    @property
    def template_id(self) -> str:
        """Id of the template."""
        return self.default.template_id

    @property
    def changed(self) -> bool:
        """Whether anything has to be written."""
        return self.makes_versions or self.changes[0].reuse != self.default.number

    @property
    def makes_versions(self) -> bool:
        """Whether the profiles get new versions, all of them together."""
        return any(change.reuse is None for change in self.changes)

    def versions(self) -> dict[str, int | None]:
        """Return the version number of each profile; None for one that has to be made."""
        return {change.profile: change.reuse for change in self.changes}


def to_version(item: Mapping[str, Any]) -> Version:
    """Return a version from an item of DescribeLaunchTemplateVersions."""
    data = item.get("LaunchTemplateData", {})
    mark = parse_version_description(item.get("VersionDescription"))
    return Version(
        template_id=item["LaunchTemplateId"],
        number=int(item["VersionNumber"]),
        is_default=bool(item.get("DefaultVersion")),
        data=data,
        mark=mark if mark and mark.digest == digest(data) else None,
    )


def version_of(versions: Sequence[Version], profile: str) -> Version | None:
    """Return the newest version of a profile that still is what its description says."""
    return next((version for version in reversed(versions) if version.profile == profile), None)


def default_of(versions: Sequence[Version]) -> Version | None:
    """Return the version that DRS launches from."""
    return next((version for version in versions if version.is_default), None)


def with_told(
    versions: Sequence[Version], desired: Mapping[str, DesiredProfile], *, latest_seen: bool
) -> list[Version]:
    """Return C(versions) with the other profile's version, not seen, of which the default one tells enough.

    It does when the other version is the default one in the declared networks of its profile: then that has the digest
    which the description of the default version gives. Versions never change, but they may be deleted: one above the
    latest version is gone.
    """
    default = default_of(versions)
    if default is None or default.mark is None or default.mark.beside is None:
        return list(versions)
    beside, seen = default.mark.beside, {version.number for version in versions}
    number = beside.number or default.number + 1
    if beside.profile not in desired or number in seen or (latest_seen and number > max(seen)):
        return list(versions)
    data = in_networks(default.data, desired[beside.profile])
    if digest(data) != beside.digest:
        return list(versions)
    mark = VersionMark(beside.profile, beside.digest, instance_types=default.mark.instance_types)
    told = Version(default.template_id, number, False, data, mark)
    return sorted([*versions, told], key=lambda version: version.number)


def hides_a_version(versions: Sequence[Version], desired: Mapping[str, DesiredProfile]) -> bool:
    """Whether a profile may have a version that is not among C(versions).

    Where the default version is not ours that does not matter: versions are then made from it alone.
    """
    default = default_of(versions)
    profiles = {version.profile for version in versions}
    return default is not None and default.mark is not None and not profiles.issuperset(desired)


def plan_template(
    versions: Sequence[Version],
    desired: Mapping[str, DesiredProfile],
    default_profile: str,
    *,
    latest_seen: bool = True,
) -> TemplatePlan:
    """Decide what a template lacks.

    The versions of all profiles are made together, so that each tells of the other: a look at the default version is
    then enough to know that nothing is lacking.

    Args:
        versions: Versions of the template, oldest first: all of them, or at least the default one (L(with_told)).
        desired: What the version of each profile must say.
        default_profile: Profile whose version DRS has to launch from.
        latest_seen: Whether the latest version is among C(versions).

    Raises:
        DeclarationError: The template has a setting that cannot stand beside what is wanted.
        ValueError: None of the versions is the default.
    """
    default = default_of(versions)
    if default is None:
        raise ValueError("none of the versions is the default one")
    order = [default_profile, *(name for name in desired if name != default_profile)]
    changes = [_plan_profile(versions, default, desired[name]) for name in order]
    if not _tell_of_each_other(changes):
        changes = [replace(change, reuse=None) for change in changes]
    return TemplatePlan(default, default_profile, tuple(changes), versions[-1].number, latest_seen)


def plan_instance_type(
    versions: Sequence[Version], profile: str, without_capacity: Sequence[str]
) -> TemplatePlan | None:
    """Decide what a template lacks for the next launch of a server for whose instance type there was no capacity.

    Args:
        versions: All versions of the template, oldest first.
        profile: Profile to launch in.
        without_capacity: Instance types with which launches failed, in order.

    Returns:
        The plan, whose one change is the version to launch from: the declared one, or one that differs from it in
        nothing but the type. None when there is no intact declared version, or no default one.
    """
    default, declared = default_of(versions), version_of(versions, profile)
    if default is None or declared is None or declared.mark is None:
        return None
    first = declared.data.get("InstanceType")
    wanted = type_to_launch(first, declared.mark.instance_types, without_capacity) if first else first
    after = applied(declared.data, {"InstanceType": wanted}) if wanted else declared.data
    alternative_of = None if wanted == first else declared.number
    made = next(
        (
            version.number
            for version in reversed(versions)
            if version.mark and version.mark.alternative_of == alternative_of and same_template(version.data, after)
        ),
        None,
    )
    change = ProfileChange(
        profile=profile,
        current=declared,
        before=declared.data,
        after=after,
        reuse=made if alternative_of else declared.number,
        source=declared.number,
        request={**carried_over(declared.data), "InstanceType": wanted},
        alternative_of=alternative_of,
    )
    return TemplatePlan(default, profile, (change,), versions[-1].number)


def prunable(versions: Sequence[Version], newest: int) -> list[int]:
    """Return the numbers of old versions of ours: never the default, never somebody else's, never one after C(newest).

    Args:
        versions: All versions of a template, oldest first.
        newest: Number of the newest version that we know of.
    """
    seen: Counter[tuple[str, bool]] = Counter()
    found = []
    for version in reversed(versions):
        if version.mark is None or version.number > newest:
            continue
        kind = (version.mark.profile, version.is_alternative)
        seen[kind] += 1
        if seen[kind] > KEPT_VERSIONS and not version.is_default:
            found.append(version.number)
    return sorted(found)


def prune_is_due(before: int, after: int) -> bool:
    """Whether a change that raised a template's highest version number so far has to look for old versions."""
    return before // PRUNED_EVERY != after // PRUNED_EVERY


def _tell_of_each_other(changes: Sequence[ProfileChange]) -> bool:
    """Whether every profile has its version, and no version tells of another one beside it.

    One may do so after a run that was interrupted. A version that tells of none was made before they did.
    """
    reused = {change.profile: change.reuse for change in changes}
    if None in reused.values():
        return False
    for change in changes:
        for profile, number in reused.items():
            told = change.current.number_beside(profile) if change.current else None
            if told not in {None, number}:
                return False
    return True


def _plan_profile(versions: Sequence[Version], default: Version, desired: DesiredProfile) -> ProfileChange:
    candidate = version_of(versions, desired.profile)
    foreign = default.profile is None and not default.is_alternative
    base = default if foreign or candidate is None else candidate
    request = template_data(base.data, desired)
    after = applied(base.data, request)
    reuse = None
    if candidate is not None:
        same_types = candidate.mark is not None and candidate.mark.instance_types == desired.alternative_instance_types
        reuse = candidate.number if same_types and same_template(candidate.data, after) else None
    if not request:
        # A new version with no data at all is refused, and this one is made for its description alone.
        request = {"NetworkInterfaces": normalise_template(after)["NetworkInterfaces"]}
    return ProfileChange(
        profile=desired.profile,
        current=candidate,
        before=candidate.data if candidate else base.data,
        after=after,
        reuse=reuse,
        source=base.number,
        request={**carried_over(base.data), **request},
        instance_types=desired.alternative_instance_types,
    )
