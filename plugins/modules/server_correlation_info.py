#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which source servers and instances of many accounts and Regions are one machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_correlation_info
short_description: Which source servers and instances of many accounts and Regions are one machine
version_added: 0.1.0
description:
  - Reads EC2 instances, source servers and recovery instances of Elastic Disaster Recovery in every account and
    Region that is declared, and puts them together into machines, each under its server key. The orchestrator's
    function C(correlate) is the same code.
  - What names another by its id comes first, the source server's C(awsInstanceID) before all. What no id ties to a
    known machine is then compared by FQDN, by host name, and by address in one account and Region, in that order. A
    stronger name that differs speaks against a weaker one that is equal.
  - A server key survives failover, failback (another instance) and a new extension (another source server), because
    the machines that the function C(correlate) found before are known from O(ip_map_table).
  - What could be more than one machine is never guessed. It is returned in RV(ambiguous), and what belongs to none in
    RV(unmatched).
  - Reads only.
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
  ip_map_table:
    description:
      - Name of the IP map table. Without it nothing is known from before, and keys are those that tags and names give
        now.
    type: str
  server_key_tag:
    description:
      - Tag of EC2 instances whose value is a server key, for instances that were made for DRS to launch into. Source
        servers have the tag C(dr:server-key).
    type: str
    default: dr:server-key
notes:
  - O(region) is the Region that recovers, in the account of the credentials. It is read whether O(accounts) has it or
    not, and it has to answer. Another account or Region that does not is listed in RV(unread), and nothing is matched
    with what may be there.
  - An instance that was made for DRS to launch into has the tag C(AWSDRS=AllowLaunchingIntoThisInstance). It is
    matched by its tag O(server_key_tag), else by an address that the IP map plans for a server.
seealso:
  - module: disaster_recovery.aws.ip_map
  - module: disaster_recovery.aws.drs_source_server_info
"""

EXAMPLES = r"""
- name: Correlate the servers of all accounts
  disaster_recovery.aws.server_correlation_info:
    region: us-west-2
    accounts: "{{ dr_accounts }}"
    ip_map_table: disaster-recovery-ip-map
  register: correlated

- name: Stop where it is not certain which server is which
  ansible.builtin.assert:
    that: correlated.ambiguous | length == 0
    fail_msg: "{{ correlated.ambiguous | map(attribute='message') | join('\n') }}"
"""

RETURN = r"""
machines:
  description: The machines, ordered by server key.
  returned: always
  type: list
  elements: dict
  contains:
    server_key:
      description: Identity of the machine.
      returned: always
      type: str
      sample: pay-db-1.example.internal
    key_from:
      description:
        - What gave the key. V(key_tag) is the tag C(dr:server-key).
        - V(known_id), V(aws_instance_id), V(recovery_instance), V(fqdn), V(hostname) and V(address) are what a
          machine that is known from before was recognised by. V(fqdn), V(hostname) and V(source_server_id) are what a
          new one was named after.
      returned: always
      type: str
      sample: known_id
    fqdn:
      description: FQDN that the agent told.
      returned: always
      type: str
    hostname:
      description: Host name that the agent told.
      returned: always
      type: str
    addresses:
      description: Private IPv4 addresses of the source, each as C(account/region/address).
      returned: always
      type: list
      elements: str
      sample: [222222222222/us-east-1/10.10.1.11]
    source_servers:
      description: Its source servers, the one that leads to the recovery site first.
      returned: always
      type: list
      elements: dict
      contains:
        source_server_id:
          description: Id of the source server.
          returned: always
          type: str
        account_id:
          description: Account of the source server.
          returned: always
          type: str
        region:
          description: Region of the source server.
          returned: always
          type: str
        direction:
          description: V(FAILOVER) or V(FAILBACK).
          returned: always
          type: str
        state:
          description: State of the data replication, as DRS names it.
          returned: always
          type: str
        aws_instance_id:
          description: Instance that it replicates, if it is one.
          returned: always
          type: str
        origin_account_id:
          description: Account of that instance.
          returned: always
          type: str
        origin_region:
          description: Region of that instance.
          returned: always
          type: str
        hostname:
          description: Host name that the agent told.
          returned: always
          type: str
        matched_by:
          description:
            - What it was matched by, V(key_tag), V(aws_instance_id), V(recovery_instance), V(staging_arn),
              V(known_id), V(fqdn), V(hostname) or V(address). Null for the one that a new machine is named after.
          returned: always
          type: str
    instances:
      description: Its EC2 instances.
      returned: always
      type: list
      elements: dict
      contains:
        instance_id:
          description: Id of the instance.
          returned: always
          type: str
        account_id:
          description: Account of the instance.
          returned: always
          type: str
        region:
          description: Region of the instance.
          returned: always
          type: str
        role:
          description:
            - V(source) is replicated, V(recovery), V(drill) and V(failback) were launched by DRS, V(target) was made
              for DRS to launch into, V(former) was one of them before.
          returned: always
          type: str
        state:
          description: State of the instance; empty when EC2 was not asked or does not show it.
          returned: always
          type: str
        matched_by:
          description: What it was matched by, as of source servers.
          returned: always
          type: str
