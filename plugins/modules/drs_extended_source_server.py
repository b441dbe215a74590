#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Extend source servers of staging accounts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_extended_source_server
short_description: Extend source servers of staging accounts into this account
version_added: 0.1.0
description:
  - A source server that replicates in a staging account gets a view, an extended source server, in the account of the
    credentials, and can be recovered there.
  - Servers that are extended already are found by the ARN of their staging server. A new source server gets the tags of
    the one that it extends, so that groups of plans match both, and O(tags).
  - Everything that can be checked is checked before the first write, and all problems are told at once. Then servers
    are extended independently of one another; those that fail are named.
  - The credentials alone are enough to check the role C(service-role/DRSStagingAccountRole_ACCOUNT) of the staging
    account and its trust, and that Elastic Disaster Recovery is initialised in both accounts, by the answer of
    ListExtensibleSourceServers; the quota of source servers; and the number of staging accounts.
  - A role of the staging account in O(accounts) is needed to check the reason of a refusal, the policy of the role,
    whether a server's volumes use the default EBS key, which cannot be shared, and whether the customer managed key
    exists, is enabled and is shared by its policy.
  - What could not be checked is in RV(checks) as V(not_checked), with the reason, and gives a warning, in check mode
    too. Of a server whose volumes use the default EBS key only a role of the staging account tells before the first
    write; without it, DRS refuses that server, and the others are extended.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.accounts
  - disaster_recovery.aws.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  extended_source_servers:
    description: What to extend, by staging account. May be empty to delete all extensions with O(purge).
    type: list
    elements: dict
    required: true
    suboptions:
      staging_account_id:
        description: Account in which the servers replicate, required.
        type: str
      all:
        description:
          - All source servers of the staging account.
          - Exactly one of this, O(extended_source_servers[].tags) and O(extended_source_servers[].source_server_arns)
            is required.
        type: bool
      tags:
        description: Tags that a source server of the staging account must have.
        type: dict
      source_server_arns:
        description: ARNs of source servers of the staging account.
        type: list
        elements: str
  tags:
    description: More tags of the new source servers.
    type: dict
    default: {}
  repair:
    description:
      - Repair extensions in state V(EXTENSION_ERROR), which are only reported otherwise.
      - Such an extension stays as it is until it is deleted. Where the staging server exists, it is deleted and made
        again with its tags; it gets a new source server id, and its launch settings have to be configured again.
        Where the staging server is gone, there is nothing left to recover, and the extension is deleted.
      - Needs a role of the staging account in O(accounts), to tell one from the other.
      - An extension whose recovery instance exists is not touched.
    type: bool
    default: false
  purge:
    description:
      - Delete extensions that no element of O(extended_source_servers) selects, also those of other staging accounts.
      - Where an element selects by tags, the tags of the staging servers count, so that a role of that account is
        needed in O(accounts).
      - An extension whose recovery instance exists is not deleted.
    type: bool
    default: false
  max_staging_accounts:
    description: How many staging accounts one account may extend from. AWS documents 100 trusted accounts per account.
    type: int
    default: 100
  state:
    description:
      - V(present) extends what is not extended yet.
      - V(absent) deletes extended source servers; their staging servers are not touched. Tags are then those of the
        extended source server. An extension whose recovery instance exists is not deleted.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: disaster_recovery.aws.drs_source_server_info
  - name: Multi-account support of AWS Elastic Disaster Recovery
    description: How staging accounts are set up.
    link: https://docs.aws.amazon.com/drs/latest/userguide/multi-account.html
"""

EXAMPLES = r"""
- name: Extend the servers of the warehouse
  disaster_recovery.aws.drs_extended_source_server:
    region: us-west-2
    extended_source_servers:
      - staging_account_id: "111111111111"
        tags:
          Application: warehouse

- name: Extend all servers, look at the keys of the staging account first, and clean up what is broken or not declared
  disaster_recovery.aws.drs_extended_source_server:
    region: us-west-2
    extended_source_servers:
      - staging_account_id: "111111111111"
        all: true
    accounts:
      - account_id: "111111111111"
        regions: [us-west-2]
        role_arn: arn:aws:iam::111111111111:role/disaster-recovery-reader
    repair: true
    purge: true

- name: Stop extending one server
  disaster_recovery.aws.drs_extended_source_server:
    region: us-west-2
    state: absent
    extended_source_servers:
      - staging_account_id: "111111111111"
        source_server_arns:
          - arn:aws:drs:us-west-2:111111111111:source-server/s-whweb200000000001
"""

RETURN = r"""
extended_source_servers:
  description: The source servers that were asked for, and those that were deleted.
  returned: always
  type: list
  elements: dict
  contains:
    staging_arn:
      description: Source server of the staging account.
      returned: always
      type: str
    staging_account_id:
      description: The staging account.
      returned: always
      type: str
    source_server_id:
      description: The extended source server; null while it does not exist.
      returned: always
      type: str
    server_key:
      description: Its server key; null while it does not exist.
      returned: always
      type: str
    status:
      description: V(EXTENDED), V(EXTENSION_ERROR), or V(absent).
      returned: always
      type: str
    extension_error:
      description: What DRS says of an extension in V(EXTENSION_ERROR).
      returned: when the extension is broken
      type: str
    action:
      description: What was done, V(none), V(extended), V(repaired) or V(deleted).
      returned: always
      type: str
    changed:
      description: Whether something was done.
      returned: always
      type: bool
    error:
      description: Why it could not be done.
      returned: on failure
      type: str
summary:
  description: Counts for a table, how many C(servers), C(changed), C(skipped), and the C(problems), a line each.
  returned: always
  type: dict
