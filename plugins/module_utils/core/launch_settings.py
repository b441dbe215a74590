# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launch settings: what every server must launch with, and what differs from the DRS launch configuration.

Source: DRS API Reference, UpdateLaunchConfiguration. The EC2 side is in C(launch_templates.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import Problems
from .fields import Fields, members_of
from .ip_map import MapEntry, by_server
from .launch_tags import LaunchTags
from .selectors import Selector, build_selector, parse_selector
from .source_servers import SourceServer, matches

DISPOSITIONS = ("STARTED", "STOPPED")
RIGHT_SIZING_METHODS = ("NONE", "BASIC", "IN_AWS")


@dataclass(frozen=True, slots=True)
class Settings:
    """Launch settings as declared; None leaves what AWS has.

    All but C(instance_type) are fields of the DRS launch configuration.
    """

    launch_disposition: str | None = None
    target_instance_type_right_sizing_method: str | None = None
    copy_private_ip: bool | None = None
    copy_tags: bool | None = None
    os_byol: bool | None = None
    post_launch_enabled: bool | None = None
    name: str | None = None
    instance_type: str | None = None

    def merged(self, other: Settings) -> Settings:
        """Return these settings with those of C(other) that are not None laid over them."""
        given = {field.name: getattr(other, field.name) for field in fields(other)}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def configuration(self) -> dict[str, Any]:
        """Return the declared fields of the DRS launch configuration, in DRS's names (C(copyPrivateIp))."""
        declared = {
            "name": self.name,
            "launchDisposition": self.launch_disposition,
            "targetInstanceTypeRightSizingMethod": self.target_instance_type_right_sizing_method,
            "copyPrivateIp": self.copy_private_ip,
            "copyTags": self.copy_tags,
            "licensing": None if self.os_byol is None else {"osByol": self.os_byol},
            "postLaunchEnabled": self.post_launch_enabled,
        }
        return {name: value for name, value in declared.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Override:
    """Settings of the servers that C(match) selects."""

    match: Selector
    settings: Settings


@dataclass(frozen=True, slots=True)
class DesiredInterface:
    """A network interface of a launch template."""

    device_index: int
    subnet_id: str
    security_groups: tuple[str, ...]
    address: str | None


@dataclass(frozen=True, slots=True)
class DesiredProfile:
    """What the launch template's version of one profile must say."""

    profile: str
    interfaces: tuple[DesiredInterface, ...]
    instance_type: str | None
    tags: Mapping[str, str]
    purge_tags: bool = False


@dataclass(frozen=True, slots=True)
class DesiredLaunch:
    """What one server must launch with.

    Attributes:
        configuration: Declared fields of the DRS launch configuration, in DRS's names.
        profiles: The template version of each profile.
    """

    server_key: str
    source_server_id: str
    configuration: Mapping[str, Any]
    profiles: Mapping[str, DesiredProfile]


def parse_settings(raw: Any, *, where: str = "dr_launch_defaults") -> Settings:
    """Read declared launch settings; None declares nothing.

    Raises:
        DeclarationError: Naming every unknown key and bad value.
    """
    problems = Problems()
    settings = _read_settings({} if raw is None else raw, where, problems)
    problems.raise_if_any()
    return settings


def parse_launch_overrides(raw: Any, *, where: str = "dr_launch_overrides") -> tuple[Override, ...]:
    """Read declared overrides; the later one wins.

    Raises:
        DeclarationError: Naming every problem of every override.
    """
    problems = Problems()
    overrides: list[Override] = []
    for place, member in members_of(raw, where, problems):
        read = Fields(member, place, problems, ("match", "settings"))
        match = parse_selector(read.value("match"), read.at("match"), problems)
        settings = _read_settings(read.value("settings"), read.at("settings"), problems)
        overrides.append(Override(build_selector(match), settings))
    problems.raise_if_any()
    return tuple(overrides)


def declare(
    servers: Iterable[SourceServer],
    defaults: Settings,
    overrides: Sequence[Override],
    entries: Iterable[MapEntry],
    tags: LaunchTags,
) -> list[DesiredLaunch]:
    """Return what every server must launch with, ordered by server key.

    Args:
        servers: The servers to declare.
        defaults: Settings of all servers.
        overrides: Settings of some, first to last.
        entries: IP map entries of these servers (others are ignored).
        tags: Tags of instances, volumes and network interfaces.

    Raises:
        DeclarationError: Naming every problem: a server without an IP map entry, settings that contradict each other
            (a fixed address with C(copy_private_ip), an instance type with right-sizing other than C(NONE)), bad tags.
    """
    problems = Problems()
    problems.extend(tags.problems())
    mapped = by_server(entries)
    declared: list[DesiredLaunch] = []
    for server in sorted(servers, key=lambda server: server.key):
        settings = defaults
        for override in overrides:
            if matches(server, override.match):
                settings = settings.merged(override.settings)
        own = mapped.get(server.key, [])
        if not own:
            problems.add(server.key, server.source_server_id, "has no entry in the IP map: map its addresses first")
        _check_settings(server, settings, own, problems)
        launched = tags.of(server.source_server_id)
        declared.append(
            DesiredLaunch(
                server_key=server.key,
                source_server_id=server.source_server_id,
                configuration=settings.configuration(),
                profiles={
                    profile: DesiredProfile(
                        profile, _interfaces(own, profile), settings.instance_type, launched.tags, launched.purge
                    )
                    for profile in _common_profiles(own)
                },
            )
        )
    problems.raise_if_any()
    return declared


def configuration_changes(desired: Mapping[str, Any], actual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the DRS launch configuration that differ, with their desired values.

    Args:
        desired: L(DesiredLaunch.configuration).
        actual: Answer of GetLaunchConfiguration.
    """
    return {name: value for name, value in desired.items() if actual.get(name) != value}


def _read_settings(raw: Any, where: str, problems: Problems) -> Settings:
    read = Fields(raw, where, problems, [field.name for field in fields(Settings)])
    disposition, method = "launch_disposition", "target_instance_type_right_sizing_method"
    type_remedy = "must be an EC2 instance type such as m5.large"
    return Settings(
        launch_disposition=read.choice(disposition, DISPOSITIONS) if disposition in read else None,
        target_instance_type_right_sizing_method=read.choice(method, RIGHT_SIZING_METHODS) if method in read else None,
        copy_private_ip=_flag(read, "copy_private_ip"),
        copy_tags=_flag(read, "copy_tags"),
        os_byol=_flag(read, "os_byol"),
        post_launch_enabled=_flag(read, "post_launch_enabled"),
        name=read.text("name", pattern=r".{1,128}", remedy="must be a text of 1 to 128 characters")
        if "name" in read
        else None,
        instance_type=read.text("instance_type", pattern=r"[a-z0-9-]+\.[a-z0-9-]+", remedy=type_remedy)
        if "instance_type" in read
        else None,
    )


def _flag(read: Fields, name: str) -> bool | None:
    return read.boolean(name) if name in read else None


def _check_settings(server: SourceServer, settings: Settings, entries: Sequence[MapEntry], problems: Problems) -> None:
    place = f"launch settings of {server.key}"
    fixed = any(target.address is not None for entry in entries for target in entry.profiles.values())
    if settings.copy_private_ip and fixed:
        remedy = "DRS would write the source address over that of the IP map: set it to false, or use the rule dynamic"
        problems.add(True, f"{place}, copy_private_ip", remedy)
    method = settings.target_instance_type_right_sizing_method
    if settings.instance_type is not None and method != "NONE":
        remedy = f"DRS overwrites the instance type {settings.instance_type} unless this is NONE: set it to NONE"
        problems.add(method, f"{place}, target_instance_type_right_sizing_method", remedy)


def _common_profiles(entries: Sequence[MapEntry]) -> list[str]:
    """Return the profiles that all interfaces have: a template of fewer interfaces would launch half a server."""
    return [name for name in entries[0].profiles if all(name in entry.profiles for entry in entries)] if entries else []


def _interfaces(entries: Sequence[MapEntry], profile: str) -> tuple[DesiredInterface, ...]:
    return tuple(
        DesiredInterface(entry.interface, target.subnet_id, target.security_groups, target.address)
        for entry in entries
        for target in (entry.profiles[profile],)
    )
