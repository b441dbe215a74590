# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launch settings: what every server must launch with, and what differs from the DRS launch configuration.

Source: DRS API Reference, UpdateLaunchConfiguration. The EC2 side is in C(launch_templates.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .ip_map import MapEntry
from .source_servers import SourceServer


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
        raise NotImplementedError

    def configuration(self) -> dict[str, Any]:
        """Return the declared fields of the DRS launch configuration, in DRS's names (C(copyPrivateIp))."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Override:
    """Settings of the servers that C(match) selects."""

    match: Mapping[str, Any]
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
    """Read declared launch settings.

    Raises:
        DeclarationError: Naming every unknown key and bad value.
    """
    raise NotImplementedError


def parse_launch_overrides(raw: Any, *, where: str = "dr_launch_overrides") -> tuple[Override, ...]:
    """Read declared overrides; the later one wins.

    Raises:
        DeclarationError: Naming every problem of every override.
    """
    raise NotImplementedError


def declare(
    servers: Iterable[SourceServer],
    defaults: Settings,
    overrides: Sequence[Override],
    entries: Iterable[MapEntry],
    mandatory_tags: Mapping[str, str],
) -> list[DesiredLaunch]:
    """Return what every server must launch with, ordered by server key.

    Args:
        servers: The servers to declare.
        defaults: Settings of all servers.
        overrides: Settings of some, first to last.
        entries: IP map entries of these servers (others are ignored).
        mandatory_tags: Tags of instances, volumes and network interfaces.

    Raises:
        DeclarationError: Naming every problem: a server without an IP map entry, settings that contradict each other
            (a fixed address with C(copy_private_ip), an instance type with right-sizing other than C(NONE)), bad tags.
    """
    raise NotImplementedError


def configuration_changes(desired: Mapping[str, Any], actual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the DRS launch configuration that differ, with their desired values.

    Args:
        desired: L(DesiredLaunch.configuration).
        actual: Answer of GetLaunchConfiguration.
    """
    raise NotImplementedError
