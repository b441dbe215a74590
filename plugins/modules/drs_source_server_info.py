#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read source servers of AWS Elastic Disaster Recovery."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_source_server_info
short_description: Read source servers of AWS Elastic Disaster Recovery
version_added: 0.1.0
description:
  - Returns the source servers of one account and Region with their server keys, addresses, tags and replication state.
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
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  staging_account_ids:
    description: Only servers that are extended from these staging accounts.
    type: list
    elements: str
seealso:
  - module: disaster_recovery.aws.drs_source_server_tags
  - module: disaster_recovery.aws.drs_extended_source_server
"""

EXAMPLES = r"""
- name: Read all source servers
  disaster_recovery.aws.drs_source_server_info:
    region: us-west-2
  register: all_servers

- name: Read the database servers of one application
  disaster_recovery.aws.drs_source_server_info:
    region: us-west-2
    match:
      tags:
        Application: payments
        Tier: database
"""

RETURN = r"""
source_servers:
  description: The source servers, ordered by server key.
  returned: always
  type: list
  elements: dict
  contains:
    server_key:
      description: Identity of the machine that survives failover and failback.
      returned: always
      type: str
      sample: pay-db-1.example.internal
    source_server_id:
      description: Id of the source server.
      returned: always
      type: str
      sample: s-1a2b3c4d5e6f7a8b9
    arn:
      description: ARN of the source server.
      returned: always
      type: str
    account_id:
      description: Account that was asked.
      returned: always
      type: str
    region:
      description: Region that was asked.
      returned: always
      type: str
    hostname:
      description: Host name that the agent told.
      returned: always
      type: str
    fqdn:
      description: FQDN that the agent told.
      returned: always
      type: str
    aws_instance_id:
      description: EC2 instance that is the source, if it is one.
      returned: always
      type: str
    addresses:
      description: All IPv4 addresses that DRS knows, primary interface first; may be empty.
      returned: always
      type: list
      elements: str
    interfaces:
      description: Network interfaces that DRS knows.
      returned: always
      type: list
      elements: dict
    tags:
      description: Tags of the source server.
      returned: always
      type: dict
    is_windows:
      description: Whether the operating system is Windows.
      returned: always
      type: bool
    replication_state:
      description: State of the data replication, as DRS names it.
      returned: always
      type: str
      sample: CONTINUOUS
    lag_seconds:
      description: Replication lag, null when DRS does not report one.
      returned: always
      type: float
    last_launch_result:
      description: Result of the last launch.
      returned: always
      type: str
    recovery_instance_id:
      description: Recovery instance that was launched from it.
      returned: always
      type: str
    origin_account_id:
      description: Account of the machine itself.
      returned: always
      type: str
    origin_region:
      description: Region of the machine itself.
      returned: always
      type: str
    is_extended:
      description: Whether it extends a source server of a staging account.
      returned: always
      type: bool
    staging_account_id:
      description: Staging account of an extended source server.
      returned: always
      type: str
    staging_arn:
      description: Source server of the staging account that this one extends.
      returned: always
      type: str
    extension_status:
      description: State of the extension.
      returned: always
      type: str
    extension_error:
      description: Why the extension does not work, when it does not.
      returned: always
      type: str
    replication_direction:
      description: V(FAILOVER) or V(FAILBACK).
      returned: always
      type: str
    recommended_instance_type:
      description: Instance type that DRS recommends.
      returned: always
      type: str
    agent_seen_at:
      description: When the agent was last seen.
      returned: always
      type: str
"""

from dataclasses import asdict
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import MATCH_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer


def run(params: dict[str, Any], clients: Clients, _check_mode: bool) -> dict[str, Any]:
    """Read the source servers."""
    servers = selected_servers(clients("drs"), params["match"], unique_keys=False)
    accounts = params["staging_account_ids"]
    if accounts is not None:
        servers = [server for server in servers if server.staging_account_id in accounts]
    return {"changed": False, "source_servers": [_result(server) for server in servers]}


def _result(server: SourceServer) -> dict[str, Any]:
    fields = asdict(server)
    return {
        "server_key": fields.pop("key"),
        **fields,
        "addresses": [address for interface in server.interfaces for address in interface.addresses],
        "is_extended": server.is_extended,
    }


def main() -> NoReturn:
    """Entry point."""
    run_module({"match": MATCH_SPEC, "staging_account_ids": {"type": "list", "elements": "str"}}, run, needs_drs=True)


if __name__ == "__main__":
    main()
