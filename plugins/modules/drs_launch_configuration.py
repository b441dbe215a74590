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
  - Subnets, addresses and security groups come from the IP map (M(disaster_recovery.aws.ip_map)), or from the settings.
  - Everything is checked before anything is written, also what EC2 takes unseen until a launch fails, such as subnets,
    addresses, security groups, instance types and profiles, device names, and what DRS asks of an instance that it
    launches into. What is wrong is named all at once.
  - Everything in a template that is not declared is kept, tags and disks of DRS among it. When DRS or a person changed
    the default version, the versions of the profiles are made from it anew. When somebody writes a version while this
    module is at work, theirs is not overwritten, and the server is reported.
  - DRS launches from the default version of the template. This module makes the version of O(default_profile) the
    default; a run of a plan sets and verifies that of its own mode before it launches.
  - The description of a version tells what the version of the other profile is. Of more than 1,000 servers only the
    default versions are read where these tell that all is as declared (O(verify_versions)).
  - Of its own old versions a template keeps the newest five of each profile. The others are deleted when the number of
    a new version passes a multiple of twenty. The default version and those of others are never deleted.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.launch
  - disaster_recovery.aws.selector
options:
  verify_versions:
    description:
      - Read the version of every profile of every server, whatever the default versions tell of the others.
      - Versions cannot be changed, but they can be deleted. Where more than 1,000 servers are declared at once, a
        version that somebody deleted is only noticed, and made again, with this;
        M(disaster_recovery.aws.drs_launch_configuration_info) and the gate of a run always look.
      - Costs one call more for every 200 servers, and one for each server whose versions these do not show.
    type: bool
    default: false
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
notes:
  - >-
    The credentials need C(drs:DescribeSourceServers), C(drs:GetLaunchConfiguration), C(drs:UpdateLaunchConfiguration),
    C(ec2:DescribeLaunchTemplates), C(ec2:DescribeLaunchTemplateVersions), C(ec2:CreateLaunchTemplateVersion),
    C(ec2:ModifyLaunchTemplate), C(ec2:DeleteLaunchTemplateVersions), C(ec2:DescribeSubnets),
    C(ec2:DescribeSecurityGroups), C(ec2:DescribeInstanceTypeOfferings), C(ec2:DescribeInstances) and, where instance
    profiles are declared or instances launched into, C(iam:GetInstanceProfile) and C(iam:ListAttachedRolePolicies).
seealso:
  - module: disaster_recovery.aws.drs_launch_configuration_info
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

- name: Declare one server without an IP map
  disaster_recovery.aws.drs_launch_configuration:
    region: us-west-2
    match:
      servers: [pay-rep-1.example.internal]
    servers:
      pay-rep-1.example.internal:
        target_instance_type_right_sizing_method: NONE
        instance_type: m5.large
        alternative_instance_types: [m5a.large, m6i.large]
        metadata_options: {http_tokens: required}
        volumes:
          - {volume_type: gp3}
          - {device_name: /dev/xvda, volume_type: io2, iops: 800}
        network:
          failover:
            - {subnet_id: subnet-0a20200000000a001, security_groups: [sg-0a20200000000a001], address: 10.20.2.77}
          test:
            - {subnet_id: subnet-0a99200000000a001, security_groups: [sg-0a99200000000a001]}
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
      description: Whether anything was changed, or would be in check mode.
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
summary:
  description: Counts for the table at the end of a configuration.
  returned: success
  type: dict
  contains:
    servers: {description: Servers that the task was about., returned: always, type: int}
    changed: {description: Servers of which something was or would be written., returned: always, type: int}
    skipped: {description: Servers that DRS only remembers., returned: always, type: int}
    problems: {description: What a person has to look at., returned: always, type: list, elements: str}
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._launch import LAUNCH_SPEC, Look, drift, look
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launches import Written, write_launches
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers, summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary as counts


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Bring launch configurations and templates to what is declared."""
    pacers = Pacers()
    seen = look(params, clients, pacers, verify=params["verify_versions"])
    written = _planned(seen)
    if not check_mode:
        written = write_launches(clients("drs"), clients("ec2"), seen.launches, seen.plans, pacers, sweep=seen.sweep)
    errors = {**seen.errors, **written.errors}
    servers = [_result(key, seen, written, errors.get(key)) for key in seen.launches]
    changed = [server["server_key"] for server in servers if server["changed"]]
    differences = {key: drift(seen.plans[key]) for key in changed}
    answer: dict[str, Any] = {
        "changed": bool(changed),
        "servers": servers,
        "disconnected": list(seen.disconnected),
        "summary": counts(
            servers=len(servers),
            changed=len(changed),
            skipped=len(seen.disconnected),
            problems=[f"{key}: {error}" for key, error in errors.items()],
        ),
        "diff": {
            side: {key: {one["where"]: one[values] for one in found} for key, found in differences.items()}
            for side, values in (("before", "live"), ("after", "desired"))
        },
    }
    if errors:
        failed = f"{len(errors)} of {len(servers)} servers were not configured: {summary(errors)}"
        answer |= {"failed": True, "msg": failed}
    return answer


def _planned(seen: Look) -> Written:
    """Return what writing would come to, as far as it can be told before."""
    versions: dict[str, Mapping[str, int | None]] = {key: plan.template.versions() for key, plan in seen.plans.items()}
    return Written(versions, {}, frozenset())


def _result(key: str, seen: Look, written: Written, error: Exception | None) -> dict[str, Any]:
    result = {"server_key": key, "source_server_id": seen.launches[key].source_server_id}
    if error is not None:
        return {**result, "changed": key in written.updated, "error": str(error)}
    plan = seen.plans[key]
    return {
        **result,
        "changed": plan.changed,
        "configuration_changes": dict(plan.configuration_changes),
        "launch_template_id": plan.template.template_id,
        "versions": dict(written.versions[key]),
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {**LAUNCH_SPEC, "verify_versions": {"type": "bool", "default": False}},
        run,
        needs_drs=True,
        mutually_exclusive=[("ip_map_table", "ip_map_entries")],
    )


if __name__ == "__main__":
    main()
