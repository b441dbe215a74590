# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launch settings as they are declared: of all servers, of some, of one; later ones are laid over earlier ones.

Source: DRS API Reference, UpdateLaunchConfiguration; EC2 API Reference, RequestLaunchTemplateData.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import Problems
from .fields import Fields, members_of, text_map
from .launch_networks import DesiredInterface, parse_network
from .launch_volumes import VolumeSettings, parse_volumes
from .selectors import Selector, build_selector, parse_selector
from .tags import tag_problems

DISPOSITIONS = ("STARTED", "STOPPED")
RIGHT_SIZING_METHODS = ("NONE", "BASIC", "IN_AWS")
RECOVERY_MODES = ("OPTIMAL", "FAST")
MOST_ALTERNATIVES = 5
SWITCH = ("enabled", "disabled")

_TYPE = r"[a-z0-9-]{1,12}\.[a-z0-9-]{1,12}"
_TYPE_REMEDY = "must be an EC2 instance type such as m5.large"
_PROFILE = r"[\w+=,.@-]{1,128}|arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile/[\w+=,.@/-]+"
_LISTS = ("volumes",)


@dataclass(frozen=True, slots=True)
class Settings:
    """Launch settings as declared; None leaves what AWS has.

    The first ones are fields of the DRS launch configuration, the others of the launch template.

    Attributes:
        launch_into_instance_id: Instance that is launched into; empty for a new one.
        alternative_instance_types: What to try, in this order, where there is no capacity for C(instance_type).
        metadata_options: In EC2's names (C(HttpTokens)).
        network: Interfaces by profile, instead of those of the IP map.
    """

    launch_disposition: str | None = None
    target_instance_type_right_sizing_method: str | None = None
    copy_private_ip: bool | None = None
    copy_tags: bool | None = None
    os_byol: bool | None = None
    post_launch_enabled: bool | None = None
    name: str | None = None
    recovery_mode: str | None = None
    launch_into_instance_id: str | None = None
    instance_type: str | None = None
    alternative_instance_types: tuple[str, ...] | None = None
    instance_profile: str | None = None
    tags: Mapping[str, str] | None = None
    metadata_options: Mapping[str, str | int] | None = None
    volumes: tuple[VolumeSettings, ...] | None = None
    network: Mapping[str, tuple[DesiredInterface, ...]] | None = None

    def merged(self, other: Settings) -> Settings:
        """Return these settings with those of C(other) that are not None laid over them.

        Tags, metadata options and networks are merged by their names; settings of volumes come after earlier ones.
        """
        changes: dict[str, Any] = {}
        for field in fields(other):
            mine, given = getattr(self, field.name), getattr(other, field.name)
            if given is None:
                continue
            if isinstance(given, Mapping):
                given = {**(mine or {}), **given}
            elif field.name in _LISTS:
                given = (*(mine or ()), *given)
            changes[field.name] = given
        return replace(self, **changes)

    def configuration(self) -> dict[str, Any]:
        """Return the declared fields of the DRS launch configuration, in DRS's names (C(copyPrivateIp))."""
        into = self.launch_into_instance_id
        declared = {
            "name": self.name,
            "launchDisposition": self.launch_disposition,
            "targetInstanceTypeRightSizingMethod": self.target_instance_type_right_sizing_method,
            "copyPrivateIp": self.copy_private_ip,
            "copyTags": self.copy_tags,
            "licensing": None if self.os_byol is None else {"osByol": self.os_byol},
            "postLaunchEnabled": self.post_launch_enabled,
            "recoveryMode": self.recovery_mode,
            "launchIntoInstanceProperties": None if into is None else {"launchIntoEC2InstanceID": into},
        }
        return {name: value for name, value in declared.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Override:
    """Settings of the servers that C(match) selects.

    Attributes:
        where: Where it was declared, for messages.
    """

    match: Selector
    settings: Settings
    where: str = ""


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
        overrides.append(Override(build_selector(match), settings, place))
    problems.raise_if_any()
    return tuple(overrides)


def parse_server_settings(raw: Any, *, where: str = "servers") -> dict[str, Settings]:
    """Read declared settings of single servers, by server key in lower case; None declares nothing.

    Raises:
        DeclarationError: Naming every problem of every server.
    """
    problems = Problems()
    if raw is not None and not isinstance(raw, Mapping):
        problems.add(raw, where, "must be a mapping of server keys to settings")
        problems.raise_if_any()
    settings: dict[str, Settings] = {}
    for key, value in (raw or {}).items():
        if str(key).lower() in settings:
            problems.add(key, where, "is declared twice (capitals do not count): declare it once")
        settings[str(key).lower()] = _read_settings(value, f"{where}.{key}", problems)
    problems.raise_if_any()
    return settings


def _read_settings(raw: Any, where: str, problems: Problems) -> Settings:
    read = Fields(raw, where, problems, [field.name for field in fields(Settings)])
    name_remedy = "must be a text of 1 to 128 characters"
    profile_remedy = "must be the name or the ARN of an instance profile"
    instance_remedy = "must be the id of an EC2 instance (i-…), or empty to launch a new instance"
    settings = Settings(
        launch_disposition=_choice(read, "launch_disposition", DISPOSITIONS),
        target_instance_type_right_sizing_method=_choice(
            read, "target_instance_type_right_sizing_method", RIGHT_SIZING_METHODS
        ),
        copy_private_ip=_flag(read, "copy_private_ip"),
        copy_tags=_flag(read, "copy_tags"),
        os_byol=_flag(read, "os_byol"),
        post_launch_enabled=_flag(read, "post_launch_enabled"),
        name=_text(read, "name", r".{1,128}", name_remedy),
        recovery_mode=_choice(read, "recovery_mode", RECOVERY_MODES),
        launch_into_instance_id=_text(read, "launch_into_instance_id", "(i-[0-9a-f]{8,17})?", instance_remedy),
        instance_type=_text(read, "instance_type", _TYPE, _TYPE_REMEDY),
        alternative_instance_types=_alternatives(read),
        instance_profile=_text(read, "instance_profile", _PROFILE, profile_remedy),
        tags=_tags(read, problems),
        metadata_options=_metadata_options(read, problems),
        volumes=parse_volumes(read.value("volumes"), read.at("volumes"), problems) if "volumes" in read else None,
        network=parse_network(read.value("network"), read.at("network"), problems) if "network" in read else None,
    )
    if settings.launch_disposition == "STOPPED" and settings.post_launch_enabled:
        read.reject("post_launch_enabled", "actions run on a started instance: set launch_disposition to STARTED")
    return settings


def _text(read: Fields, name: str, pattern: str, remedy: str) -> str | None:
    return read.text(name, pattern=pattern, remedy=remedy) if name in read else None


def _choice(read: Fields, name: str, choices: tuple[str, ...]) -> str | None:
    return read.choice(name, choices) if name in read else None


def _flag(read: Fields, name: str) -> bool | None:
    return read.boolean(name) if name in read else None


def _alternatives(read: Fields) -> tuple[str, ...] | None:
    name = "alternative_instance_types"
    if name not in read:
        return None
    types = read.texts(name, (), pattern=_TYPE, remedy=_TYPE_REMEDY)
    if len(types) > MOST_ALTERNATIVES:
        read.reject(name, f"are too many: give at most {MOST_ALTERNATIVES}")
    return types


def _tags(read: Fields, problems: Problems) -> dict[str, str] | None:
    if "tags" not in read:
        return None
    tags = text_map(read.value("tags"), read.at("tags"), problems)
    problems.extend(tag_problems(tags, read.at("tags")))
    return tags


def _metadata_options(read: Fields, problems: Problems) -> dict[str, str | int] | None:
    if "metadata_options" not in read:
        return None
    choices = {
        "http_endpoint": ("HttpEndpoint", SWITCH),
        "http_tokens": ("HttpTokens", ("required", "optional")),
        "http_protocol_ipv6": ("HttpProtocolIpv6", SWITCH),
        "instance_metadata_tags": ("InstanceMetadataTags", SWITCH),
    }
    hops = "http_put_response_hop_limit"
    options = Fields(read.value("metadata_options"), read.at("metadata_options"), problems, [*choices, hops])
    found: dict[str, str | int] = {
        member: options.choice(name, allowed) for name, (member, allowed) in choices.items() if name in options
    }
    if hops in options:
        found["HttpPutResponseHopLimit"] = options.integer(hops, minimum=1, maximum=64)
    return found
