# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which source servers of staging accounts are to be extended into this one, and what has to be done for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Problem, Problems
from .fields import Fields, members_of, text_map
from .source_servers import SourceServer
from .tags import MAX_TAGS, RESERVED_PREFIX

EXTENSION_ERROR = "EXTENSION_ERROR"

KINDS = ("all", "tags", "source_server_arns")

MOST_STAGING_ACCOUNTS = 100
"""Trusted accounts of a DRS account. Source: Elastic Disaster Recovery User Guide, "Service quotas"."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One entry of C(dr_extended_source_servers): everything, or what has the tags, or what is listed.

    Attributes:
        where: Where it was declared, for messages.
        account_id: The staging account.
        everything: Whether all source servers of the staging account are meant.
        tags: Tags that a source server of the staging account must have, all of them.
        arns: ARNs of source servers of the staging account.
    """

    where: str
    account_id: str
    everything: bool
    tags: Mapping[str, str]
    arns: frozenset[str]

    def selects(self, arn: str, tags: Mapping[str, str]) -> bool:
        """Whether the source server C(arn), of any staging account, with these tags, is meant."""
        if arn.split(":")[4] != self.account_id:
            return False
        if self.arns:
            return arn in self.arns
        return self.everything or all(tags.get(key) == value for key, value in self.tags.items())


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do. Keys are ARNs of staging source servers.

    Attributes:
        to_extend: What the staging accounts offer and is declared (items of ListExtensibleSourceServers).
        kept: Extended servers that are declared and work.
        broken: Extended servers that are declared and in C(EXTENSION_ERROR).
        undeclared: Extended servers that no declaration selects.
    """

    to_extend: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kept: Mapping[str, SourceServer] = field(default_factory=dict)
    broken: Mapping[str, SourceServer] = field(default_factory=dict)
    undeclared: Mapping[str, SourceServer] = field(default_factory=dict)


def parse_extensions(raw: Any, *, where: str = "dr_extended_source_servers") -> tuple[Extension, ...]:
    """Read the declared extensions; None declares nothing.

    Raises:
        DeclarationError: Naming every problem: bad account ids, ARNs of other accounts, not just one kind of selector.
    """
    problems = Problems()
    extensions = [_parse(member, place, problems) for place, member in members_of(raw, where, problems)]
    problems.raise_if_any()
    return tuple(extensions)


def _parse(raw: Any, where: str, problems: Problems) -> Extension:
    fields = Fields(raw, where, problems, ("staging_account_id", *KINDS))
    account_id = fields.text(
        "staging_account_id", pattern="[0-9]{12}", remedy="must be an account id of 12 digits, in quotes"
    )
    everything = fields.boolean("all", False)
    tags = text_map(fields.value("tags"), fields.at("tags"), problems)
    arns = fields.texts(
        "source_server_arns",
        (),
        pattern=rf"arn:[^:]+:drs:[^:]+:{account_id}:source-server/s-[0-9a-zA-Z]{{17}}",
        remedy=f"must be the ARN of a source server of account {account_id}",
    )
    if isinstance(raw, Mapping) and [everything, bool(tags), bool(arns)].count(True) != 1:
        problems.add(dict(raw), where, "give one of all: true, tags and source_server_arns, and not empty")
    return Extension(where, account_id, everything, tags, frozenset(arns))


def scope_problems(wanted: Sequence[Extension], own_account_id: str, region: str) -> list[Problem]:
    """Return the declarations that cannot be meant: this account as its own staging account, ARNs of other Regions."""
    problems = Problems()
    for element in wanted:
        if element.account_id == own_account_id:
            remedy = "is the account of these credentials: its servers need no extension, name the staging account"
            problems.add(element.account_id, f"{element.where}.staging_account_id", remedy)
        for arn in sorted(element.arns):
            if arn.split(":")[3] != region:
                remedy = f"is in another Region: only servers that replicate to {region} can be extended here"
                problems.add(arn, f"{element.where}.source_server_arns", remedy)
    return list(problems)


def make_plan(
    wanted: Sequence[Extension],
    present: Mapping[str, SourceServer],
    offered: Mapping[str, Mapping[str, Any]],
    staging_tags: Mapping[str, Mapping[str, str]],
) -> Plan:
    """Compare what is declared with what is extended and what is offered.

    Args:
        wanted: The declaration.
        present: Extended servers of this account and Region, by the ARN of their staging server.
        offered: Items of ListExtensibleSourceServers of all declared staging accounts, by ARN.
        staging_tags: Tags of staging servers, by ARN, where they are known; an extended server whose staging server's
            tags are not known is selected by its own, which are a copy.

    Raises:
        DeclarationError: A declaration selects nothing, or lists a server that is neither extended nor offered.
    """
    listed = {arn for element in wanted for arn in element.arns}
    by_account: dict[str, list[Extension]] = {}
    for element in wanted:
        if not element.arns:
            by_account.setdefault(element.account_id, []).append(element)
    used: set[str] = set()

    def is_declared(arn: str, tags: Mapping[str, str]) -> bool:
        selecting = [element for element in by_account.get(arn.split(":")[4], ()) if element.selects(arn, tags)]
        used.update(element.where for element in selecting)
        return bool(selecting) or arn in listed

    declared = {arn for arn, server in present.items() if is_declared(arn, staging_tags.get(arn, server.tags))}
    new = {arn: item for arn, item in offered.items() if arn not in present and is_declared(arn, item.get("tags", {}))}
    problems = Problems()
    for element in wanted:
        for arn in sorted(element.arns - declared - new.keys()):
            remedy = "the staging account does not offer this source server for extension: correct or remove it"
            problems.add(arn, f"{element.where}.source_server_arns", remedy)
        if not element.arns and element.where not in used:
            value = dict(element.tags) if element.tags else True
            remedy = f"no source server of {element.account_id} {'has these' if element.tags else 'can be extended'}"
            problems.add(value, f"{element.where}.{'tags' if element.tags else 'all'}", remedy)
    problems.raise_if_any()
    return Plan(
        to_extend=new,
        kept={arn: present[arn] for arn in declared if present[arn].extension_status != EXTENSION_ERROR},
        broken={arn: present[arn] for arn in declared if present[arn].extension_status == EXTENSION_ERROR},
        undeclared={arn: server for arn, server in present.items() if arn not in declared},
    )


def selected(wanted: Sequence[Extension], present: Mapping[str, SourceServer]) -> dict[str, SourceServer]:
    """Return the extended servers that a declaration selects, by their own tags: their staging servers may be gone."""
    return {
        arn: server for arn, server in present.items() if any(element.selects(arn, server.tags) for element in wanted)
    }


def tags_of_new(item: Mapping[str, Any], more: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a new extended server: those of its staging server that may be copied, and C(more)."""
    copied = {key: text for key, text in item.get("tags", {}).items() if not key.lower().startswith(RESERVED_PREFIX)}
    return {**copied, **more}


