# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules about launch configurations share: their options, and what these say of every server.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import MATCH_SPEC, Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import unknown_launch_fields
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instance_profiles import read_policies
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instances import read_offerings
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_looks import LiveLaunch
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launches import (
    LaunchPlan,
    plan_launches,
    read_launches,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import (
    read_instances,
    read_security_groups,
    read_subnets,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import DISCONNECTED, selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, item_to_entry
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_checks import (
    check_instance_profiles,
    check_instance_types,
    check_launch_into,
    instance_types,
    instances_launched_into,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import (
    DesiredLaunch,
    declare,
    live_problems,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_networks import (
    Placement,
    check_placements,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import (
    Override,
    Settings,
    parse_launch_overrides,
    parse_server_settings,
    parse_settings,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import (
    LaunchTags,
    parse_launch_tags,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    declaration_problems,
    normalise_template,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_versions import default_of, version_of

Parsed = TypeVar("Parsed")

PROFILES = ("failover", "test")

LAUNCH_SPEC: Mapping[str, Any] = {
    "ip_map_table": {"type": "str"},
    "ip_map_entries": {"type": "list", "elements": "dict"},
    "defaults": {"type": "dict", "default": {}},
    "overrides": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "match": {"type": "dict"},
            "settings": {"type": "dict"},
        },
    },
    "servers": {"type": "dict", "default": {}},
    "mandatory_tags": {"type": "dict", "default": {}},
    "server_tags": {"type": "dict", "default": {}},
    "profiles": {"type": "list", "elements": "str", "choices": list(PROFILES), "default": list(PROFILES)},
    "default_profile": {"type": "str", "choices": list(PROFILES), "default": "failover"},
    "match": MATCH_SPEC,
}
"""Options of the modules (documentation fragment C(launch))."""


@dataclass(frozen=True)
class Look:
    """What is declared and what is, of every selected server.

    Attributes:
        launches: What the servers must launch with, by server key.
        live: What they launch with now, where that could be read.
        plans: What has to happen, where that can be told.
        errors: Why the others cannot become what is declared.
        disconnected: Keys of servers that DRS only remembers.
        sweep: Whether all templates of the account are read at once.
    """

    launches: Mapping[str, DesiredLaunch]
    live: Mapping[str, LiveLaunch]
    plans: Mapping[str, LaunchPlan]
    errors: Mapping[str, AwsError]
    disconnected: Sequence[str]
    sweep: bool | None


def look(params: Mapping[str, Any], clients: Clients, pacers: Pacers, *, verify: bool) -> Look:
    """Read what is declared and what is, and compare; nothing is written.

    Args:
        params: Options of the module.
        clients: The boto3 clients.
        pacers: Request buckets of the account and Region.
        verify: Look at the version of every profile, whatever the default version tells of them.

    Raises:
        DeclarationError: Naming everything that is wrong with the declaration, also where AWS shows it.
    """
    launches, disconnected = _declared(params, clients)
    problems = Problems()
    check_with_aws(launches.values(), clients, problems)
    problems.raise_if_any()
    # Of a whole estate all templates are wanted anyway.
    sweep = True if params["match"] is None else None
    live = read_launches(clients("drs"), clients("ec2"), launches, pacers, sweep=sweep, verify=verify)
    _check_with_live(launches, live.results)
    plans = plan_launches(launches, live.results, params["default_profile"])
    return Look(launches, live.results, plans.results, {**live.errors, **plans.errors}, disconnected, sweep)


def drift(plan: LaunchPlan) -> list[dict[str, Any]]:
    """Return what differs: C(where), what is C(desired), and what is C(live)."""
    found = [
        _differs(f"configuration.{name}", value, plan.before.get(name))
        for name, value in plan.configuration_changes.items()
    ]
    for change in plan.template.changes:
        place = f"profiles.{change.profile}"
        live, desired = normalise_template(change.before), normalise_template(change.after)
        found += [
            _differs(f"{place}.{name}", desired.get(name), live.get(name))
            for name in sorted(live.keys() | desired.keys())
            if live.get(name) != desired.get(name)
        ]
        types = change.current.mark.instance_types if change.current and change.current.mark else ()
        if change.reuse is None and types != change.instance_types:
            found.append(_differs(f"{place}.alternative_instance_types", list(change.instance_types), list(types)))
        if change.reuse is None and change.current is None:
            found.append(_differs(f"{place}.version", "a version as declared", None))
    default = plan.template.default
    if default.is_alternative and default.mark and default.mark.profile == plan.template.default_profile:
        declared = plan.template.changes[0].after.get("InstanceType")
        found.append(_differs("default_version.InstanceType", declared, default.data.get("InstanceType")))
    elif default.profile != plan.template.default_profile:
        found.append(_differs("default_profile", plan.template.default_profile, default.profile))
    return found


def _differs(where: str, desired: Any, live: Any) -> dict[str, Any]:
    return {"where": where, "desired": desired, "live": live}


def _declared(params: Mapping[str, Any], clients: Clients) -> tuple[dict[str, DesiredLaunch], list[str]]:
    defaults, overrides, own, tags = _parsed(params)
    selected = selected_servers(clients("drs"), params["match"])
    servers = [server for server in selected if server.replication_state != DISCONNECTED]
    entries = _entries(params, clients, [server.key for server in servers])
    declared = declare(servers, defaults, overrides, entries, tags, own=own, profiles=params["profiles"])
    disconnected = [server.key for server in selected if server.replication_state == DISCONNECTED]
    return {launch.server_key: launch for launch in declared}, disconnected


def _parsed(
    params: Mapping[str, Any],
) -> tuple[Settings, tuple[Override, ...], dict[str, Settings], LaunchTags]:
    problems = Problems()
    if params["default_profile"] not in params["profiles"]:
        problems.add(params["default_profile"], "default_profile", "must be one of profiles")

    defaults = _read(problems, lambda: parse_settings(params["defaults"]))
    overrides = _read(problems, lambda: parse_launch_overrides(params["overrides"]))
    own = _read(problems, lambda: parse_server_settings(params["servers"]))
    tags = _read(problems, lambda: parse_launch_tags(params["mandatory_tags"], params["server_tags"]))
    problems.raise_if_any()
    return defaults or Settings(), overrides or (), own or {}, tags or LaunchTags()


def _read(problems: Problems, parse: Callable[[], Parsed]) -> Parsed | None:
    try:
        return parse()
    except DeclarationError as error:
        problems.extend(error.problems)
        return None


def _entries(params: Mapping[str, Any], clients: Clients, keys: list[str]) -> list[MapEntry]:
    if params["ip_map_entries"] is not None:
        return [item_to_entry(item) for item in params["ip_map_entries"]]
    if params["ip_map_table"] is not None:
        return IpMapTable(clients("dynamodb"), params["ip_map_table"]).read(keys)
    return []


def check_with_aws(
    launches: Collection[DesiredLaunch], clients: Clients, problems: Problems, known_subnets: Collection[str] = ()
) -> None:
    """Find what AWS does not have, in a few calls for all servers.

    Args:
        launches: What servers must launch with.
        clients: Clients of the module.
        problems: Collects everything that is missing.
        known_subnets: Subnets that were checked already, with what launches there.
    """
    ec2 = clients("ec2")
    fields = {name for launch in launches for name in launch.configuration}
    for name in sorted(unknown_launch_fields(clients("drs"), fields)):
        problems.add(name, "launch settings", "this version of botocore does not know it: upgrade boto3 and botocore")
    placements = [
        Placement(launch.server_key, name, profile.interfaces)
        for launch in launches
        for name, profile in launch.profiles.items()
        if any(interface.subnet_id not in known_subnets for interface in profile.interfaces)
    ]
    interfaces = [interface for placement in placements for interface in placement.interfaces]
    subnets = read_subnets(ec2, (interface.subnet_id for interface in interfaces))
    groups = read_security_groups(ec2, (group for interface in interfaces for group in interface.security_groups))
    check_placements(placements, subnets, groups, ec2.meta.region_name, problems)
    types = instance_types(launches)
    if types:
        check_instance_types(launches, read_offerings(ec2, types), subnets, problems)
    instances = read_instances(ec2, instances_launched_into(launches))
    profiles = {profile.instance_profile for launch in launches for profile in launch.profiles.values()} | {
        item.get("IamInstanceProfile", {}).get("Arn") for item in instances.values()
    }
    named = {profile for profile in profiles if profile}
    policies = read_policies(clients("iam"), named) if named else {}
    check_instance_profiles(launches, policies, problems)
    check_launch_into(launches, instances, policies, problems)


def _check_with_live(launches: Mapping[str, DesiredLaunch], live: Mapping[str, LiveLaunch]) -> None:
    """Refuse what contradicts the launch configurations and templates as they are.

    Raises:
        DeclarationError: Naming every contradiction of every server.
    """
    problems = Problems()
    for key, now in live.items():
        problems.extend(live_problems(launches[key], now.configuration))
        # The profiles differ in their networks alone: what one of them cannot have, none can.
        for name, profile in list(launches[key].profiles.items())[:1]:
            base = version_of(now.versions, name) or default_of(now.versions)
            if base is not None:
                problems.extend(declaration_problems(base.data, profile, f"launch settings of {key}"))
    problems.raise_if_any()
