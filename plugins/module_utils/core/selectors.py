# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selectors: which servers a declaration means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Problems
from .fields import Fields, text_map

KINDS = ("tags", "servers", "source_server_ids")


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions that must all hold; None means that there is no such condition.

    Attributes:
        tags: Tags that the source server must have, all of them.
        servers: Server keys, lower case.
        source_server_ids: Source server ids.
    """

    tags: Mapping[str, str]
    servers: frozenset[str] | None
    source_server_ids: frozenset[str] | None


def parse_selector(raw: Any, where: str, problems: Problems) -> dict[str, Any]:
    """Read a declared selector and return it as a plain dict; problems are collected."""
    fields = Fields(raw, where, problems, KINDS)
    selector: dict[str, Any] = {}
    if "tags" in fields:
        selector["tags"] = text_map(fields.value("tags"), fields.at("tags"), problems)
    if "servers" in fields:
        selector["servers"] = [key.lower() for key in fields.texts("servers")]
    if "source_server_ids" in fields:
        ids = fields.texts("source_server_ids", pattern=r"s-[0-9a-zA-Z]{17}", remedy="must be a source server id (s-…)")
        selector["source_server_ids"] = list(ids)
    if isinstance(raw, Mapping) and not any(selector.values()):
        problems.add(dict(raw), where, f"selects nothing: give at least one of {', '.join(KINDS)}")
    return selector


def build_selector(selector: Mapping[str, Any]) -> Selector:
    """Return a selector that L(parse_selector) has read in a form that is quick to ask many times."""
    servers = selector.get("servers")
    ids = selector.get("source_server_ids")
    return Selector(
        tags=dict(selector.get("tags") or {}),
        servers=None if servers is None else frozenset(key.lower() for key in servers),
        source_server_ids=None if ids is None else frozenset(ids),
    )