def quota_problems(
    *,
    servers: int,
    adding: int,
    most_servers: int,
    staging_accounts: int,
    most_staging_accounts: int,
) -> list[Problem]:
    """Return the quotas of the target account that the extensions would exceed.

    Args:
        servers: Source servers that the account and Region has, extended ones included.
        adding: How many would be added.
        most_servers: Quota of total source servers (L-E28BE5E0).
        staging_accounts: Staging accounts that it would have.
        most_staging_accounts: How many trusted accounts a DRS account may have.
    """
    problems = Problems()
    if servers + adding > most_servers:
        problems.add(
            f"{servers} source servers and {adding} more",
            "quota L-E28BE5E0",
            f"this account and Region may have {most_servers}: raise the quota, or delete source servers",
        )
    if staging_accounts > most_staging_accounts:
        problems.add(
            f"{staging_accounts} staging accounts",
            "max_staging_accounts",
            f"a DRS account has at most {most_staging_accounts} trusted accounts: extend from fewer",
        )
    return list(problems)


def tag_count_problems(new: Mapping[str, Mapping[str, str]]) -> list[Problem]:
    """Return the new servers that would have more tags than a resource may have.

    Args:
        new: Tags by ARN of the staging server.
    """
    problems = Problems()
    for arn, tags in new.items():
        if len(tags) > MAX_TAGS:
            remedy = f"would have {len(tags)} tags, a resource has at most {MAX_TAGS}: give fewer tags"
            problems.add(arn, "tags", remedy)
    return list(problems)
