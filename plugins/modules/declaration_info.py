#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a whole declaration against AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: declaration_info
short_description: Check the declaration of an estate, all of it at once
version_added: 0.1.0
description:
  - Reads the inventory variables that declare a disaster recovery estate, compares them with each other and with AWS,
    and lists everything that is wrong with them in one go. Nothing is written.
  - Besides what M(disaster_recovery.aws.subnet_map_info) checks of the subnet map, these are unknown keys and bad
    values anywhere, selectors of launch settings and explicit addresses that fit no source server, two source servers
    with one server key, servers of staging accounts that cannot be extended, launch settings that contradict each other
    or name what EC2 does not have, and values of tags that AWS would refuse.
  - What cannot be read is told and left out, and the rest is checked all the same.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.accounts
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  declaration:
    description:
      - The inventory variables by name, any of C(dr_accounts), C(dr_source_region), C(dr_subnet_map), C(dr_addresses),
        C(dr_production_cidrs), C(dr_imported_addresses), C(dr_launch_defaults), C(dr_launch_overrides),
        C(dr_mandatory_tags), C(dr_tag_policy), C(dr_server_variables) and C(dr_extended_source_servers).
      - The role C(disaster_recovery.aws.configure) documents them.
      - C(dr_accounts) in here takes the place of O(accounts).
    type: dict
    required: true
  host_variables:
    description: Variables of inventory hosts that a tag policy asks for, by server key (filter C(server_variables)).
    type: dict
    default: {}
  table:
    description: Name of the DynamoDB table of the IP map, in the Region of the module.
    type: str
    required: true
  extension_purge:
    description: Whether extensions that are not declared are to be deleted, variable C(dr_extension_purge).
    type: bool
    default: false
  extension_repair:
    description: Whether broken extensions are to be made again, variable C(dr_extension_repair).
    type: bool
    default: false
  server_key_tag:
    description: Tag of EC2 instances whose value is a server key, variable C(dr_server_key_tag).
    type: str
    default: dr:server-key
notes:
  - How launch configurations and templates are is not read, for that takes a call for each server.
    M(disaster_recovery.aws.drs_launch_configuration) does it, before its first write.
seealso:
  - module: disaster_recovery.aws.subnet_map_info
  - module: disaster_recovery.aws.server_correlation_info
"""

EXAMPLES = r"""
- name: Check what the inventory declares
  disaster_recovery.aws.declaration_info:
    region: us-west-2
    table: disaster-recovery-ip-map
    declaration:
      dr_accounts: "{{ dr_accounts }}"
      dr_source_region: us-east-1
      dr_subnet_map: "{{ dr_subnet_map }}"
      dr_addresses: "{{ dr_addresses }}"
      dr_launch_defaults: "{{ dr_launch_defaults }}"
      dr_launch_overrides: "{{ dr_launch_overrides }}"
"""

RETURN = r"""
choices:
  description: A line for every rule of the subnet map that won over another, and why.
  returned: success
  type: list
  elements: str
problems:
  description: Everything that is wrong. The module fails when there is anything.
  returned: always
  type: list
  elements: dict
  contains:
    where:
      description: Variable and key, or what it is about where none declares it.
      returned: always
      type: str
      sample: dr_launch_overrides[0].match.tags
    value:
      description: The value there.
      returned: always
      type: str
    remedy:
      description: What is wrong with it and what to do.
      returned: always
      type: str
    file:
      description: File, line and column of the value, empty where Ansible does not remember them.
      returned: always
      type: str
      sample: /home/me/inventories/prod/group_vars/all/launch.yml:14:13
summary:
  description: Counts for the table at the end of a configuration.
  returned: success
  type: dict
  contains:
    servers: {description: Servers that the declaration is about., returned: always, type: int}
    changed: {description: Always 0., returned: always, type: int}
    skipped: {description: Servers that DRS only remembers., returned: always, type: int}
    problems: {description: Always empty., returned: always, type: list, elements: str}
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._declaration import DeclarationCheck
from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import (
    ACCOUNTS_SPEC,
    Clients,
    run_module,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary as counts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import read_declaration
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_choices import choice_lines


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:  # noqa: ARG001  it only reads
    """Check everything, and tell what was found."""
    problems = Problems()
    accounts = [{name: value for name, value in account.items() if value is not None} for account in params["accounts"]]
    raw = {**params["declaration"], "dr_accounts": accounts}
    plan, checked = DeclarationCheck(raw, read_declaration(raw, problems), params, clients, problems).run()
    problems.raise_if_any()
    return {
        "changed": False,
        "choices": choice_lines(checked.choices),
        "problems": [],
        "summary": counts(servers=len(plan.servers), skipped=len(plan.disconnected)),
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "declaration": {"type": "dict", "required": True},
            "accounts": ACCOUNTS_SPEC,
            "host_variables": {"type": "dict", "default": {}},
            "table": {"type": "str", "required": True},
            "extension_purge": {"type": "bool", "default": False},
            "extension_repair": {"type": "bool", "default": False},
            "server_key_tag": {"type": "str", "default": "dr:server-key", "no_log": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
