# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can be wrong with a declaration and seen without asking AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .accounts import parse_accounts
from .addresses import parse_overrides
from .errors import DeclarationError, Problem, Problems
from .extensions import parse_extensions
from .fields import text_map
from .isolation_policy import parse_production_cidrs
from .launch_settings import parse_launch_overrides, parse_settings
from .subnet_map import parse_subnet_map
from .tag_policy import parse_server_variables, parse_tag_policy
from .tags import tag_problems


def parse_tags(raw: Any, *, where: str = "dr_mandatory_tags") -> dict[str, str]:
    """Read declared tags; None declares nothing.

    Raises:
        DeclarationError: Naming every value that is no text, and everything that AWS would refuse.
    """
    problems = Problems()
    tags = text_map(raw, where, problems)
    problems.extend(tag_problems(tags, where))
    problems.raise_if_any()
    return tags


PARSERS: Mapping[str, Callable[[Any], object]] = {
    "dr_accounts": parse_accounts,
    "dr_extended_source_servers": parse_extensions,
    "dr_server_variables": parse_server_variables,
    "dr_subnet_map": lambda raw: parse_subnet_map(raw or []),
    "dr_addresses": lambda raw: parse_overrides(raw or []),
    "dr_production_cidrs": parse_production_cidrs,
    "dr_launch_defaults": parse_settings,
    "dr_launch_overrides": parse_launch_overrides,
}


def declaration_problems(declaration: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the inventory variables of a declaration, by their names (C(dr_subnet_map)).

    C(dr_tag_policy) and C(dr_mandatory_tags) are read together. Variables that are missing, and others, are left alone.
    """
    problems: list[Problem] = []
    for name, parse in PARSERS.items():
        try:
            parse(declaration.get(name))
        except DeclarationError as error:
            problems += error.problems
    try:
        parse_tag_policy(declaration.get("dr_tag_policy"), declaration.get("dr_mandatory_tags"))
    except DeclarationError as error:
        problems += error.problems
    return problems
