# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can be wrong with a declaration and seen without asking AWS."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .accounts import Account, parse_accounts
from .addresses import AddressOverride, parse_overrides
from .errors import DeclarationError, Problem, Problems
from .extensions import Extension, parse_extensions
from .fields import OMITTED, text_map
from .isolation_policy import parse_production_cidrs
from .launch_settings import Override, Settings, parse_launch_overrides, parse_settings
from .subnet_map import REGION, DeclaredRule, parse_subnet_map
from .tag_policy import TagPolicy, parse_server_variables, parse_tag_policy
from .tags import tag_problems

_T = TypeVar("_T")


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


@dataclass(frozen=True, slots=True)
class Declaration:
    """The inventory variables of an estate, as far as they can be read.

    Attributes:
        subnet_map: C(dr_subnet_map); C(whole_map) tells whether every rule of it could be read.
        addresses: C(dr_addresses).
        defaults: C(dr_launch_defaults).
        overrides: C(dr_launch_overrides).
        policy: C(dr_tag_policy) and C(dr_mandatory_tags).
        keep_imported: Whether imported addresses stay, C(dr_imported_addresses).
        variables: C(dr_server_variables).
    """

    accounts: tuple[Account, ...]
    extensions: tuple[Extension, ...]
    variables: Mapping[str, Mapping[str, str]]
    subnet_map: tuple[DeclaredRule, ...]
    whole_map: bool
    addresses: tuple[AddressOverride, ...]
    defaults: Settings
    overrides: tuple[Override, ...]
    policy: TagPolicy
    source_region: str | None
    keep_imported: bool


def read_declaration(raw: Mapping[str, Any], problems: Problems) -> Declaration:
    """Read the inventory variables of a declaration, by their names (C(dr_subnet_map)); others are left alone.

    What cannot be read is left out: members of a list, or else the whole variable.

    Args:
        raw: The variables.
        problems: Collects what is wrong with them.
    """
    accounts = _members(parse_accounts, raw, "dr_accounts", problems)
    extensions = _members(parse_extensions, raw, "dr_extended_source_servers", problems)
    variables = _whole(lambda: parse_server_variables(raw.get("dr_server_variables")), problems)
    before = len(problems)
    subnet_map = _members(parse_subnet_map, raw, "dr_subnet_map", problems)
    whole_map = len(problems) == before
    addresses = _members(parse_overrides, raw, "dr_addresses", problems)
    _whole(lambda: parse_production_cidrs(raw.get("dr_production_cidrs")), problems)
    defaults = _whole(lambda: parse_settings(raw.get("dr_launch_defaults")), problems)
    overrides = _members(parse_launch_overrides, raw, "dr_launch_overrides", problems)
    policy = _whole(lambda: parse_tag_policy(raw.get("dr_tag_policy"), raw.get("dr_mandatory_tags")), problems)
    source_region = _text(raw, "dr_source_region", REGION, "must be a Region like us-east-1", problems)
    imported = _text(raw, "dr_imported_addresses", "keep|replace", "must be keep or replace", problems)
    return Declaration(
        accounts=accounts,
        extensions=extensions,
        variables=variables or {},
        subnet_map=subnet_map,
        whole_map=whole_map,
        addresses=addresses,
        defaults=defaults or Settings(),
        overrides=overrides,
        policy=policy or TagPolicy(),
        source_region=source_region,
        keep_imported=imported != "replace",
    )


def declaration_problems(declaration: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the inventory variables of a declaration (see L(read_declaration))."""
    problems = Problems()
    read_declaration(declaration, problems)
    return list(problems)


def _text(raw: Mapping[str, Any], name: str, pattern: str, remedy: str, problems: Problems) -> str | None:
    value = raw.get(name) or None
    if value is None or (isinstance(value, str) and re.fullmatch(pattern, value)):
        return value
    problems.add(value, name, remedy)
    return None


def _whole(parse: Callable[[], _T], problems: Problems) -> _T | None:
    try:
        return parse()
    except DeclarationError as error:
        problems.extend(error.problems)
        return None


def _members(
    parse: Callable[[Any], tuple[_T, ...]], raw: Mapping[str, Any], name: str, problems: Problems
) -> tuple[_T, ...]:
    """Return what the members of a list declare that nothing is wrong with."""
    declared: Any = raw.get(name)
    try:
        return parse(declared)
    except DeclarationError as error:
        problems.extend(error.problems)
        named = (re.match(rf"{name}\[(\d+)\]", problem.where) for problem in error.problems)
        wrong = {int(found[1]) for found in named if found}
    kept = [OMITTED if number in wrong else member for number, member in enumerate(declared)] if wrong else []
    return _whole(lambda: parse(kept), Problems()) or ()
