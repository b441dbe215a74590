# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The launch templates of a run's servers: which one, what it says, which version is the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from _runtime import client
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs, launch_templates
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_templates import Version
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Outcomes, Pacers, for_each
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import validation
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import normalise_template
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord

Item = dict[str, Any]


@dataclass(frozen=True)
class LaunchSettings:
    """What a server is launched with: DRS's launch configuration, and the default version of its template."""

    configuration: Mapping[str, Any]
    version: Version


def read_configurations(records: Iterable[ServerRecord], pacers: Pacers) -> Outcomes[str, Item]:
    """Return the launch configuration, or the error, of every server by its key."""

    def read(_key: str, source_server_id: str) -> Item:
        pacers.take("GetLaunchConfiguration")
        return drs.get_launch_configuration(client("drs"), source_server_id)

    return for_each({record.server_key: record.source_server_id for record in records}, read)


def set_profile(records: Iterable[ServerRecord], profile: str, *, expected: bool) -> dict[str, LaunchSettings]:
    """Make the version of a profile the default of every server's launch template, and read it back by server key.

    Args:
        profile: Network profile.
        expected: Refuse a version that would not launch what the records expect.

    Raises:
        AwsError: Naming every server that has no intact version of the profile, or was refused.
    """
    pacers = Pacers()
    by_key = {record.server_key: record for record in records}
    configurations = read_configurations(by_key.values(), pacers).raise_if_any("read launch configurations")
    templates = {key: configuration["ec2LaunchTemplateID"] for key, configuration in configurations.items()}

    def accept(key: str, version: Version) -> None:
        if expected:
            _check_launches_expected(by_key[key], version)

    outcomes = launch_templates.set_default_profile(client("ec2"), templates, profile, accept=accept, pacers=pacers)
    versions = outcomes.raise_if_any(f"set launch template versions of profile {profile}")
    return {key: LaunchSettings(configurations[key], version) for key, version in versions.items()}


def with_expected(records: Iterable[ServerRecord], settings: Mapping[str, LaunchSettings]) -> dict[str, ServerRecord]:
    """Return the records, by server key, with what validation has to find of these launch settings."""
    return {
        record.server_key: replace(
            record,
            expected={
                **record.expected,
                **validation.expected_of_template(
                    settings[record.server_key].configuration,
                    settings[record.server_key].version.data,
                    _alternatives(settings[record.server_key].version),
                ),
            },
        )
        for record in records
    }


def _alternatives(version: Version) -> tuple[str, ...]:
    return version.mark.instance_types if version.mark else ()


def _check_launches_expected(record: ServerRecord, version: Version) -> None:
    actual = {_place(interface) for interface in normalise_template(version.data).get("NetworkInterfaces", [])}
    for wanted in record.expected["interfaces"]:
        place = (wanted["interface"], wanted["subnet_id"], wanted["address"])
        if place not in actual:
            raise ConflictError(
                f"launch template {version.template_id}, version {version.number}, does not launch interface "
                f"{place[0]} in {place[1]} with address {place[2] or 'chosen by AWS'}: declare the launch "
                "configuration again (playbook configure)"
            )


def _place(interface: Mapping[str, Any]) -> tuple[int, str | None, str | None]:
    addresses = interface.get("PrivateIpAddresses") or []
    listed = next((item["PrivateIpAddress"] for item in addresses if item.get("Primary")), None)
    return (interface.get("DeviceIndex", 0), interface.get("SubnetId"), interface.get("PrivateIpAddress") or listed)
