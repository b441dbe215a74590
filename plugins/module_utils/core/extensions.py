# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which source servers of staging accounts are to be extended into this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Problems
from .fields import Fields, members_of, text_map


@dataclass(frozen=True, slots=True)
class Extension:
    """One entry of C(dr_extended_source_servers): it has either tags or ARNs.

    Attributes:
        where: Where it was declared, for messages.
        tags: Tags that a source server of the staging account must have, all of them.
        arns: ARNs of source servers of the staging account.
    """

    where: str
    account_id: str
    tags: Mapping[str, str]
    arns: frozenset[str]

    def selects(self, arn: str, tags: Mapping[str, str]) -> bool:
        """Whether the source server C(arn) of the staging account, with these tags, is meant."""
        if self.arns:
            return arn in self.arns
        return all(tags.get(key) == value for key, value in self.tags.items())


def parse_extensions(raw: Any, *, where: str = "dr_extended_source_servers") -> tuple[Extension, ...]:
    """Read the declared extensions; None declares nothing.

    Raises:
        DeclarationError: Naming every problem: bad account ids, ARNs of other accounts, not just one of tags and ARNs.
    """
    problems = Problems()
    extensions = [_parse(member, place, problems) for place, member in members_of(raw, where, problems)]
    problems.raise_if_any()
    return tuple(extensions)


def _parse(raw: Any, where: str, problems: Problems) -> Extension:
    fields = Fields(raw, where, problems, ("staging_account_id", "tags", "source_server_arns"))
    account_id = fields.text(
        "staging_account_id", pattern="[0-9]{12}", remedy="must be an account id of 12 digits, in quotes"
    )
    tags = text_map(fields.value("tags"), fields.at("tags"), problems)
    arns = fields.texts(
        "source_server_arns",
        (),
        pattern=rf"arn:[^:]+:drs:[^:]+:{account_id}:source-server/s-[0-9a-zA-Z]{{17}}",
        remedy=f"must be the ARN of a source server of account {account_id}",
    )
    if isinstance(raw, Mapping) and bool(tags) is bool(arns):
        problems.add(dict(raw), where, "give either tags or source_server_arns, and not empty")
    return Extension(where, account_id, tags, frozenset(arns))
