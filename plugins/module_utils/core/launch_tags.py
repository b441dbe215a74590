# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of what is launched: the instance, its volumes and network interfaces of every server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import Problem, Problems
from .fields import Fields, text_map
from .tags import tag_problems


@dataclass(frozen=True, slots=True)
class ServerTags:
    """Tags that one server is launched with.

    Attributes:
        tags: The tags.
        purge: Whether other tags are taken out of its launch template, except those of AWS and of DRS.
    """

    tags: Mapping[str, str]
    purge: bool = False

    def to_document(self) -> dict[str, Any]:
        """Return the tags as a plain dict that L(parse_launch_tags) reads."""
        return {"tags": dict(self.tags), "purge": self.purge}


@dataclass(frozen=True, slots=True)
class LaunchTags:
    """Tags that servers are launched with: the same for all, and by source server id."""

    constants: Mapping[str, str] = field(default_factory=dict)
    by_server: Mapping[str, ServerTags] = field(default_factory=dict)

    def of(self, source_server_id: str) -> ServerTags:
        """Return the tags of a server; its own go before those of all."""
        own = self.by_server.get(source_server_id, ServerTags({}))
        return ServerTags({**self.constants, **own.tags}, own.purge)

    def problems(self) -> list[Problem]:
        """Return what AWS would refuse of them."""
        return [
            *tag_problems(self.constants, "dr_mandatory_tags"),
            *(
                problem
                for server_id, own in self.by_server.items()
                for problem in tag_problems(own.tags, f"server_tags.{server_id}")
            ),
        ]


def parse_launch_tags(
    constants: Any, by_server: Any, *, where: str = "mandatory_tags", by_server_where: str = "server_tags"
) -> LaunchTags:
    """Read tags of all servers, and those of each as L(ServerTags.to_document) wrote them; None declares none.

    Raises:
        DeclarationError: Naming every value that is no text, and every field that is unknown.
    """
    problems = Problems()
    common = text_map(constants, where, problems)
    if not isinstance(by_server, Mapping | None):
        problems.add(by_server, by_server_where, "must be a mapping of source server ids to tags")
    servers: dict[str, ServerTags] = {}
    for server_id, member in by_server.items() if isinstance(by_server, Mapping) else ():
        fields = Fields(member, f"{by_server_where}.{server_id}", problems, ("tags", "purge"))
        tags = text_map(fields.value("tags"), fields.at("tags"), problems)
        servers[str(server_id)] = ServerTags(tags, fields.boolean("purge", default=False))
    problems.raise_if_any()
    return LaunchTags(common, servers)
