# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What many source servers launch with: read all of it, decide, write only what differs.

In the order that DRS asks for: the launch configuration first, since its update may write a template version itself;
then the template is looked at again, versions are made, and the default is moved.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import DeclarationError
from ..core.launch_desired import DesiredLaunch, configuration_changes
from ..core.launch_versions import TemplatePlan, Version, default_of, plan_template
from .drs import get_launch_configuration, update_launch_configuration
from .errors import AwsError, InvalidRequestError, NotFoundError
from .launch_templates import NO_VERSION, read_known, read_versions, write_plans
from .pacing import Outcomes, Pacers, for_each


@dataclass(frozen=True, slots=True)
class LiveLaunch:
    """What a source server launches with now.

    Attributes:
        configuration: Answer of GetLaunchConfiguration.
        versions: Versions of its launch template, oldest first: the default and the latest one, or all.
    """

    configuration: Mapping[str, Any]
    versions: Sequence[Version]

    @property
    def template_id(self) -> str:
        """The launch template."""
        return str(self.configuration["ec2LaunchTemplateID"])


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What has to happen to one server.

    Attributes:
        before: Its launch configuration as it was read.
        configuration_changes: Fields of it that differ, with their desired values.
    """

    before: Mapping[str, Any]
    configuration_changes: Mapping[str, Any]
    template: TemplatePlan

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.configuration_changes) or self.template.changed


@dataclass(frozen=True, slots=True)
class Written:
    """What became of every server that was written.

    Attributes:
        versions: Number of each profile's template version, of the servers that are as declared.
        errors: Why the others are not.
        updated: Servers whose launch configuration was updated, whatever happened then.
    """

    versions: Mapping[str, Mapping[str, int | None]]
    errors: Mapping[str, AwsError]
    updated: frozenset[str]


def read_launches(
    drs: Any, ec2: Any, launches: Iterable[DesiredLaunch], pacers: Pacers, *, sweep: bool | None = None
) -> Outcomes[str, LiveLaunch]:
    """Return what every server launches with now, or why that is not known, by server key.

    Args:
        drs: boto3 DRS client.
        ec2: boto3 EC2 client of the same account and Region.
        launches: The servers.
        pacers: Request buckets of the account and Region.
        sweep: See L(launch_templates.read_known).
    """

    def read(_key: str, source_server_id: str) -> Mapping[str, Any]:
        pacers.take("GetLaunchConfiguration")
        configuration = get_launch_configuration(drs, source_server_id)
        if not configuration.get("ec2LaunchTemplateID"):
            raise NotFoundError(
                f"source server {source_server_id} has no launch template yet: DRS makes it when replication starts"
            )
        return configuration

    read_all = for_each({launch.server_key: launch.source_server_id for launch in launches}, read)
    template_ids = [configuration["ec2LaunchTemplateID"] for configuration in read_all.results.values()]
    known = read_known(ec2, template_ids, pacers, sweep=sweep)
    results, errors = {}, dict(read_all.errors)
    for key, configuration in read_all.results.items():
        live = LiveLaunch(configuration, known.get(configuration["ec2LaunchTemplateID"], ()))
        if default_of(live.versions) is None:
            errors[key] = NotFoundError(
                f"launch template {live.template_id} is gone or has no default version; DRS makes it anew: run again"
            )
        else:
            results[key] = live
    return Outcomes(results, errors)


def plan_launches(
    launches: Mapping[str, DesiredLaunch],
    live: Mapping[str, LiveLaunch],
    default_profile: str,
    ec2: Any,
    pacers: Pacers,
) -> Outcomes[str, LaunchPlan]:
    """Return what has to happen to every server, or why its template cannot become what is declared.

    Args:
        launches: What the servers must launch with, by server key.
        live: What they launch with now.
        default_profile: Network profile that DRS has to launch in.
        ec2: boto3 EC2 client, for a look at all versions where the default and latest one do not tell enough.
        pacers: Request buckets of the account and Region.
    """

    def plan(key: str, now: LiveLaunch) -> LaunchPlan:
        launch = launches[key]
        if default_profile not in launch.profiles:
            raise NotFoundError(f"the IP map has no addresses in profile {default_profile}: declare them there first")
        changes = configuration_changes(launch.configuration, now.configuration)
        return LaunchPlan(now.configuration, changes, _plan_template(ec2, now, launch, default_profile, pacers))

    return for_each(live, plan)


def write_launches(
    drs: Any,
    ec2: Any,
    launches: Mapping[str, DesiredLaunch],
    plans: Mapping[str, LaunchPlan],
    pacers: Pacers,
    *,
    sweep: bool | None = None,
) -> Written:
    """Do what was planned.

    Args:
        drs: boto3 DRS client.
        ec2: boto3 EC2 client of the same account and Region.
        launches: What the servers must launch with.
        plans: What has to happen; servers without a difference cost nothing.
        pacers: Request buckets of the account and Region.
        sweep: See L(launch_templates.read_known).
    """
    updated = _update_configurations(drs, plans, pacers)
    ids = {key: str(configuration["ec2LaunchTemplateID"]) for key, configuration in updated.results.items()}
    known = read_known(ec2, list(ids.values()), pacers, sweep=sweep)
    default_profiles = {key: plan.template.default_profile for key, plan in plans.items()}

    def plan_again(key: str, template_id: str) -> TemplatePlan:
        now = LiveLaunch(updated.results[key], known.get(template_id, ()))
        if default_of(now.versions) is None:
            raise NotFoundError(f"launch template {template_id} is gone: run again")
        return _plan_template(ec2, now, launches[key], default_profiles[key], pacers)

    planned = for_each(ids, plan_again)
    templates = {key: plan.template for key, plan in plans.items() if not plan.configuration_changes}
    templates.update(planned.results)
    written = write_plans(ec2, templates, pacers)

    def write_anew(key: str, plan: TemplatePlan) -> dict[str, int]:
        pacers.take("DescribeLaunchTemplateVersions")
        versions = read_versions(ec2, plan.template_id)
        anew = _decide(plan.template_id, versions, launches[key], plan.default_profile, trust_siblings=False)
        return write_plans(ec2, {key: anew}, pacers).raise_if_any("write the launch template")[key]

    # Where the version that the default one told of is gone, all versions have to be looked at.
    gone = {key: templates[key] for key, error in written.errors.items() if error.code == NO_VERSION}
    anew = for_each(gone, write_anew)
    failed = {key: error for key, error in written.errors.items() if key not in gone}
    return Written(
        versions={**written.results, **anew.results},
        errors={**updated.errors, **planned.errors, **failed, **anew.errors},
        updated=frozenset(updated.results),
    )


def _plan_template(
    ec2: Any, now: LiveLaunch, launch: DesiredLaunch, default_profile: str, pacers: Pacers
) -> TemplatePlan:
    plan = _decide(now.template_id, now.versions, launch, default_profile, trust_siblings=True)
    if not _hides_a_version(plan, now.versions):
        return plan
    pacers.take("DescribeLaunchTemplateVersions")
    versions = read_versions(ec2, now.template_id)
    return _decide(now.template_id, versions, launch, default_profile, trust_siblings=False)


def _decide(
    template_id: str,
    versions: Sequence[Version],
    launch: DesiredLaunch,
    default_profile: str,
    *,
    trust_siblings: bool,
) -> TemplatePlan:
    try:
        return plan_template(versions, launch.profiles, default_profile, trust_siblings=trust_siblings)
    except DeclarationError as error:
        raise InvalidRequestError(f"launch template {template_id}: {error}") from error


def _hides_a_version(plan: TemplatePlan, versions: Sequence[Version]) -> bool:
    """Whether a profile's version may be among those not seen.

    The default one is right, and the latest; or a run has made the latest with another instance type.
    """
    if any(version.is_alternative for version in versions):
        return True
    return (
        len(versions) == 1
        and plan.latest > 1
        and plan.changes[0].reuse == plan.default.number
        and any(change.reuse is None for change in plan.changes)
    )


def _update_configurations(
    drs: Any, plans: Mapping[str, LaunchPlan], pacers: Pacers
) -> Outcomes[str, Mapping[str, Any]]:
    def update(_key: str, plan: LaunchPlan) -> Mapping[str, Any]:
        pacers.take("UpdateLaunchConfiguration")
        return update_launch_configuration(drs, plan.before["sourceServerID"], plan.configuration_changes)

    return for_each({key: plan for key, plan in plans.items() if plan.configuration_changes}, update)
