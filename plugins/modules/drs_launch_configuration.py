#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declare what source servers launch with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_launch_configuration
short_description: Declare what source servers launch with
version_added: 0.1.0
description:
  - Brings the DRS launch configuration of many source servers, and one version of each server's EC2 launch template for
    every network profile, to what is declared.
  - Subnets, addresses and security groups come from the IP map (M(disaster_recovery.aws.ip_map)).
  - Everything in a template that is not declared is kept. When DRS or a person changed the default version, the
    versions of the profiles are made from it anew.
  - DRS launches from the default version of the template. This module makes the version of O(default_profile) the
    default; a run of a plan sets and verifies that of its own mode before it launches.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.selector
attributes:
  check_mode:
    support: full
    details:
      - DRS may write a template version of its own when a launch configuration is updated.
      - Check mode does not see that.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  ip_map_table:
    description:
      - Name of the DynamoDB table with the IP map, in the Region of the module.
      - Exactly one of O(ip_map_table) and O(ip_map_entries) is required.
    type: str
  ip_map_entries:
    description:
      - Entries of the IP map, as M(disaster_recovery.aws.ip_map) returns them, instead of those in the table.
      - In check mode the table may not have them yet.
    type: list
    elements: dict
  defaults:
    description: &settings
      - Launch settings. What is not given is left as it is.
      - C(launch_disposition), C(target_instance_type_right_sizing_method), C(copy_private_ip), C(copy_tags),
        C(os_byol), C(post_launch_enabled) and C(name) are fields of the DRS launch configuration.
      - C(instance_type) is the EC2 instance type.
    type: dict
    default: {}
  overrides:
    description: Settings of some servers, applied from first to last.
    type: list
    elements: dict
    default: []
    suboptions:
      match:
        description: Which servers, with C(tags), C(servers) and C(source_server_ids) as in O(match).
        type: dict
      settings:
        description: *settings
        type: dict
  mandatory_tags:
    description: Tags of instances, volumes and network interfaces that are launched, the same for all servers.
    type: dict
    default: {}
  server_tags:
    description:
      - Tags of instances, volumes and network interfaces by source server id, as
        M(disaster_recovery.aws.drs_source_server_tags) returns them in C(launch_tags).
      - They go before O(mandatory_tags).
    type: dict
    default: {}
  profiles:
    description: Network profiles that a template version is kept for, where the IP map has them.
    type: list
    elements: str
    choices: [failover, test]
    default: [failover, test]
  default_profile:
    description: Network profile that DRS launches in.
    type: str
    choices: [failover, test]
    default: failover
seealso:
  - module: disaster_recovery.aws.ip_map
  - module: disaster_recovery.aws.drs_source_server_tags
  - name: Launch settings of AWS Elastic Disaster Recovery
    description: What DRS does with its launch configuration and the EC2 launch template.
    link: https://docs.aws.amazon.com/drs/latest/userguide/launching-target-servers.html
"""

EXAMPLES = r"""
- name: Declare the launch settings of all source servers
  disaster_recovery.aws.drs_launch_configuration:
    region: us-west-2
    ip_map_table: disaster-recovery-ip-map
    defaults:
      launch_disposition: STARTED
      target_instance_type_right_sizing_method: NONE
      copy_private_ip: false
      copy_tags: true
    overrides:
      - match: {tags: {Tier: database}}
        settings: {instance_type: r5.large}
    mandatory_tags:
      Owner: dr-team
"""

RETURN = r"""
servers:
  description: What was done for each server, ordered by server key.
  returned: always
  type: list
  elements: dict
  contains:
    server_key:
      description: Key of the server.
      returned: always
      type: str
    source_server_id:
      description: Id of the source server.
      returned: always
      type: str
    changed:
      description: Whether anything was changed.
      returned: always
      type: bool
    configuration_changes:
      description: Fields of the DRS launch configuration that were changed, with their new values.
      returned: success
      type: dict
    launch_template_id:
      description: EC2 launch template of the server.
      returned: success
      type: str
    versions:
      description: Number of the template version of each profile; null for one that would be made, in check mode.
      returned: success
      type: dict
      sample: {failover: 2, test: 3}
    error:
      description: Why this server could not be brought to what is declared.
      returned: on failure
      type: str