checks:
  description: What was checked in the staging accounts before anything was written.
  returned: when O(state=present)
  type: list
  elements: dict
  contains:
    account_id:
      description: The staging account.
      returned: always
      type: str
    subject:
      description: >-
        V(access) to its servers; its V(role), the V(trust) and the V(policy) of that; V(encryption) of servers, and the
        V(key) that encrypts them. Policy, encryption and key are looked at when something is to be extended.
      returned: always
      type: str
    result:
      description: V(passed) or V(not_checked); a V(failed) one ends the module.
      returned: always
      type: str
    detail:
      description: What was found, or why it was not checked.
      returned: always
      type: str
    servers:
      description: ARNs of the staging servers that it is about; empty for the account as a whole.
      returned: always
      type: list
      elements: str
quota:
  description: Source servers of this account and Region, before anything was written.
  returned: when something is to be extended
  type: dict
  contains:
    source_servers:
      description: How many there are, extended ones included.
      returned: always
      type: int
    adding:
      description: How many are to be added.
      returned: always
      type: int
    limit:
      description: How many there may be.
      returned: always
      type: int
    source:
      description: Where the limit is from.
      returned: always
      type: str
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import ACCOUNTS_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.extended_servers import (
    by_staging_arn,
    delete_extensions,
    extend_servers,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.extension_preparation import Preparation
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.staging_accounts import StagingAccess
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary as counts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import parse_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extension_work import (
    ABSENT,
    Work,
    add_repairs,
    removal_of,
    results_of,
    work_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extensions import (
    MOST_STAGING_ACCOUNTS,
    make_plan,
    parse_extensions,
    scope_problems,
    selected,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.staging_access import NOT_CHECKED, Check


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Extend the servers, or delete the extended ones."""
    given = [
        {name: value for name, value in item.items() if value is not None} for item in params["extended_source_servers"]
    ]
    wanted = parse_extensions(given)
    more_tags = parse_tags(params["tags"], where="tags")
    accounts = parse_accounts(params["accounts"])
    drs = clients("drs")
    region = str(drs.meta.region_name)
    access = StagingAccess(AccountClients(clients, accounts), accounts, region)
    problems = Problems()
    problems.extend(scope_problems(wanted, access.target_account, region))
    problems.raise_if_any()
    extended = by_staging_arn(drs)
    if params["state"] == "absent":
        to_delete = selected(wanted, extended)
        return _do(removal_of(to_delete), drs, to_delete, check_mode)
    before = Preparation(drs, access, wanted, extended)
    offered = before.read_offers()
    problems.extend(before.failed_checks())
    problems.raise_if_any()
    staging = before.read_staging_servers(repair=params["repair"], purge=params["purge"])
    tags = {arn: server.tags for servers in staging.values() for arn, server in servers.items()}
    plan = make_plan(wanted, extended, offered, tags)
    work = work_of(plan, more_tags, purge=params["purge"])
    if params["repair"]:
        add_repairs(work, plan.broken, staging, before.unreadable, more_tags)
    quota = before.check(work, lambda: clients("service-quotas"), params["max_staging_accounts"])
    of_interest = {**plan.kept, **plan.broken, **(plan.undeclared if params["purge"] else {})}
    answer = _do(work, drs, of_interest, check_mode)
    answer["checks"] = [asdict(check) for check in before.checks]
    answer["warnings"] = [*_not_checked(before.checks), *answer["warnings"]]
    return {**answer, "quota": quota} if quota else answer


def _do(work: Work, drs: Any, present: Mapping[str, SourceServer], check_mode: bool) -> dict[str, Any]:
    errors = {arn: AwsError(reason) for arn, reason in work.refused.items()}
    if not check_mode:
        errors |= delete_extensions(drs, work.delete).errors
    to_extend = {arn: tags for arn, tags in work.extend.items() if arn not in errors}
    made: Mapping[str, SourceServer] = {}
    deleted = work.delete.keys() - errors.keys()
    if not check_mode:
        outcomes = extend_servers(drs, to_extend)
        made = outcomes.results
        errors |= outcomes.errors
    extended = to_extend.keys() - errors.keys()
    messages = {arn: error.message for arn, error in errors.items()}
    results = results_of(work, present, made, extended, deleted, messages)
    broken = [
        f"{result['staging_arn']} is broken ({result['status']}): {result['extension_error']}"
        for result in results
        if "extension_error" in result
    ]
    answer = {
        "changed": bool(deleted or extended),
        "extended_source_servers": results,
        "diff": {
            "before": {arn: server.extension_status for arn, server in sorted(present.items())},
            "after": {result["staging_arn"]: result["status"] for result in results if result["status"] != ABSENT},
        },
        "summary": counts(
            servers=len(results),
            changed=sum(result["changed"] for result in results),
            problems=[f"{arn}: {text}" for arn, text in sorted(messages.items())] + broken,
        ),
        "warnings": broken,
    }
    if errors:
        text = f"{len(errors)} of {len(results)} extended source servers are not as declared: {summary(errors)}"
        answer |= {"failed": True, "msg": text}
    return answer


def _not_checked(checks: Sequence[Check]) -> list[str]:
    return [
        f"staging account {check.account_id}, {check.subject}"
        f"{f' of {len(check.servers)} servers' if check.servers else ''} was not checked: {check.detail}"
        for check in checks
        if check.result == NOT_CHECKED
    ]


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "extended_source_servers": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "staging_account_id": {"type": "str"},
                    "all": {"type": "bool"},
                    "tags": {"type": "dict"},
                    "source_server_arns": {"type": "list", "elements": "str"},
                },
            },
            "tags": {"type": "dict", "default": {}},
            "accounts": ACCOUNTS_SPEC,
            "repair": {"type": "bool", "default": False},
            "purge": {"type": "bool", "default": False},
            "max_staging_accounts": {"type": "int", "default": MOST_STAGING_ACCOUNTS},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
