# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every server must launch with, put together from the declared settings, the IP map and the mandatory tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Problem, Problems
from .ip_map import MapEntry, by_server
from .launch_networks import LAUNCH_PROFILES, DesiredInterface
from .launch_settings import Override, Settings
from .launch_tags import LaunchTags, ServerTags
from .launch_volumes import VolumeSettings
from .source_servers import SourceServer, matches


@dataclass(frozen=True, slots=True)
class DesiredProfile:
    """What the launch template's version of one profile must say; None and empty leave what it has.

    Attributes:
        purge_tags: Whether tags that are neither declared nor DRS's are taken out.
        alternative_instance_types: What to try next, in order, where there is no capacity for C(instance_type).
        metadata_options: In EC2's names (C(HttpTokens)).
        dedicated_host: Whether the template has to place instances on a dedicated host.
        resource_tags: Tags of one kind of resource (C(instance)) only, which go before C(tags).
        further: Other top-level keys of the template, whole, in EC2's names.
    """

    profile: str
    interfaces: tuple[DesiredInterface, ...]
    instance_type: str | None
    tags: Mapping[str, str]
    purge_tags: bool = False
    alternative_instance_types: tuple[str, ...] = ()
    instance_profile: str | None = None
    metadata_options: Mapping[str, str | int] = field(default_factory=dict)
    volumes: tuple[VolumeSettings, ...] = ()
    dedicated_host: bool = False
    resource_tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DesiredLaunch:
    """What one server must launch with.

    Attributes:
        configuration: Declared fields of the DRS launch configuration, in DRS's names.
        profiles: The template version of each profile.
    """

    server: SourceServer
    configuration: Mapping[str, Any]
    profiles: Mapping[str, DesiredProfile]

    @property
    def server_key(self) -> str:
        """Key of the server."""
        return self.server.key

    @property
    def source_server_id(self) -> str:
        """Id of the source server."""
        return self.server.source_server_id


def declare(
    servers: Iterable[SourceServer],
    defaults: Settings,
    overrides: Sequence[Override],
    entries: Iterable[MapEntry],
    tags: LaunchTags,
    *,
    own: Mapping[str, Settings] | None = None,
    profiles: Sequence[str] = LAUNCH_PROFILES,
) -> list[DesiredLaunch]:
    """Return what every server must launch with, ordered by server key.

    Args:
        servers: The servers to declare.
        defaults: Settings of all servers.
        overrides: Settings of some, first to last.
        entries: IP map entries of these servers (others are ignored).
        tags: Mandatory tags of instances, volumes and network interfaces, which win over those of settings.
        own: Settings of single servers by key, which win over all others.
        profiles: Network profiles that a template version is kept for.

    Raises:
        DeclarationError: Naming every problem: a server without a network, settings that contradict each other (a fixed
            address with C(copy_private_ip), an instance type with right-sizing other than C(NONE)), bad tags.
    """
    problems = Problems()
    declared = collect_launches(servers, defaults, overrides, entries, tags, problems, own=own, profiles=profiles)
    problems.raise_if_any()
    return declared


def collect_launches(
    servers: Iterable[SourceServer],
    defaults: Settings,
    overrides: Sequence[Override],
    entries: Iterable[MapEntry],
    tags: LaunchTags,
    problems: Problems,
    *,
    own: Mapping[str, Settings] | None = None,
    profiles: Sequence[str] = LAUNCH_PROFILES,
) -> list[DesiredLaunch]:
    """Return what L(declare) returns, and collect the problems instead of raising them."""
    problems.extend(tags.problems())
    mapped = by_server(entries)
    by_key = {server.key: server for server in servers}
    for key in sorted((own or {}).keys() - by_key.keys()):
        problems.add(key, "servers", "is the key of no selected source server of this account and Region")
    declared: list[DesiredLaunch] = []
    for key, server in sorted(by_key.items()):
        settings = defaults
        for override in overrides:
            if matches(server, override.match):
                settings = settings.merged(override.settings)
        settings = settings.merged((own or {}).get(key, Settings()))
        entries_of = mapped.get(key, [])
        networks = _networks(server, settings, entries_of, profiles)
        if not networks:
            remedy = "has no entry in the IP map: map its addresses first, or declare its network"
            problems.add(key, server.source_server_id, remedy)
        _check_settings(server, settings, networks, problems)
        declared.append(_launch(server, settings, networks, tags.of(server.source_server_id)))
    return declared