disconnected:
  description: Keys of selected servers that DRS only remembers (replication state C(DISCONNECTED)).
  returned: always
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import MATCH_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import (
    get_launch_configuration,
    update_launch_configuration,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import NotFoundError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_templates import (
    SWEEP_FROM,
    TemplateState,
    Version,
    ensure_versions,
    read_ends,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers, for_each, summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import DISCONNECTED, selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, item_to_entry
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import (
    DesiredLaunch,
    configuration_changes,
    declare,
    parse_launch_overrides,
    parse_settings,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import parse_launch_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import normalise_template


@dataclass(frozen=True)
class Done:
    """What happened, or would happen, to one server."""

    configuration_before: dict[str, Any]
    configuration_changes: dict[str, Any]
    template: TemplateState

    @property
    def changed(self) -> bool:
        """Whether anything differs from before."""
        return bool(self.configuration_changes) or self.template.changed

    def diff(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what differs, before and after."""
        before: dict[str, Any] = {name: self.configuration_before.get(name) for name in self.configuration_changes}
        after: dict[str, Any] = dict(self.configuration_changes)
        for change in self.template.changes:
            if change.reuse is None:
                name = f"template, profile {change.profile}"
                before[name], after[name] = _difference(change.before, change.after)
        if self.template.default_before.profile != self.template.default_profile:
            before["default profile"] = self.template.default_before.profile
            after["default profile"] = self.template.default_profile
        return before, after


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Bring launch configurations and templates to what is declared."""
    if params["default_profile"] not in params["profiles"]:
        problems = Problems()
        problems.add(params["default_profile"], "default_profile", "must be one of profiles")
        problems.raise_if_any()
    defaults = parse_settings(params["defaults"])
    overrides = parse_launch_overrides(params["overrides"])
    tags = parse_launch_tags(params["mandatory_tags"], params["server_tags"])
    drs, ec2 = clients("drs"), clients("ec2")
    selected = selected_servers(drs, params["match"])
    servers = [server for server in selected if server.replication_state != DISCONNECTED]
    entries = _entries(params, clients, [server.key for server in servers])
    declared = {
        launch.server_key: _only(launch, params["profiles"])
        for launch in declare(servers, defaults, overrides, entries, tags)
    }
    known = read_ends(ec2) if len(declared) >= SWEEP_FROM else {}
    pacers = Pacers()

    def apply(_key: str, launch: DesiredLaunch) -> Done:
        return _apply(drs, ec2, launch, params["default_profile"], known, pacers, check_mode)

    outcomes = for_each(declared, apply)
    changed = {key: done for key, done in outcomes.results.items() if done.changed}
    diffs = {key: done.diff() for key, done in changed.items()}
    answer: dict[str, Any] = {
        "changed": bool(changed),
        "servers": [
            _result(launch, outcomes.results.get(key), outcomes.errors.get(key)) for key, launch in declared.items()
        ],
        "disconnected": [server.key for server in selected if server.replication_state == DISCONNECTED],
        "diff": {
            "before": {key: before for key, (before, _after) in diffs.items()},
            "after": {key: after for key, (_before, after) in diffs.items()},
        },
    }
    if outcomes.errors:
        failed = f"{len(outcomes.errors)} of {len(declared)} servers were not configured: {summary(outcomes.errors)}"
        answer |= {"failed": True, "msg": failed}
    return answer


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the top-level keys of template data that differ, before and after, in one shape."""
    old, new = normalise_template(before), normalise_template(after)
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return {key: old.get(key) for key in keys}, {key: new.get(key) for key in keys}


def _entries(params: dict[str, Any], clients: Clients, keys: list[str]) -> list[MapEntry]:
    if params["ip_map_entries"] is not None:
        return [item_to_entry(item) for item in params["ip_map_entries"]]
    return IpMapTable(clients("dynamodb"), params["ip_map_table"]).read(keys)


def _only(launch: DesiredLaunch, profiles: list[str]) -> DesiredLaunch:
    return replace(launch, profiles={name: launch.profiles[name] for name in profiles if name in launch.profiles})


def _apply(
    drs: Any,
    ec2: Any,
    launch: DesiredLaunch,
    default_profile: str,
    known: Mapping[str, Sequence[Version]],
    pacers: Pacers,
    check_mode: bool,
) -> Done:
    pacers.take("GetLaunchConfiguration")
    before = get_launch_configuration(drs, launch.source_server_id)
    changes = configuration_changes(launch.configuration, before)
    now = before
    if changes and not check_mode:
        pacers.take("UpdateLaunchConfiguration")
        now = update_launch_configuration(drs, launch.source_server_id, changes)
    template_id = now.get("ec2LaunchTemplateID")
    if not template_id:
        raise NotFoundError(
            f"source server {launch.source_server_id} has no launch template yet: DRS makes it when replication starts"
        )
    if default_profile not in launch.profiles:
        raise NotFoundError(f"the IP map has no addresses in profile {default_profile}: declare them there first")
    state = ensure_versions(
        ec2,
        template_id,
        launch.profiles,
        default_profile,
        write=not check_mode,
        pacers=pacers,
        # An updated launch configuration may have made DRS write a version that was not there yet when these were read.
        known=() if changes else known.get(template_id, ()),
    )
    return Done(before, changes, state)


def _result(launch: DesiredLaunch, done: Done | None, error: Exception | None) -> dict[str, Any]:
    result = {"server_key": launch.server_key, "source_server_id": launch.source_server_id}
    if done is None:
        return {**result, "changed": False, "error": str(error)}
    return {
        **result,
        "changed": done.changed,
        "configuration_changes": done.configuration_changes,
        "launch_template_id": done.template.template_id,
        "versions": dict(done.template.versions),
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
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
            "mandatory_tags": {"type": "dict", "default": {}},
            "server_tags": {"type": "dict", "default": {}},
            "profiles": {
                "type": "list",
                "elements": "str",
                "choices": ["failover", "test"],
                "default": ["failover", "test"],
            },
            "default_profile": {"type": "str", "choices": ["failover", "test"], "default": "failover"},
            "match": MATCH_SPEC,
        },
        run,
        needs_drs=True,
        mutually_exclusive=[("ip_map_table", "ip_map_entries")],
        required_one_of=[("ip_map_table", "ip_map_entries")],
    )


if __name__ == "__main__":
    main()
