#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set tags of source servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_source_server_tags
short_description: Set tags of source servers of AWS Elastic Disaster Recovery
version_added: 0.1.0
description:
  - Gives many source servers the same tags in one task. Servers that have them already cost nothing.
  - Tags of AWS and of DRS itself (C(aws:), C(AWSElasticDisasterRecovery), C(drs.amazonaws.com)) are never removed.
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
    support: full
  idempotent:
    support: full
options:
  tags:
    description: Tags that every selected server must have.
    type: dict
    required: true
  purge_tags:
    description: Whether all other tags are removed. Groups of plans and the server key may be among them.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.drs_source_server_info
  - module: disaster_recovery.aws.drs_launch_configuration
    description: Sets the mandatory tags of what is launched.
"""

EXAMPLES = r"""
- name: Set the mandatory tags of all source servers
  disaster_recovery.aws.drs_source_server_tags:
    region: us-west-2
    tags:
      Owner: dr-team
      CostCenter: "4711"

- name: Give one server a key of its own
  disaster_recovery.aws.drs_source_server_tags:
    region: us-west-2
    match:
      source_server_ids: [s-1a2b3c4d5e6f7a8b9]
    tags:
      dr:server-key: pay-db-1
"""

RETURN = r"""
source_servers:
  description: The selected source servers, ordered by server key.
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
      description: Whether its tags were changed.
      returned: always
      type: bool
    tags:
      description: Its tags afterwards.
      returned: always
      type: dict
    error:
      description: Why its tags could not be changed.
      returned: on failure
      type: str
"""

from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import MATCH_SPEC, Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import tag_resource, untag_resource
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers, for_each, summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import parse_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import (
    DeclarationError,
    Problem,
    Problems,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tags import (
    TagChanges,
    merge_changes,
)


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Bring the tags of the selected servers to what is wanted."""
    drs = clients("drs")
    wanted = parse_tags(params["tags"], where="tags")
    selected = selected_servers(drs, params["match"], unique_keys=False)
    servers = {server.source_server_id: server for server in selected}
    changes = _changes(servers, wanted, purge=params["purge_tags"])
    to_write = {server_id: change for server_id, change in changes.items() if change.any}
    pacers = Pacers()

    def write(server_id: str, change: TagChanges) -> None:
        if change.to_set:
            pacers.take("TagResource")
            tag_resource(drs, servers[server_id].arn, change.to_set)
        if change.to_remove:
            pacers.take("UntagResource")
            untag_resource(drs, servers[server_id].arn, change.to_remove)

    errors = {} if check_mode else for_each(to_write, write).errors
    results = [_result(server, changes[server_id], errors.get(server_id)) for server_id, server in servers.items()]
    diff = {
        "before": {_name(servers[server_id]): dict(servers[server_id].tags) for server_id in to_write},
        "after": {_name(servers[server_id]): _after(servers[server_id], to_write[server_id]) for server_id in to_write},
    }
    answer = {"changed": bool(to_write.keys() - errors.keys()), "source_servers": results, "diff": diff}
    if errors:
        answer |= {"failed": True, "msg": f"tags of {len(errors)} source servers were not set: {summary(errors)}"}
    return answer


def _changes(servers: dict[str, SourceServer], wanted: dict[str, str], *, purge: bool) -> dict[str, TagChanges]:
    problems = Problems()
    changes = {}
    for server_id, server in servers.items():
        try:
            changes[server_id] = merge_changes(server.tags, wanted, purge=purge)
        except DeclarationError as error:
            problems.extend(
                Problem(f"{_name(server)}: {problem.value}", problem.where, problem.remedy)
                for problem in error.problems
            )
    problems.raise_if_any()
    return changes


def _name(server: SourceServer) -> str:
    return f"{server.key} ({server.source_server_id})"


def _after(server: SourceServer, change: TagChanges) -> dict[str, str]:
    kept = {name: value for name, value in server.tags.items() if name not in change.to_remove}
    return {**kept, **change.to_set}


def _result(server: SourceServer, change: TagChanges, error: Exception | None) -> dict[str, Any]:
    result = {"server_key": server.key, "source_server_id": server.source_server_id}
    if error is not None:
        return {**result, "changed": False, "tags": dict(server.tags), "error": str(error)}
    return {**result, "changed": change.any, "tags": _after(server, change)}


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "match": MATCH_SPEC,
            "tags": {"type": "dict", "required": True},
            "purge_tags": {"type": "bool", "default": False},
        },
        run,
        needs_drs=True,
    )


if __name__ == "__main__":
    main()
