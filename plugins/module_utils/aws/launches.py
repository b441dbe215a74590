# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What many source servers launch with: read all of it, decide, write only what differs.

In the order that DRS asks for: the launch configuration first, since its update may write a template version itself;
then the template is looked at again, versions are made, and the default is moved.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import DeclarationError
from ..core.launch_desired import DesiredLaunch, configuration_changes
from ..core.launch_versions import TemplatePlan, plan_template
from .drs import get_launch_configuration, update_launch_configuration
from .errors import AwsError, InvalidRequestError, NotFoundError
from .launch_looks import LiveLaunch, any_rewritten, look
from .launch_templates import NO_VERSION, SWEEP_FROM, StaleLookError, read_versions, write_plans
from .pacing import Outcomes, Pacers, for_each


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
    drs: Any,
    ec2: Any,
    launches: Mapping[str, DesiredLaunch],
    pacers: Pacers,
    *,
    sweep: bool | None = None,
    verify: bool = False,
) -> Outcomes[str, LiveLaunch]:
    """Return what every server launches with now, or why that is not known, by server key.

    Args:
        drs: boto3 DRS client.
        ec2: boto3 EC2 client of the same account and Region.
        launches: What the servers must launch with.
        pacers: Request buckets of the account and Region.
        sweep: See L(launch_templates.read_known).
        verify: See L(launch_looks.look).
    """

    def read(_key: str, launch: DesiredLaunch) -> Mapping[str, Any]:
        pacers.take("GetLaunchConfiguration")
        configuration = get_launch_configuration(drs, launch.source_server_id)
        if not configuration.get("ec2LaunchTemplateID"):
            raise NotFoundError(
                f"source server {launch.source_server_id} has no launch template yet: DRS makes it when replication "
                "starts"
            )
        return configuration

    read_all = for_each(launches, read)
    looked = look(ec2, read_all.results, launches, pacers, sweep=sweep, verify=verify)
    return Outcomes(looked.results, {**read_all.errors, **looked.errors})


def plan_launches(
    launches: Mapping[str, DesiredLaunch], live: Mapping[str, LiveLaunch], default_profile: str
) -> Outcomes[str, LaunchPlan]:
    """Return what has to happen to every server, or why its template cannot become what is declared.

    Args:
        launches: What the servers must launch with, by server key.
        live: What they launch with now.
        default_profile: Network profile that DRS has to launch in.
    """

    def plan(key: str, now: LiveLaunch) -> LaunchPlan:
        launch = launches[key]
        if default_profile not in launch.profiles:
            raise NotFoundError(f"the IP map has no addresses in profile {default_profile}: declare them there first")
        changes = configuration_changes(launch.configuration, now.configuration)
        return LaunchPlan(now.configuration, changes, _plan_template(now, launch, default_profile))

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
    again = _plan_again(ec2, updated.results, launches, plans, pacers, sweep)
    templates = {key: plan.template for key, plan in plans.items() if not plan.configuration_changes}
    templates.update(again.results)
    written = write_plans(ec2, templates, pacers)

    def write_anew(key: str, plan: TemplatePlan) -> dict[str, int]:
        pacers.take("DescribeLaunchTemplateVersions")
        now = LiveLaunch(plans[key].before, read_versions(ec2, plan.template_id))
        anew = _plan_template(now, launches[key], plan.default_profile)
        return write_plans(ec2, {key: anew}, pacers).raise_if_any("write the launch template")[key]

    # What the default version did not tell, or told and is not so any more, a look at all versions shows.
    unforeseen = {
        key: templates[key]
        for key, error in written.errors.items()
        if error.code == NO_VERSION or isinstance(error, StaleLookError)
    }
    anew = for_each(unforeseen, write_anew)
    failed = {key: error for key, error in written.errors.items() if key not in unforeseen}
    return Written(
        versions={**written.results, **anew.results},
        errors={**updated.errors, **again.errors, **failed, **anew.errors},
        updated=frozenset(updated.results),
    )


def _plan_again(
    ec2: Any,
    updated: Mapping[str, Mapping[str, Any]],
    launches: Mapping[str, DesiredLaunch],
    plans: Mapping[str, LaunchPlan],
    pacers: Pacers,
    sweep: bool | None,
) -> Outcomes[str, TemplatePlan]:
    """Plan the templates of updated servers anew where DRS may have written versions for the update."""
    before = {key: plans[key].template for key in updated}
    fields = {key: frozenset(plans[key].configuration_changes) for key in updated}
    many = sweep or len(updated) >= SWEEP_FROM
    if many and not any_rewritten(ec2, before, fields, pacers):
        return Outcomes(before, {})
    live = look(ec2, updated, launches, pacers, sweep=sweep, verify=False)
    default_profiles = {key: plan.default_profile for key, plan in before.items()}
    planned = for_each(live.results, lambda key, now: _plan_template(now, launches[key], default_profiles[key]))
    return Outcomes(planned.results, {**live.errors, **planned.errors})


def _plan_template(now: LiveLaunch, launch: DesiredLaunch, default_profile: str) -> TemplatePlan:
    try:
        return plan_template(now.versions, launch.profiles, default_profile, latest_seen=now.latest_seen)
    except DeclarationError as error:
        raise InvalidRequestError(f"launch template {now.template_id}: {error}") from error


def _update_configurations(
    drs: Any, plans: Mapping[str, LaunchPlan], pacers: Pacers
) -> Outcomes[str, Mapping[str, Any]]:
    def update(_key: str, plan: LaunchPlan) -> Mapping[str, Any]:
        pacers.take("UpdateLaunchConfiguration")
        return update_launch_configuration(drs, plan.before["sourceServerID"], plan.configuration_changes)

    return for_each({key: plan for key, plan in plans.items() if plan.configuration_changes}, update)