def configuration_changes(desired: Mapping[str, Any], actual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the DRS launch configuration that differ, with their desired values.

    Args:
        desired: L(DesiredLaunch.configuration).
        actual: Answer of GetLaunchConfiguration.
    """
    live = {**actual, "launchIntoInstanceProperties": {"launchIntoEC2InstanceID": launch_into(actual) or ""}}
    return {name: value for name, value in desired.items() if live.get(name) != value}


def launch_into(configuration: Mapping[str, Any]) -> str | None:
    """Return the instance that a launch configuration launches into, None when launches make new instances."""
    properties = configuration.get("launchIntoInstanceProperties") or {}
    return properties.get("launchIntoEC2InstanceID") or None


def live_problems(launch: DesiredLaunch, actual: Mapping[str, Any]) -> list[Problem]:
    """Return how undeclared fields of the launch configuration, as they are, contradict what is declared.

    Args:
        launch: What the server must launch with.
        actual: Answer of GetLaunchConfiguration.
    """
    place = f"launch configuration of {launch.server_key}"
    problems = Problems()
    effective = {**actual, **launch.configuration}
    if actual.get("copyPrivateIp") and "copyPrivateIp" not in launch.configuration:
        remedy = "is on, and DRS then writes the source's address into the template: declare copy_private_ip"
        problems.add(True, f"{place}, copyPrivateIp", remedy)
    into = launch_into(effective)
    if into is not None:
        for name, option in (("copyTags", "copy_tags"), ("copyPrivateIp", "copy_private_ip")):
            if effective.get(name):
                remedy = f"DRS refuses to launch into {into} with it: declare {option}: false"
                problems.add(True, f"{place}, {name}", remedy)
    if effective.get("postLaunchEnabled") and effective.get("launchDisposition") == "STOPPED":
        remedy = "post-launch actions run on a started instance: declare launch_disposition STARTED, or turn them off"
        problems.add("STOPPED", f"{place}, launchDisposition", remedy)
    return list(problems)


def _launch(
    server: SourceServer,
    settings: Settings,
    networks: Mapping[str, tuple[DesiredInterface, ...]],
    mandatory: ServerTags,
) -> DesiredLaunch:
    return DesiredLaunch(
        server=server,
        configuration=settings.configuration(),
        profiles={
            profile: DesiredProfile(
                profile=profile,
                interfaces=interfaces,
                instance_type=settings.instance_type,
                tags={**(settings.tags or {}), **mandatory.tags},
                purge_tags=mandatory.purge,
                alternative_instance_types=settings.alternative_instance_types or (),
                instance_profile=settings.instance_profile,
                metadata_options=settings.metadata_options or {},
                volumes=settings.volumes or (),
                dedicated_host=bool(settings.os_byol and server.is_windows),
            )
            for profile, interfaces in networks.items()
        },
    )


def _networks(
    server: SourceServer, settings: Settings, entries: Sequence[MapEntry], profiles: Sequence[str]
) -> dict[str, tuple[DesiredInterface, ...]]:
    """Return the interfaces of each profile: the declared ones, else those of the IP map.

    A profile that not all of the map's interfaces have is left out: it would launch half a server.
    """
    networks = {}
    for profile in profiles:
        if settings.network and profile in settings.network:
            networks[profile] = settings.network[profile]
        elif entries and all(profile in entry.profiles for entry in entries):
            networks[profile] = tuple(
                DesiredInterface(entry.interface, target.subnet_id, target.security_groups, target.address)
                for entry in entries
                for target in (entry.profiles[profile],)
            )
    if not settings.copy_private_ip:
        return networks
    source = next((entry.source.address for entry in entries if entry.interface == 0), None)
    copied = source or (server.interfaces[0].address if server.interfaces else None)
    return {profile: _with_copied_address(interfaces, copied) for profile, interfaces in networks.items()}


def _with_copied_address(interfaces: tuple[DesiredInterface, ...], address: str | None) -> tuple[DesiredInterface, ...]:
    return tuple(
        DesiredInterface(one.device_index, one.subnet_id, one.security_groups, one.address, address)
        if one.device_index == 0
        else one
        for one in interfaces
    )


def _check_settings(
    server: SourceServer,
    settings: Settings,
    networks: Mapping[str, tuple[DesiredInterface, ...]],
    problems: Problems,
) -> None:
    place = f"launch settings of {server.key}"
    primary = [one for interfaces in networks.values() for one in interfaces if one.device_index == 0]
    if settings.copy_private_ip and any(one.address is not None for one in primary):
        remedy = "DRS would write the source address over that of the IP map: set it to false, or use the rule dynamic"
        problems.add(True, f"{place}, copy_private_ip", remedy)
    elif settings.copy_private_ip and any(one.copied_address is None for one in primary):
        remedy = "the source's address is not known, so nobody can tell whether it fits the subnet: set it to false"
        problems.add(True, f"{place}, copy_private_ip", remedy)
    _check_instance_type(settings, place, problems)
    if settings.recovery_mode == "FAST" and server.aws_instance_id is None:
        problems.add("FAST", f"{place}, recovery_mode", "is only for sources that are EC2 instances: use OPTIMAL")
    if settings.target_instance_type_right_sizing_method == "IN_AWS" and server.aws_instance_id is None:
        where = f"{place}, target_instance_type_right_sizing_method"
        problems.add("IN_AWS", where, "is only for sources that are EC2 instances: use NONE or BASIC")


def _check_instance_type(settings: Settings, place: str, problems: Problems) -> None:
    method = settings.target_instance_type_right_sizing_method
    if settings.instance_type is not None and method != "NONE":
        remedy = f"DRS overwrites the instance type {settings.instance_type} unless this is NONE: set it to NONE"
        problems.add(method, f"{place}, target_instance_type_right_sizing_method", remedy)
    alternatives = settings.alternative_instance_types or ()
    where = f"{place}, alternative_instance_types"
    if alternatives and settings.instance_type is None:
        problems.add(list(alternatives), where, "are alternatives to nothing: declare instance_type")
    if settings.instance_type in alternatives:
        problems.add(settings.instance_type, where, "is the instance type itself: leave it out")
