#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare what source servers launch with and what is declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_launch_configuration_info
short_description: Compare what source servers launch with and what is declared
version_added: 0.1.0
description:
  - Reads the DRS launch configuration of many source servers and the versions of their EC2 launch templates, and says
    where they drifted from what is declared.
  - Takes the options of M(disaster_recovery.aws.drs_launch_configuration), and writes nothing. Fit for every night.
  - The versions of all profiles are read, so that one is missed that somebody deleted.
  - A server whose settings cannot be read is an error, not a server without drift.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.launch
  - disaster_recovery.aws.selector
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: disaster_recovery.aws.drs_launch_configuration
"""

EXAMPLES = r"""
- name: Look where launch settings drifted
  disaster_recovery.aws.drs_launch_configuration_info:
    region: us-west-2
    ip_map_table: disaster-recovery-ip-map
    defaults: "{{ dr_launch_defaults }}"
    overrides: "{{ dr_launch_overrides }}"
    mandatory_tags: "{{ dr_mandatory_tags }}"
  register: launch_settings

- name: Fail when a server would launch otherwise than declared
  ansible.builtin.assert:
    that: launch_settings.drifted | length == 0
    fail_msg: "{{ launch_settings.servers | selectattr('drift') | list }}"
"""

RETURN = r"""
servers:
  description: Every selected server, ordered by server key.
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
    in_sync:
      description: Whether it would launch as declared.
      returned: always
      type: bool
    launch_template_id:
      description: EC2 launch template of the server.
      returned: success
      type: str
    desired:
      description:
        - What is declared, as C(configuration) (only declared fields), C(profiles) (launch template data by network
          profile, with everything that is kept) and C(default_profile).
      returned: success
      type: dict
    live:
      description:
        - What is, as C(configuration), C(profiles) (launch template data by network profile; null where no intact
          version was found), C(versions) (their numbers), C(default_profile) (null when the default version is not one
          of this collection's) and C(default_version).
      returned: success
      type: dict
    drift:
      description:
        - What differs, each with C(where) it is, and the values C(desired) and C(live).
        - C(default_version.InstanceType) says that a run found no capacity for the declared type and launched with an
          alternative. The next run begins with the declared type, and so does the next declaration.
      returned: success
      type: list
      elements: dict
      sample: [{where: configuration.copyTags, desired: true, live: false}]
    error:
      description: Why it cannot be told, or why the server cannot become what is declared.
      returned: on failure
      type: str
drifted:
  description: Keys of the servers that would not launch as declared.
  returned: always
  type: list
  elements: str
disconnected:
  description: Keys of selected servers that DRS only remembers (replication state C(DISCONNECTED)).
  returned: always
  type: list
  elements: str
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._launch import LAUNCH_SPEC, Look, drift, look
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers, summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import normalise_template


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:  # noqa: ARG001
    """Compare launch configurations and templates with what is declared."""
    seen = look(params, clients, Pacers(), verify=True)
    servers = [_result(key, seen) for key in seen.launches]
    answer: dict[str, Any] = {
        "changed": False,
        "servers": servers,
        "drifted": [server["server_key"] for server in servers if not server["in_sync"]],
        "disconnected": list(seen.disconnected),
    }
    if seen.errors:
        failed = f"{len(seen.errors)} of {len(servers)} servers could not be compared: {summary(seen.errors)}"
        answer |= {"failed": True, "msg": failed}
    return answer


def _result(key: str, seen: Look) -> dict[str, Any]:
    result = {"server_key": key, "source_server_id": seen.launches[key].source_server_id}
    if key in seen.errors:
        return {**result, "in_sync": False, "error": str(seen.errors[key])}
    plan = seen.plans[key]
    return {
        **result,
        "in_sync": not plan.changed,
        "launch_template_id": plan.template.template_id,
        "desired": {
            "configuration": dict(seen.launches[key].configuration),
            "profiles": {change.profile: normalise_template(change.after) for change in plan.template.changes},
            "default_profile": plan.template.default_profile,
        },
        "live": {
            "configuration": dict(plan.before),
            "profiles": {
                change.profile: normalise_template(change.current.data) if change.current else None
                for change in plan.template.changes
            },
            "versions": {
                change.profile: change.current.number if change.current else None for change in plan.template.changes
            },
            "default_profile": plan.template.default.mark.profile if plan.template.default.mark else None,
            "default_version": plan.template.default.number,
        },
        "drift": drift(plan),
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(dict(LAUNCH_SPEC), run, needs_drs=True, mutually_exclusive=[("ip_map_table", "ip_map_entries")])


if __name__ == "__main__":
    main()
