# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The launch templates of a run's servers: which one, what it says, which version is the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, TypeVar

from _runtime import Call, client, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import (
    drs,
    launch_profiles,
    launch_templates,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_templates import Version
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import (
    BUCKETS,
    Outcomes,
    Pacers,
    for_each,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import validation
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_words import Kind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import launch_into
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import normalise_template
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, by_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord, record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK_DRILL_PROFILE

Item = dict[str, Any]
R = TypeVar("R")

FORWARD, HOMEWARD = "failover", "failback"
"""Profiles in which templates launch between runs: of servers that are protected, and on their way home."""

DECLARE_AGAIN = "declare the launch configuration again (playbook configure)"
START_ANEW = "abort this failback and start another, which writes it again"

LOOKED_AT = 500
"""Servers whose launch configuration one call reads: some ten seconds of DRS's time."""

SWITCHED, SWITCHES_A_SECOND = BUCKETS["ModifyLaunchTemplate"]
"""Templates that one call switches: what EC2 takes at once. The state machine calls again for more."""


@dataclass(frozen=True)
class LaunchSettings:
    """What a server is launched with: DRS's launch configuration, and the default version of its template."""

    configuration: Mapping[str, Any]
    version: Version


@dataclass(frozen=True)
class Prepared:
    """What servers launch with now, or why that could not be set, by server key.

    Attributes:
        switched: How many templates were switched for it, at one place at most; that takes time of EC2.
    """

    results: Mapping[str, LaunchSettings]
    errors: Mapping[str, AwsError] = field(default_factory=dict)
    switched: int = 0


@dataclass(frozen=True)
class _Apis:
    """The clients of one place, and the request buckets of its account and Region."""

    place: Place | None
    pacers: Pacers = field(default_factory=Pacers)

    @property
    def drs(self) -> Any:
        return client("drs", place=self.place)

    @property
    def ec2(self) -> Any:
        return client("ec2", place=self.place)


def read_configurations(records: Iterable[ServerRecord]) -> Outcomes[str, Item]:
    """Return the launch configuration, or the error, of every server by its key."""
    return _together(_read_configurations(_Apis(place), there) for place, there in by_place(records).items())


def _read_configurations(apis: _Apis, records: Iterable[ServerRecord]) -> Outcomes[str, Item]:
    api = apis.drs

    def read(_key: str, source_server_id: str) -> Item:
        apis.pacers.take("GetLaunchConfiguration")
        return drs.get_launch_configuration(api, source_server_id)

    return for_each({record.server_key: record.source_server_id for record in records}, read)


def _together(outcomes: Iterable[Outcomes[str, R]]) -> Outcomes[str, R]:
    results: dict[str, R] = {}
    errors: dict[str, AwsError] = {}
    for outcome in outcomes:
        results |= outcome.results
        errors |= outcome.errors
    return Outcomes(results, errors)


def set_profile(records: Iterable[ServerRecord], profile: str, *, most: int) -> Prepared:
    """Make the version of a profile the default of servers' launch templates, and read it back.

    A version that would not launch what the record expects is an error.

    Args:
        records: The servers.
        profile: Network profile.
        most: Templates to switch at a place; servers beyond are in neither results nor errors.
    """
    found = [_set_profile(_Apis(place), there, profile, most) for place, there in by_place(records).items()]
    return Prepared(
        {key: settings for prepared in found for key, settings in prepared.results.items()},
        {key: error for prepared in found for key, error in prepared.errors.items()},
        max((prepared.switched for prepared in found), default=0),
    )


def _set_profile(apis: _Apis, records: Iterable[ServerRecord], profile: str, most: int) -> Prepared:
    by_key = {record.server_key: record for record in records}
    configurations = _read_configurations(apis, by_key.values())
    templates = {key: str(found["ec2LaunchTemplateID"]) for key, found in configurations.results.items()}

    def accept(key: str, version: Version) -> None:
        _check_launches_expected(by_key[key], version)
        if profile == FAILBACK_DRILL_PROFILE:
            _check_launches_anew(configurations.results[key])
        elif profile == HOMEWARD:
            _check_launches_into(by_key[key], configurations.results[key])

    found = launch_profiles.set_default_profile(
        apis.ec2, templates, profile, accept=accept, pacers=apis.pacers, most=most
    )
    settings = {key: LaunchSettings(configurations.results[key], version) for key, version in found.results.items()}
    return Prepared(settings, {**configurations.errors, **found.errors}, found.switched)


def set_instance_types(records: Iterable[ServerRecord], profile: str) -> Outcomes[str, Version]:
    """Make the default, of servers without capacity for an instance type, a version with the next one to try."""
    return _together(_set_instance_types(_Apis(place), there, profile) for place, there in by_place(records).items())


def _set_instance_types(apis: _Apis, records: Iterable[ServerRecord], profile: str) -> Outcomes[str, Version]:
    by_key = {record.server_key: record for record in records}
    templates = _template_ids(apis, by_key.values())

    def accept(key: str, version: Version) -> None:
        _check_launches_expected(by_key[key], version)

    found = launch_profiles.set_instance_types(
        apis.ec2,
        templates.results,
        {key: record.types_without_capacity for key, record in by_key.items()},
        profile,
        accept=accept,
        pacers=apis.pacers,
    )
    return Outcomes(found.results, {**templates.errors, **found.errors})


def as_prepared(records: Iterable[ServerRecord]) -> set[str]:
    """Return the keys of servers whose template still has the default version that the run made it.

    Versions never change, so the number says all: one call for 200 servers, however many templates there are.
    """
    unchanged: set[str] = set()
    for place, there in by_place(record for record in records if record.prepared).items():
        prepared = {record.template_id: record for record in there if record.template_id}
        heads = launch_templates.read_heads(client("ec2", place=place), list(prepared), Pacers())
        unchanged |= {
            prepared[template_id].server_key
            for template_id, head in heads.items()
            if prepared[template_id].launch_template == f"{template_id}:{head.default}"
        }
    return unchanged


def with_settings(record: ServerRecord, settings: LaunchSettings) -> ServerRecord:
    """Return the record of a server that launches with these settings now, with what validation has to find of them."""
    version = settings.version
    alternatives = version.mark.instance_types if version.mark else ()
    of_template = validation.expected_of_template(settings.configuration, version.data, alternatives)
    return replace(with_version(record, version), expected={**record.expected, **of_template})


def with_version(record: ServerRecord, version: Version) -> ServerRecord:
    """Return the record of a server whose template has this default version now."""
    return replace(
        record,
        launch_template=f"{version.template_id}:{version.number}",
        restored=False,
        instance_type=version.data.get("InstanceType"),
    )


def set_back(call: Call, records: Sequence[ServerRecord]) -> int:
    """Let servers launch as they do between runs again, as many as one call may switch.

    Returns:
        Seconds to wait before the others are set back, 0 when there are none.
    """
    begun = {wave["wave"] for wave in runs().get_waves(call.run_id) if wave["started_at"]}
    switched = [record for record in records if record.wave in begun or _is_set_home(record)]
    drilled = [record for record in switched if record.source_server_id and not record.restored]
    alike: dict[tuple[Place | None, str], list[ServerRecord]] = {}
    for record in drilled[:LOOKED_AT]:
        alike.setdefault((record.place, resting_profile(record)), []).append(record)
    found = [_set_back(_Apis(place), there, profile) for (place, profile), there in alike.items()]
    results = {key for outcomes in found for key in outcomes.results}
    restored = [replace(record, restored=True) for record in drilled if record.server_key in results]
    runs().put_servers(call.run_id, [record_to_item(record) for record in restored])
    _together(found).raise_if_any("set the launch template versions from before the drill again")
    return pause(len(drilled) - len(restored), max((outcomes.switched for outcomes in found), default=0))


def launches_both_ways(record: ServerRecord) -> bool:
    """Tell whether one launch template leads a server away and home: between the zones of a Region."""
    return record.way_home.get("kind") == Kind.CROSS_ZONE


def _is_set_home(record: ServerRecord) -> bool:
    """Tell whether the template that leads a server away was made to lead it home, also before its wave began."""
    return launches_both_ways(record) and bool(record.way_home.get("settings_at"))


def resting_profile(record: ServerRecord) -> str:
    """Return the profile in which a server's template launches between runs: that of what protects it, forward."""
    protecting = record.way_home.get("protecting_server_id", record.source_server_id)
    return FORWARD if record.source_server_id == protecting else HOMEWARD


def _set_back(apis: _Apis, records: Iterable[ServerRecord], profile: str) -> launch_profiles.Defaults:
    templates = _template_ids(apis, records)
    found = launch_profiles.set_default_profile(apis.ec2, templates.results, profile, pacers=apis.pacers, most=SWITCHED)
    return launch_profiles.Defaults(found.results, {**templates.errors, **found.errors}, found.switched)


def pause(left: int, switched: int) -> int:
    """Return the seconds after which more templates may be switched, 0 when none are left.

    EC2 fills its bucket for ModifyLaunchTemplate meanwhile: the state machine waits for that, not a function.
    """
    return max(1, ceil(switched / SWITCHES_A_SECOND)) if left else 0


def _template_ids(apis: _Apis, records: Iterable[ServerRecord]) -> Outcomes[str, str]:
    records = list(records)
    known = {record.server_key: record.template_id for record in records if record.template_id}
    heads = launch_templates.read_heads(apis.ec2, list(known.values()), apis.pacers)
    found = {key: template_id for key, template_id in known.items() if template_id in heads}
    asked = _read_configurations(apis, [record for record in records if record.server_key not in found])
    asked_for = {key: str(configuration["ec2LaunchTemplateID"]) for key, configuration in asked.results.items()}
    return Outcomes({**found, **asked_for}, asked.errors)


def _check_launches_expected(record: ServerRecord, version: Version) -> None:
    actual = {_place(interface) for interface in normalise_template(version.data).get("NetworkInterfaces", [])}
    for wanted in record.expected["interfaces"]:
        place = (wanted["interface"], wanted["subnet_id"], wanted["address"])
        if place not in actual:
            raise ConflictError(
                f"launch template {version.template_id}, version {version.number}, does not launch interface "
                f"{place[0]} in {place[1]} with address {place[2] or 'chosen by AWS'}: "
                f"{START_ANEW if record.way_home else DECLARE_AGAIN}"
            )


def _check_launches_anew(configuration: Mapping[str, Any]) -> None:
    """What a drill launched is terminated afterwards: it must not be an instance that was there before."""
    instance_id = launch_into(configuration)
    if instance_id:
        raise ConflictError(
            f"source server {configuration['sourceServerID']} is launched into instance {instance_id}, which a drill "
            "must not touch: take that out of its launch configuration until the failback itself"
        )


def _check_launches_into(record: ServerRecord, configuration: Mapping[str, Any]) -> None:
    """What is launched into loses its volumes: it must be the original instance of the server, or none."""
    instance_id, wanted = launch_into(configuration), record.expected.get("instance_id")
    if instance_id != wanted:
        raise ConflictError(
            f"source server {configuration['sourceServerID']} is launched into {instance_id or 'a new instance'}, not "
            f"into {wanted or 'a new instance'}: correct its launch configuration"
        )


def _place(interface: Mapping[str, Any]) -> tuple[int, str | None, str | None]:
    addresses = interface.get("PrivateIpAddresses") or []
    listed = next((item["PrivateIpAddress"] for item in addresses if item.get("Primary")), None)
    return (interface.get("DeviceIndex", 0), interface.get("SubnetId"), interface.get("PrivateIpAddress") or listed)
