#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audit and apply the tags of source servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drs_source_server_tags
short_description: Audit and apply the tags of source servers of AWS Elastic Disaster Recovery
version_added: 0.1.0
description:
  - Brings the tags of many source servers to a policy in one task, and reports what the policy still has against them.
  - Values come from constants, inventory variables and the tags of the EC2 source instances. These are read in bulk in
    the account and Region in which each instance runs.
  - Everything is checked for every server before the first tag is written. Servers that have their tags already cost
    nothing.
  - Tags of AWS, of DRS (C(aws:), C(AWSElasticDisasterRecovery), C(drs.amazonaws.com)) and of this collection (C(dr:))
    are never removed.
  - Tags of what is launched are in the launch templates. Hand RV(launch_tags) to
    M(disaster_recovery.aws.drs_launch_configuration), which writes them together with everything else there.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
  - disaster_recovery.aws.accounts
  - disaster_recovery.aws.selector
  - disaster_recovery.aws.tag_policy
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) writes what differs and reports what is left.
      - V(audit) writes nothing and reports what the policy has against the tags as they are, those of source servers
        and those that the default version of each launch template gives instance, volumes and network interfaces.
    type: str
    choices: [present, audit]
    default: present
  tags:
    description:
      - Constants, the short form of a policy. Every selected server must have these tags.
      - At least one of O(tags) and O(tag_policy) is required. With both, no key may be in both.
    type: dict
  purge_tags:
    description:
      - Whether all other tags are removed, as O(tag_policy.purge_tags). Groups of plans may select by them.
    type: bool
    default: false
  server_variables:
    description:
      - Inventory variables of servers by server key, for O(tag_policy.tags[].variable).
      - The filter P(disaster_recovery.aws.server_variables#filter) collects them from C(hostvars).
    type: dict
    default: {}
seealso:
  - module: disaster_recovery.aws.drs_source_server_info
  - module: disaster_recovery.aws.drs_launch_configuration
  - plugin: disaster_recovery.aws.server_variables
    plugin_type: filter
  - name: Tag naming limits and requirements
    description: What AWS accepts.
    link: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
"""

EXAMPLES = r"""
- name: Set the same tags on all source servers
  disaster_recovery.aws.drs_source_server_tags:
    region: us-west-2
    tags:
      Owner: dr-team
      CostCenter: "4711"

- name: Give one server a key of its own
  disaster_recovery.aws.drs_source_server_tags:
    region: us-west-2
    match:
      source_server_ids: [s-paydb100000000001]
    tags:
      dr:server-key: pay-db-1

- name: Apply a policy whose values come from several places
  disaster_recovery.aws.drs_source_server_tags:
    region: us-west-2
    accounts: "{{ dr_accounts | default([]) }}"
    tag_policy:
      tags:
        - {key: Owner, value: dr-team}
        - {key: CostCenter, variable: cost_center, ec2_tag: CostCenter, pattern: "[0-9]{4}"}
        - {key: Environment, ec2_tag: Environment, default: production, allowed: [production, staging]}
        - {key: Application, ec2_tag: Application}
    server_variables:
      pay-db-1.example.internal: {cost_center: "4711"}

- name: Fail when a server does not keep the policy
  disaster_recovery.aws.drs_source_server_tags:
    region: us-west-2
    state: audit
    tag_policy: "{{ dr_tag_policy }}"
  register: audit
  failed_when: audit is failed or audit.findings | length > 0
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
    sources:
      description:
        - Where the value of each tag of the policy comes from, C(constant), C(variable), C(ec2_tag), C(default) or
          C(source_server), which means that the server keeps its own.
      returned: always
      type: dict
      sample: {Owner: constant, CostCenter: ec2_tag}
    to_set:
      description: Tags that differ from the policy and were, or with O(state=audit) would be, set.
      returned: always
      type: dict
    to_remove:
      description: Keys that were, or with O(state=audit) would be, removed.
      returned: always
      type: list
      elements: str
    error:
      description: Why its tags could not be changed.
      returned: on failure
      type: str
findings:
  description: What the policy has against the servers, after the task or, with O(state=audit), as they are.
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
    key:
      description: Key of the tag as the policy spells it; empty when the finding is about all tags.
      returned: always
      type: str
    kind:
      description:
        - C(missing), a required tag has no value.
        - C(not_allowed), a value is none that the policy allows.
        - C(case), there is a tag whose key differs from that of the policy only in case.
        - C(unreadable), the EC2 instance that has the value, or the launch template, could not be read.
        - C(limit), an instance has not room for all tags.
      returned: always
      type: str
    what:
      description: What was found.
      returned: always
      type: str
    remedy:
      description: What to do.
      returned: always
      type: str
summary:
  description: What the task did, for one line of a table.
  returned: always
  type: dict
  contains:
    servers:
      description: Servers that were selected.
      returned: always
      type: int
    changed:
      description: Servers whose tags were changed.
      returned: always
      type: int
    skipped:
      description: Servers that were left out, which is none.
      returned: always
      type: int
    problems:
      description: What could not be written, and every finding, a line each.
      returned: always
      type: list
      elements: str
launch_tags:
  description:
    - Tags that each server must be launched with, by source server id, for the option C(server_tags) of
      M(disaster_recovery.aws.drs_launch_configuration).
    - C(purge) says whether its template may have no others. It is false where a source of the policy could not be used.
  returned: always
  type: dict
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import (
    ACCOUNTS_SPEC,
    MATCH_SPEC,
    TAG_POLICY_SPEC,
    Clients,
    run_module,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import (
    get_launch_configuration,
    tag_resource,
    untag_resource,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instance_tags import read_instance_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_templates import read_defaults
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers, for_each
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import summary as listed
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import DISCONNECTED, selected_servers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import launched_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_policy import (
    Ec2Tags,
    Resolution,
    TagPolicy,
    findings,
    launch_tags,
    parse_server_variables,
    parse_tag_policy,
    resolve,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_rules import (
    UNREADABLE,
    TagFinding,
    judge_each,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tags import TagChanges, must_remove_first

NOTHING = TagChanges({}, ())


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Bring the tags of the selected servers to the policy, or only judge them."""
    audit = params["state"] == "audit"
    policy, variables = _read_options(params)
    accounts = parse_accounts(params["accounts"], where="accounts")
    drs = clients("drs")
    selected = selected_servers(drs, params["match"], unique_keys=False)
    servers = {server.source_server_id: server for server in selected}
    ec2 = read_instance_tags(servers.values(), AccountClients(clients, accounts)) if policy.asks_ec2 else {}
    resolutions = _resolve(policy, servers, variables, ec2)

    wanted = {server_id: resolution.changes for server_id, resolution in resolutions.items()}
    to_write = {} if audit else {server_id: change for server_id, change in wanted.items() if change.any}
    done, errors = (to_write, {}) if check_mode else _write(drs, servers, to_write)
    after = {server_id: done.get(server_id, NOTHING).applied(server.tags) for server_id, server in servers.items()}
    changed = {server_id for server_id, server in servers.items() if after[server_id] != server.tags}
    launched = _judge_templates(policy, drs, clients("ec2"), servers) if audit else {}
    found = [
        {"server_key": server.key, "source_server_id": server_id, **asdict(finding)}
        for server_id, server in servers.items()
        for finding in (
            *findings(policy, resolutions[server_id], after[server_id]),
            *launched.get(server_id, ()),
        )
    ]
    answer: dict[str, Any] = {
        "changed": bool(changed),
        "source_servers": [
            {
                "server_key": server.key,
                "source_server_id": server_id,
                "changed": server_id in changed,
                "tags": after[server_id],
                "sources": resolutions[server_id].sources,
                "to_set": wanted[server_id].to_set,
                "to_remove": list(wanted[server_id].to_remove),
                **({"error": str(errors[server_id])} if server_id in errors else {}),
            }
            for server_id, server in servers.items()
        ],
        "findings": found,
        "launch_tags": {
            server_id: launch_tags(policy, resolution).to_document() for server_id, resolution in resolutions.items()
        },
        "summary": summary(
            servers=len(servers),
            changed=len(changed),
            problems=[
                *(f"{_name(servers[server_id])}: {error}" for server_id, error in errors.items()),
                *(f"{one['server_key']}: {one['what']}: {one['remedy']}" for one in found),
            ],
        ),
        "diff": {
            "before": {_name(server): dict(server.tags) for key, server in servers.items() if key in changed},
            "after": {_name(server): after[key] for key, server in servers.items() if key in changed},
        },
    }
    if errors:
        answer |= {"failed": True, "msg": f"tags of {len(errors)} source servers were not set: {listed(errors)}"}
    return answer


def _read_options(params: Mapping[str, Any]) -> tuple[TagPolicy, dict[str, dict[str, str]]]:
    declared = params["tag_policy"]
    if params["purge_tags"]:
        declared = {**(declared or {}), "purge_tags": True}
    policy = parse_tag_policy(declared, params["tags"], where="tag_policy", constants_where="tags")
    return policy, parse_server_variables(params["server_variables"], where="server_variables")


def _resolve(
    policy: TagPolicy,
    servers: Mapping[str, SourceServer],
    variables: Mapping[str, Mapping[str, str]],
    ec2: Mapping[str, Ec2Tags],
) -> dict[str, Resolution]:
    problems = Problems()
    resolutions = {}
    for server_id, server in servers.items():
        own = variables.get(server.key, {})
        try:
            resolutions[server_id] = resolve(
                policy, server.tags, variables=own, ec2=ec2.get(server_id), where=_name(server)
            )
        except DeclarationError as error:
            problems.extend(error.problems)
    problems.raise_if_any()
    return resolutions


def _judge_templates(
    policy: TagPolicy, drs: Any, ec2: Any, servers: Mapping[str, SourceServer]
) -> dict[str, list[TagFinding]]:
    """Return what the policy has against the default version of every server's launch template.

    A server that DRS only remembers has no launch template.
    """
    pacers = Pacers()
    rules = [rule.for_gate() for rule in policy.rules]

    def template_of(server_id: str, _server: SourceServer) -> str:
        pacers.take("GetLaunchConfiguration")
        return str(get_launch_configuration(drs, server_id).get("ec2LaunchTemplateID", ""))

    live = {key: server for key, server in servers.items() if server.replication_state != DISCONNECTED}
    templates = for_each(live, template_of)
    defaults = read_defaults(ec2, list(filter(None, templates.results.values())), pacers)
    found = {
        server_id: [
            TagFinding("", UNREADABLE, f"its launch template is unknown: {error}", "repair that, then audit again")
        ]
        for server_id, error in templates.errors.items()
    }
    for server_id, template_id in templates.results.items():
        if template_id in defaults:
            launched = launched_tags(defaults[template_id].data)
            found[server_id] = judge_each(rules, launched, f"its launch template {template_id}")
        else:
            what = f"there is no launch template {template_id}" if template_id else "it has no launch template yet"
            found[server_id] = [TagFinding("", UNREADABLE, what, "wait until DRS has made it, then audit again")]
    return found


def _write(
    drs: Any, servers: Mapping[str, SourceServer], changes: Mapping[str, TagChanges]
) -> tuple[dict[str, TagChanges], dict[str, AwsError]]:
    """Write the changes; return what was done to each server, and why not everything was."""
    done: dict[str, TagChanges] = {}
    pacers = Pacers()

    def set_tags(server: SourceServer, change: TagChanges) -> None:
        if change.to_set:
            pacers.take("TagResource")
            tag_resource(drs, server.arn, change.to_set)
        done[server.source_server_id] = TagChanges(change.to_set, done.get(server.source_server_id, NOTHING).to_remove)

    def remove_tags(server: SourceServer, change: TagChanges) -> None:
        if change.to_remove:
            pacers.take("UntagResource")
            untag_resource(drs, server.arn, change.to_remove)
        done[server.source_server_id] = TagChanges(done.get(server.source_server_id, NOTHING).to_set, change.to_remove)

    def write(server_id: str, change: TagChanges) -> None:
        server = servers[server_id]
        steps = [set_tags, remove_tags]
        for step in reversed(steps) if must_remove_first(server.tags, change) else steps:
            step(server, change)

    errors = for_each(changes, write).errors
    return done, errors


def _name(server: SourceServer) -> str:
    return f"{server.key} ({server.source_server_id})"


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "state": {"type": "str", "choices": ["present", "audit"], "default": "present"},
            "match": MATCH_SPEC,
            "tags": {"type": "dict"},
            "tag_policy": TAG_POLICY_SPEC,
            "purge_tags": {"type": "bool", "default": False},
            "server_variables": {"type": "dict", "default": {}},
            "accounts": ACCOUNTS_SPEC,
        },
        run,
        needs_drs=True,
        required_one_of=[("tags", "tag_policy")],
    )


if __name__ == "__main__":
    main()
