#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read recovery instances of AWS Elastic Disaster Recovery."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_recovery_instance_info
short_description: Read recovery instances of AWS Elastic Disaster Recovery
version_added: 0.1.0
description:
  - Returns what DRS launched, with its failback and replication state, and what EC2 says of the instances.
  - Conditions that are given must all hold. Values that this version does not know are returned as DRS tells them.
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
  recovery_instance_ids:
    description: Ids of recovery instances. One that DRS does not know is not in the answer.
    type: list
    elements: str
  source_server_ids:
    description: Only those that were launched from these source servers.
    type: list
    elements: str
  tags:
    description: Tags that a recovery instance must have, with these values.
    type: dict
  run_id:
    description: Only those that a job of this run of a plan launched.
    type: str
  ec2:
    description: Whether EC2 is asked for the state and the addresses of the instances.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.drs_job_info
  - module: disaster_recovery.aws.drs_source_server_info
"""

EXAMPLES = r"""
- name: Read what a run launched, with its addresses
  disaster_recovery.aws.drs_recovery_instance_info:
    region: us-west-2
    run_id: first-failover
    ec2: true

- name: Read the recovery instances of all accounts
  disaster_recovery.aws.drs_recovery_instance_info:
    region: us-west-2
    accounts: "{{ dr_accounts }}"
"""

RETURN = r"""
recovery_instances:
  description: The recovery instances, by id in every account and Region.
  returned: always
  type: list
  elements: dict
  contains:
    recovery_instance_id:
      description: Id of the recovery instance.
      returned: always
      type: str
    ec2_instance_id:
      description: Id of the EC2 instance.
      returned: always
      type: str
    arn:
      description: ARN of the recovery instance.
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
    source_server_id:
      description: Source server that it was launched from.
      returned: always
      type: str
    job_id:
      description: Job that launched it.
      returned: always
      type: str
    is_drill:
      description: Whether it was launched by a drill.
      returned: always
      type: bool
    ec2_instance_state:
      description: State of the instance, as DRS knows it.
      returned: always
      type: str
      sample: RUNNING
    point_in_time_snapshot_date_time:
      description: Moment that its data are of.
      returned: when DRS tells it
      type: str
    failback:
      description: State of its failback.
      returned: when DRS tells it
      type: dict
    data_replication_info:
      description: State of its replication.
      returned: when DRS tells it
      type: dict
    recovery_instance_properties:
      description: Interfaces, disks and operating system.
      returned: when DRS tells them
      type: dict
    tags:
      description: Its tags.
      returned: always
      type: dict
    ec2:
      description: What EC2 says of the instance, null when EC2 does not know it (any more).
      returned: with O(ec2=true)
      type: dict
      sample: {state: running, instance_type: t3.small, availability_zone: us-west-2a,
               interfaces: [{interface: 0, address: 10.20.1.11, subnet_id: subnet-0a20100000000d001,
                             security_groups: [sg-0a20100000000d001]}]}
unread:
  description: Declared accounts and Regions that did not answer, each with C(account_id), C(region) and C(reason).
  returned: always
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import ACCOUNTS_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instances import describe_instances
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.scopes import read_scopes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import TAG_RUN
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.snake_case import snake_case
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import device_index

Item = dict[str, Any]

ALWAYS = (
    *("recovery_instance_id", "ec2_instance_id", "arn", "source_server_id", "job_id", "is_drill"),
    "ec2_instance_state",
)
"""Members that are null where DRS does not tell them."""


def run(params: Item, clients: Clients, _check_mode: bool) -> Item:
    """Read the recovery instances."""
    accounts = parse_accounts(params["accounts"], where="accounts")

    def read(reached: AccountClients, account_id: str, region: str) -> list[Item]:
        client = reached("drs", account_id, region)
        found = drs.describe_recovery_instances(
            client, ids=params["recovery_instance_ids"], source_server_ids=params["source_server_ids"]
        )
        jobs = _jobs_of_run(client, found, params["run_id"])
        wanted = [item for item in found if _is_wanted(item, params, jobs)]
        results = [{**_result(item), "account_id": account_id, "region": region} for item in wanted]
        if params["ec2"]:
            ids = [result["ec2_instance_id"] for result in results if result["ec2_instance_id"]]
            instances = describe_instances(reached("ec2", account_id, region), ids) if ids else {}
            results = [{**result, "ec2": _ec2(instances.get(result["ec2_instance_id"]))} for result in results]
        return sorted(results, key=lambda result: str(result["recovery_instance_id"]))

    answers = read_scopes(clients, accounts, clients("drs").meta.region_name, read)
    return {"changed": False, "recovery_instances": list(answers.found), "unread": list(answers.unread)}


def _jobs_of_run(client: Any, found: list[Item], run_id: str | None) -> set[str]:
    """Return the jobs, among those that launched what was found, that belong to the run."""
    if run_id is None or not found:
        return set()
    jobs = drs.describe_jobs(client, ids=[item["jobID"] for item in found if item.get("jobID")])
    return {job["jobID"] for job in jobs if job.get("tags", {}).get(TAG_RUN) == run_id}


def _is_wanted(item: Item, params: Item, jobs: set[str]) -> bool:
    tags = params["tags"] or {}
    sources = params["source_server_ids"]
    return (
        (sources is None or item.get("sourceServerID") in sources)
        and tags.items() <= item.get("tags", {}).items()
        and (params["run_id"] is None or item.get("jobID") in jobs)
    )


def _result(item: Item) -> Item:
    return {**dict.fromkeys(ALWAYS), "tags": {}, **snake_case(item)}


def _ec2(instance: Mapping[str, Any] | None) -> Item | None:
    if instance is None:
        return None
    return {
        "state": instance["State"]["Name"],
        "instance_type": instance.get("InstanceType"),
        "availability_zone": instance.get("Placement", {}).get("AvailabilityZone"),
        "interfaces": [
            {
                "interface": device_index(interface),
                "address": interface.get("PrivateIpAddress"),
                "subnet_id": interface.get("SubnetId"),
                "security_groups": [group["GroupId"] for group in interface.get("Groups", [])],
            }
            for interface in sorted(instance.get("NetworkInterfaces", []), key=device_index)
        ],
    }


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "accounts": ACCOUNTS_SPEC,
            "recovery_instance_ids": {"type": "list", "elements": "str"},
            "source_server_ids": {"type": "list", "elements": "str"},
            "tags": {"type": "dict"},
            "run_id": {"type": "str"},
            "ec2": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
