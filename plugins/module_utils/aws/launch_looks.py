# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at the launch templates of many servers, no deeper than it takes to know the version of every profile.

This module util is private to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..core.launch_desired import DesiredLaunch
from ..core.launch_versions import TemplatePlan, Version, default_of, hides_a_version, with_told
from .errors import AwsError, NotFoundError
from .launch_templates import PAGE_SIZE, SWEEP_FROM, read_heads, read_known
from .pacing import Outcomes, Pacers

BOTH_ENDS_UP_TO = 1000
"""Servers whose default and latest versions are looked at; of more, the default version that tells of the other one.

Both take N/100 calls, and a look before defaults are moved N/200: N/200 + 20 have room for all of it up to here.
"""


class Depth(IntEnum):
    """Which versions of a template were looked at."""

    NONE = 0
    DEFAULT = 1
    ENDS = 2
    ALL = 3


ASKED_FOR: Mapping[Depth, Sequence[str]] = {
    Depth.NONE: (),
    Depth.DEFAULT: ("$Default",),
    Depth.ENDS: ("$Default", "$Latest"),
}


@dataclass(frozen=True, slots=True)
class LiveLaunch:
    """What a source server launches with now.

    Attributes:
        configuration: Answer of GetLaunchConfiguration.
        versions: Versions of its launch template, oldest first: those that were looked at and one that these tell of.
    """

    configuration: Mapping[str, Any]
    versions: Sequence[Version]
    depth: Depth = Depth.ALL

    @property
    def template_id(self) -> str:
        """The launch template."""
        return str(self.configuration["ec2LaunchTemplateID"])

    @property
    def latest_seen(self) -> bool:
        """Whether the template had no version above those that are known."""
        return self.depth >= Depth.ENDS


def look(
    ec2: Any,
    configurations: Mapping[str, Mapping[str, Any]],
    launches: Mapping[str, DesiredLaunch],
    pacers: Pacers,
    *,
    sweep: bool | None,
    verify: bool,
) -> Outcomes[str, LiveLaunch]:
    """Return what is known of the launch template of every server, or that it is gone, by server key.

    Args:
        ec2: boto3 EC2 client.
        configurations: Answers of GetLaunchConfiguration.
        launches: What the servers must launch with: a version that is told of is recognised by that.
        pacers: Request buckets of the account and Region.
        sweep: See L(launch_templates.read_known).
        verify: Look at every profile's version. Otherwise one that the default version tells of need not be looked at.
    """
    known: dict[str, LiveLaunch] = {}
    errors: dict[str, AwsError] = {}
    left = {key: LiveLaunch(configuration, (), Depth.NONE) for key, configuration in configurations.items()}
    depth = _first_depth(len(left), sweep, verify)
    while left:
        for key, live in _read(ec2, left, depth, pacers).items():
            if default_of(live.versions) is None:
                reason = "is gone or has no default version; DRS makes it anew: run again"
                errors[key] = NotFoundError(f"launch template {live.template_id} {reason}")
            else:
                known[key] = live if verify else _with_told(live, launches[key])
        left = {key: known[key] for key in left if key in known and _hides_a_version(known[key], launches[key])}
        depth = Depth.ENDS if depth < Depth.ENDS and len(left) >= SWEEP_FROM else Depth.ALL
    return Outcomes({key: known[key] for key in configurations if key in known}, errors)


def any_rewritten(ec2: Any, plans: Mapping[str, TemplatePlan], alike: Mapping[str, object], pacers: Pacers) -> bool:
    """Whether DRS wrote versions of its own since templates were looked at, by one look at up to 200 of them.

    DRS does the same to all servers that get the same change. When it does it to one that is not looked at, the numbers
    of versions made then tell.

    Args:
        ec2: boto3 EC2 client.
        plans: The templates, by server key.
        alike: What was changed of each server; all kinds are among those that are looked at.
        pacers: Request buckets of the account and Region.
    """
    seen: Counter[object] = Counter()
    turns = {}
    for key in plans:
        turns[key] = seen[alike[key]]
        seen[alike[key]] += 1
    sample = [plans[key] for key in sorted(plans, key=turns.__getitem__)[:PAGE_SIZE]]
    heads = read_heads(ec2, [plan.template_id for plan in sample], pacers)
    for plan in sample:
        head = heads.get(plan.template_id)
        if head is None or head.default != plan.default.number or (plan.latest_seen and head.latest > plan.latest):
            return True
    return False


def _first_depth(count: int, sweep: bool | None, verify: bool) -> Depth:
    if not (count >= SWEEP_FROM if sweep is None else sweep):
        return Depth.ALL
    return Depth.ENDS if verify or count <= BOTH_ENDS_UP_TO else Depth.DEFAULT


def _read(ec2: Any, live: Mapping[str, LiveLaunch], depth: Depth, pacers: Pacers) -> dict[str, LiveLaunch]:
    ids = [one.template_id for one in live.values()]
    if depth == Depth.ALL:
        found = read_known(ec2, ids, pacers, sweep=False)
        return {key: LiveLaunch(one.configuration, found.get(one.template_id, ())) for key, one in live.items()}
    before = next(iter(live.values())).depth
    ends = [end for end in ASKED_FOR[depth] if end not in ASKED_FOR[before]]
    found = read_known(ec2, ids, pacers, sweep=True, ends=ends)
    merged = {}
    for key, one in live.items():
        by_number = {version.number: version for version in (*one.versions, *found.get(one.template_id, ()))}
        merged[key] = LiveLaunch(one.configuration, [by_number[number] for number in sorted(by_number)], depth)
    return merged


def _with_told(live: LiveLaunch, launch: DesiredLaunch) -> LiveLaunch:
    if live.depth == Depth.ALL:
        return live
    versions = with_told(live.versions, launch.profiles, latest_seen=live.latest_seen)
    return LiveLaunch(live.configuration, versions, live.depth)


def _hides_a_version(live: LiveLaunch, launch: DesiredLaunch) -> bool:
    return live.depth < Depth.ALL and hides_a_version(live.versions, launch.profiles)