ambiguous:
  description: What could be more than one machine, or has one key with another. It is in no machine.
  returned: always
  type: list
  elements: dict
  contains: &finding
    reason:
      description: One word for programs.
      returned: always
      type: str
      sample: same_key
    server_keys:
      description: Keys of which it is not certain which server bears them.
      returned: always
      type: list
      elements: str
    source_servers:
      description: Source servers that it is about, each as C(account/region/id).
      returned: always
      type: list
      elements: str
    instances:
      description: Instances that it is about.
      returned: always
      type: list
      elements: str
    message:
      description: What is the matter and what to do.
      returned: always
      type: str
unmatched:
  description: What belongs to no machine, and machines of which something is missing.
  returned: always
  type: list
  elements: dict
  contains: *finding
unread:
  description: What could not be read. The answer may lack what is there.
  returned: always
  type: list
  elements: dict
  contains:
    account_id:
      description: The account.
      returned: always
      type: str
    region:
      description: The Region.
      returned: always
      type: str
    what:
      description: What could not be read there.
      returned: always
      type: str
    reason:
      description: Why.
      returned: always
      type: str
uninitialised:
  description: Accounts and Regions where Elastic Disaster Recovery was never used, each as C(account/region).
  returned: always
  type: list
  elements: str
keys_to_tag:
  description:
    - Source servers of this account whose name says another key than their machine has. Tag them with
      C(dr:server-key), so that everything that reads source servers knows their key; the function C(correlate) does
      that.
  returned: always
  type: list
  elements: dict
  contains:
    source_server_id:
      description: Id of the source server.
      returned: always
      type: str
    arn:
      description: ARN of the source server.
      returned: always
      type: str
    region:
      description: Region of the source server.
      returned: always
      type: str
    server_key:
      description: Key of its machine.
      returned: always
      type: str
counts:
  description: How many there are of everything, and how many were matched by what.
  returned: always
  type: dict
  sample: {machines: 18, source_servers: 18, instances: 18, ambiguous: 0, unmatched: 0, by_aws_instance_id: 18}
summary:
  description: Counts for the table at the end of a configuration; C(servers) are machines.
  returned: always
  type: dict
  contains:
    servers: {description: Machines., returned: always, type: int}
    changed: {description: Always 0., returned: always, type: int}
    skipped: {description: Always 0., returned: always, type: int}
    problems: {description: All findings and what could not be read., returned: always, type: list, elements: str}
"""

from dataclasses import asdict
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import ACCOUNTS_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.correlation import correlate_estate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.canonical import plain
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation_findings import (
    AMBIGUOUS,
    UNMATCHED,
    Finding,
)


def run(params: dict[str, Any], clients: Clients, _check_mode: bool) -> dict[str, Any]:
    """Read and correlate."""
    accounts = AccountClients(clients, parse_accounts(params["accounts"], where="accounts"))
    estate = correlate_estate(
        accounts,
        clients("drs").meta.region_name,
        dynamodb=clients("dynamodb"),
        table=params["ip_map_table"],
        key_tag=params["server_key_tag"],
    )
    correlation, observed = estate.correlation, estate.observed
    found: dict[str, Any] = plain(
        {
            "machines": [asdict(machine) for machine in correlation.machines.values()],
            "ambiguous": [_finding(finding) for finding in correlation.of_kind(AMBIGUOUS)],
            "unmatched": [_finding(finding) for finding in correlation.of_kind(UNMATCHED)],
            "unread": [asdict(unread) for unread in observed.unread],
            "uninitialised": [f"{account_id}/{region}" for account_id, region in observed.uninitialised],
            "keys_to_tag": [asdict(pin) for pin in estate.writes().pins],
            "counts": correlation.counts(),
            "summary": summary(
                servers=len(correlation.machines),
                problems=[
                    *(
                        finding.message
                        for finding in (*correlation.of_kind(AMBIGUOUS), *correlation.of_kind(UNMATCHED))
                    ),
                    *(f"{one.account_id}/{one.region}, {one.what}: {one.reason}" for one in observed.unread),
                ],
            ),
        }
    )
    return {"changed": False, **found}


def _finding(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in asdict(finding).items() if name != "kind"}


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "accounts": ACCOUNTS_SPEC,
            "ip_map_table": {"type": "str"},
            "server_key_tag": {"type": "str", "default": "dr:server-key", "no_log": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
