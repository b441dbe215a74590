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
  - The new source server gets the tags of the one that it extends, so that groups of plans match both, and O(tags).
  - The staging account needs the role C(service-role/DRSStagingAccountRole_ACCOUNT), and its servers must not use the
    default EBS key.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
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
    description: What to extend, by staging account.
    type: list
    elements: dict
    required: true
    suboptions:
      staging_account_id:
        description: Account in which the servers replicate, required.
        type: str
      tags:
        description:
          - Tags that a source server of the staging account must have.
          - Exclusive with O(extended_source_servers[].source_server_arns).
        type: dict
      source_server_arns:
        description: ARNs of source servers of the staging account.
        type: list
        elements: str
  tags:
    description: More tags of the new source servers.
    type: dict
    default: {}
  state:
    description:
      - V(present) extends what is not extended yet.
      - V(absent) deletes extended source servers; their staging servers are not touched. Tags are then those of the
        extended source server.
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

- name: Stop extending one server
  disaster_recovery.aws.drs_extended_source_server:
    region: us-west-2
    state: absent
    extended_source_servers:
      - staging_account_id: "111111111111"
        source_server_arns:
          - arn:aws:drs:us-west-2:111111111111:source-server/s-1a2b3c4d5e6f7a8b9
"""

RETURN = r"""
extended_source_servers:
  description: The source servers that were asked for.
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
    changed:
      description: Whether it was extended, or deleted, now.
      returned: always
      type: bool
    error:
      description: Why it could not be extended or deleted.
      returned: on failure
      type: str
"""

from collections.abc import Sequence
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import (
    create_extended_source_server,
    delete_source_server,
    list_extensible_source_servers,
    read_source_servers,
    to_source_server,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers, for_each, summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import parse_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import (
    Problems,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extensions import Extension, parse_extensions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Extend the servers, or delete the extended ones."""
    given = [
        {name: value for name, value in item.items() if value is not None} for item in params["extended_source_servers"]
    ]
    wanted = parse_extensions(given)
    more_tags = parse_tags(params["tags"], where="tags")
    drs = clients("drs")
    accounts = sorted({element.account_id for element in wanted})
    present = {
        server.staging_arn: server
        for server in (read_source_servers(drs, staging_account_ids=accounts) if accounts else [])
        if server.staging_arn is not None
    }
    if params["state"] == "absent":
        return _absent(drs, wanted, present, check_mode)
    return _present(drs, wanted, present, more_tags, check_mode)


def _present(
    drs: Any, wanted: Sequence[Extension], present: dict[str, SourceServer], more_tags: dict[str, str], check_mode: bool
) -> dict[str, Any]:
    accounts = sorted({element.account_id for element in wanted})
    extensible = {
        account_id: {item["arn"]: item for item in list_extensible_source_servers(drs, account_id)}
        for account_id in accounts
    }
    problems = Problems()
    kept: dict[str, SourceServer] = {}
    to_extend: dict[str, dict[str, Any]] = {}
    for element in wanted:
        there = {
            arn: server
            for arn, server in present.items()
            if server.staging_account_id == element.account_id and element.selects(arn, server.tags)
        }
        new = {
            arn: item
            for arn, item in extensible[element.account_id].items()
            if arn not in present and element.selects(arn, item.get("tags", {}))
        }
        for arn in sorted(element.arns - there.keys() - new.keys()):
            problems.add(arn, element.where, "the staging account does not offer this source server for extension")
        if element.tags and not there and not new:
            problems.add(
                dict(element.tags), f"{element.where}.tags", f"no source server of {element.account_id} has these"
            )
        kept |= there
        to_extend |= new
    problems.raise_if_any()
    pacers = Pacers()

    def extend(arn: str, item: dict[str, Any]) -> SourceServer:
        pacers.take("CreateExtendedSourceServer")
        copied = {key: value for key, value in item.get("tags", {}).items() if not key.startswith("aws:")}
        return to_source_server(create_extended_source_server(drs, arn, {**copied, **more_tags}))

    outcomes = for_each({} if check_mode else to_extend, extend)
    results = [_result(arn, server, changed=False) for arn, server in kept.items()]
    for arn in to_extend:
        error = outcomes.errors.get(arn)
        results.append(_result(arn, outcomes.results.get(arn), changed=error is None, error=error))
    done = set(to_extend) - set(outcomes.errors)
    answer = _answer(results, before=set(kept), after=set(kept) | set(to_extend), changed=bool(done))
    if outcomes.errors:
        failed = f"{len(outcomes.errors)} source servers were not extended: {summary(outcomes.errors)}"
        answer |= {"failed": True, "msg": failed}
    return answer


def _absent(
    drs: Any, wanted: Sequence[Extension], present: dict[str, SourceServer], check_mode: bool
) -> dict[str, Any]:
    to_delete = {
        arn: server
        for arn, server in present.items()
        if any(server.staging_account_id == item.account_id and item.selects(arn, server.tags) for item in wanted)
    }
    pacers = Pacers()

    def delete(_arn: str, server: SourceServer) -> None:
        pacers.take("DeleteSourceServer")
        delete_source_server(drs, server.source_server_id)

    errors = {} if check_mode else for_each(to_delete, delete).errors
    results = [
        _result(arn, server, changed=arn not in errors, error=errors.get(arn)) for arn, server in to_delete.items()
    ]
    changed = bool(to_delete.keys() - errors.keys())
    answer = _answer(results, before=set(to_delete), after=set(), changed=changed)
    if errors:
        answer |= {"failed": True, "msg": f"{len(errors)} source servers were not deleted: {summary(errors)}"}
    return answer


def _answer(results: list[dict[str, Any]], *, before: set[str], after: set[str], changed: bool) -> dict[str, Any]:
    return {
        "changed": changed,
        "extended_source_servers": sorted(results, key=lambda result: result["staging_arn"]),
        "diff": {"before": {"extended": sorted(before)}, "after": {"extended": sorted(after)}},
    }


def _result(arn: str, server: SourceServer | None, *, changed: bool, error: Exception | None = None) -> dict[str, Any]:
    result = {
        "staging_arn": arn,
        "staging_account_id": arn.split(":")[4],
        "source_server_id": server.source_server_id if server else None,
        "server_key": server.key if server else None,
        "changed": changed,
    }
    return {**result, "error": str(error)} if error else result


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
                    "tags": {"type": "dict"},
                    "source_server_arns": {"type": "list", "elements": "str"},
                },
            },
            "tags": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
