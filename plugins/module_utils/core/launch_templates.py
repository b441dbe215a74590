# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 launch templates of source servers: what a version must say, and whether it already does.

CreateLaunchTemplateVersion with C(SourceVersion) replaces the top-level keys that it is given, whole: so everything in
these keys that is not ours (other interfaces' settings, DRS's own tags) has to be carried over.
Source: EC2 API Reference, CreateLaunchTemplateVersion, RequestLaunchTemplateData.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .launch_settings import DesiredProfile

TAGGED_RESOURCES = ("instance", "volume", "network-interface")
"""Resource types that the mandatory tags go to."""

TemplateData = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VersionMark:
    """What the description of one of our versions says."""

    profile: str
    digest: str


def template_data(base: TemplateData, desired: DesiredProfile) -> dict[str, Any]:
    """Return the top-level keys of C(base) that must change, with their whole new values; empty when none.

    Args:
        base: LaunchTemplateData of the version that the new one is made from.
        desired: What the version of the profile must say.
    """
    raise NotImplementedError


def applied(base: TemplateData, changes: TemplateData) -> dict[str, Any]:
    """Return the data that a version made from C(base) with C(changes) has."""
    raise NotImplementedError


def normalise_template(data: TemplateData) -> dict[str, Any]:
    """Return the data in one shape: one spelling of private addresses, lists whose order means nothing sorted.

    Members that EC2 answers and does not accept are left out.
    """
    raise NotImplementedError


def same_template(one: TemplateData, other: TemplateData) -> bool:
    """Whether two versions launch the same."""
    raise NotImplementedError


def digest(data: TemplateData) -> str:
    """Return 16 hexadecimal characters that differ when the normalised data differ."""
    raise NotImplementedError


def version_description(profile: str, data_digest: str) -> str:
    """Return the description of our version of a profile: C(disaster_recovery.aws profile=test 0123456789abcdef)."""
    raise NotImplementedError


def parse_version_description(description: str | None) -> VersionMark | None:
    """Return what one of our descriptions says, or None when the version is not ours."""
    raise NotImplementedError
