#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read jobs of AWS Elastic Disaster Recovery."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_job_info
short_description: Read jobs of AWS Elastic Disaster Recovery
version_added: 0.1.0
description:
  - Returns the jobs that launch and terminate recovery instances, with what became of every server, and their logs.
  - A job that is C(COMPLETED) is not a success. What counts is the launch status of each of its servers.
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
  job_ids:
    description: Ids of jobs. One that DRS does not know (any more) is not in the answer.
    type: list
    elements: str
  run_id:
    description: Only the jobs of this run of a plan, which their tag C(dr:run) names.
    type: str
  status:
    description: Only jobs with one of these statuses, as DRS names them (C(PENDING), C(STARTED), C(COMPLETED)).
    type: list
    elements: str
  created_after:
    description: Only jobs that were created since then (ISO 8601 with offset).
    type: str
  created_before:
    description: Only jobs that were created until then (ISO 8601 with offset).
    type: str
  log:
    description: Whether the whole log of every returned job is read.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.drs_recovery_instance_info
  - module: disaster_recovery.aws.dr_execution_info
"""

EXAMPLES = r"""
- name: Read the jobs of a run with their logs
  disaster_recovery.aws.drs_job_info:
    region: us-west-2
    run_id: first-failover
    log: true

- name: Read what is going on
  disaster_recovery.aws.drs_job_info:
    region: us-west-2
    status: [PENDING, STARTED]
"""

RETURN = r"""
jobs:
  description: The jobs, the newest first in every account and Region.
  returned: always
  type: list
  elements: dict
  contains:
    job_id:
      description: Id of the job.
      returned: always
      type: str
    arn:
      description: ARN of the job.
      returned: always
      type: str
    account_id:
      description: Account of the job.
      returned: always
      type: str
    region:
      description: Region of the job.
      returned: always
      type: str
    type:
      description: What it does.
      returned: always
      type: str
      sample: LAUNCH
    initiated_by:
      description: What started it.
      returned: always
      type: str
      sample: START_DRILL
    status:
      description: How far it is.
      returned: always
      type: str
      sample: COMPLETED
    created_at:
      description: When it was created.
      returned: always
      type: str
    ended_at:
      description: When it ended, null before.
      returned: always
      type: str
    run_id:
      description: Run that started it, null when none of this collection did.
      returned: always
      type: str
    tags:
      description: Its tags.
      returned: always
      type: dict
    servers:
      description: What became of every server. DRS may leave the list empty.
      returned: always
      type: list
      elements: dict
      contains:
        source_server_id:
          description: Id of the source server.
          returned: always
          type: str
        launch_status:
          description: How far it is.
          returned: always
          type: str
          sample: LAUNCHED
        recovery_instance_id:
          description: What was launched or terminated, null when DRS does not tell.
          returned: always
          type: str
        error:
          description: What the log says went wrong with it, empty when it says nothing.
          returned: with O(log=true)
          type: str
        launch_actions_status:
          description: Post-launch actions, as DRS tells them.
          returned: when DRS tells of them
          type: dict
    log:
      description: Its log, all pages, as DRS orders it.
      returned: with O(log=true)
      type: list
      elements: dict
      sample: [{event: LAUNCH_START, log_date_time: "2026-11-23T10:04:11.000000+00:00",
                event_data: {source_server_id: s-1a2b3c4d5e6f7a8b9}}]
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
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import for_each
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.scopes import read_scopes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import TAG_RUN, job_from_drs, with_errors
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.snake_case import snake_case
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time

Item = dict[str, Any]


def run(params: Item, clients: Clients, _check_mode: bool) -> Item:
    """Read the jobs."""
    times = _times(params)
    accounts = parse_accounts(params["accounts"], where="accounts")

    def read(reached: AccountClients, account_id: str, region: str) -> list[Item]:
        client = reached("drs", account_id, region)
        wanted = [item for item in _described(client, params["job_ids"], times) if _is_wanted(item, params)]
        logs: dict[str, list[Item]] = {}
        if params["log"]:
            ids = {item["jobID"]: item for item in wanted}
            read_logs = for_each(ids, lambda job_id, _item: drs.describe_job_log_items(client, job_id))
            logs = read_logs.raise_if_any("read job logs")
        place = {"account_id": account_id, "region": region}
        return [{**_result(item, logs.get(item["jobID"])), **place} for item in wanted]

    answers = read_scopes(clients, accounts, clients("drs").meta.region_name, read)
    return {"changed": False, "jobs": list(answers.found), "unread": list(answers.unread)}


def _times(params: Item) -> dict[str, str | None]:
    """Return the limits of the time of creation as DRS wants them."""
    problems = Problems()
    times: dict[str, str | None] = {}
    for option, name in (("created_after", "from_date"), ("created_before", "to_date")):
        text = params[option]
        times[name] = None
        if text is not None:
            try:
                times[name] = format_time(parse_time(text))
            except ValueError as error:
                problems.add(text, option, str(error))
    problems.raise_if_any()
    return times


def _described(client: Any, ids: list[str] | None, times: Mapping[str, str | None]) -> list[Item]:
    if ids is None:
        return drs.describe_jobs(client, **times)
    # DRS does not say that ids and times can be given together.
    first, last = times["from_date"], times["to_date"]
    return [
        item
        for item in drs.describe_jobs(client, ids=ids)
        if (first is None or format_time(parse_time(item["creationDateTime"])) >= first)
        and (last is None or format_time(parse_time(item["creationDateTime"])) <= last)
    ]


def _is_wanted(item: Item, params: Item) -> bool:
    of_run = params["run_id"] is None or item.get("tags", {}).get(TAG_RUN) == params["run_id"]
    return of_run and (params["status"] is None or item.get("status") in params["status"])


def _result(item: Item, log: list[Item] | None) -> Item:
    job = with_errors(job_from_drs(item), log or ())
    servers = []
    for participant in item.get("participatingServers", []):
        known = job.participants[participant.get("sourceServerID", "")]
        server: Item = {
            "source_server_id": known.source_server_id,
            "launch_status": known.launch_status,
            "recovery_instance_id": known.recovery_instance_id,
        }
        if log is not None:
            server["error"] = known.error
        if participant.get("launchActionsStatus"):
            server["launch_actions_status"] = snake_case(participant["launchActionsStatus"])
        servers.append(server)
    result: Item = {
        "job_id": job.job_id,
        "arn": item.get("arn", ""),
        "type": job.type,
        "initiated_by": job.initiated_by,
        "status": job.status,
        "created_at": format_time(job.created_at) if job.created_at else None,
        "ended_at": format_time(job.ended_at) if job.ended_at else None,
        "run_id": job.tags.get(TAG_RUN),
        "tags": dict(job.tags),
        "servers": servers,
    }
    return result if log is None else {**result, "log": [snake_case(line) for line in log]}


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "accounts": ACCOUNTS_SPEC,
            "job_ids": {"type": "list", "elements": "str"},
            "run_id": {"type": "str"},
            "status": {"type": "list", "elements": "str"},
            "created_after": {"type": "str"},
            "created_before": {"type": "str"},
            "log": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
