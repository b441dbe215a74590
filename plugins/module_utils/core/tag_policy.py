# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tag policy: which tags servers must have, and where their values come from.

The first source that has a value gives it: constant, inventory variable, tag of the EC2 source instance, default. Where
none has one, the tag that the source server has stays. A value that the policy does not allow is a finding: it is not
written, and no later source takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import DeclarationError, Problem, Problems
from .fields import Fields, text_map
from .launch_tags import ServerTags
from .tag_rules import (
    CASE,
    LIMIT,
    NOT_ALLOWED,
    UNREADABLE,
    TagFinding,
    TagRule,
    by_spelling,
    check_rule_key,
    judge,
    other_case,
    read_rules,
)
from .tags import TagChanges, is_protected, merge_changes, tag_problems, value_problems

MAX_OWN_TAGS = 45
"""Tags that can be declared for what is launched: a resource has at most 50, and DRS needs up to five of them."""

CONSTANT = "constant"
VARIABLE = "variable"
EC2_TAG = "ec2_tag"
DEFAULT = "default"
SOURCE_SERVER = "source_server"

POLICY_FIELDS = ("tags", "purge_tags", "copy_ec2_tags")


@dataclass(frozen=True, slots=True)
class TagPolicy:
    """The tags of an estate.

    Attributes:
        rules: In the order of the declaration, no key twice.
        purge_tags: Whether tags that the policy does not name are removed.
        copy_ec2_tags: Whether all other tags of the EC2 source instance are copied, too.
    """

    rules: tuple[TagRule, ...] = ()
    purge_tags: bool = False
    copy_ec2_tags: bool = False

    @property
    def asks_ec2(self) -> bool:
        """Whether the tags of EC2 source instances are needed."""
        return self.copy_ec2_tags or any(rule.ec2_tag is not None for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for the tags of an EC2 instance that could not be read.

    Attributes:
        reason: Why not.
        remedy: What to do.
    """

    reason: str
    remedy: str


Ec2Tags: TypeAlias = "Mapping[str, str] | Unreadable | None"
"""Tags of a server's EC2 source instance; None when it is no EC2 instance, or nobody asks for them."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the policy means for one server.

    Attributes:
        values: Tags that it must have, and that it is launched with.
        sources: Where each of the values comes from.
        changes: What has to be written to the source server.
        findings: What speaks against the sources; the tags of the server itself are judged by L(findings).
    """

    values: Mapping[str, str]
    sources: Mapping[str, str]
    changes: TagChanges
    findings: tuple[TagFinding, ...]


def parse_tag_policy(
    raw: Any, constants: Any = None, *, where: str = "dr_tag_policy", constants_where: str = "dr_mandatory_tags"
) -> TagPolicy:
    """Read a declared policy and its short form, a mapping of keys to constants; None declares nothing.

    Raises:
        DeclarationError: Naming every problem of both: unknown fields, bad types, what AWS would refuse, keys of DRS,
            rules that contradict themselves, a key declared twice, too many tags.
    """
    problems = Problems()
    fields = Fields({} if raw is None else raw, where, problems, POLICY_FIELDS)
    short = _read_constants(constants, constants_where, problems)
    rules = read_rules(fields.value("tags"), fields.at("tags"), problems)
    for key in sorted({rule.key for rule in rules} & {rule.key for rule in short}):
        problems.add(key, fields.at("tags"), f"is declared in {constants_where} too: declare it once")
    if len(short) + len(rules) > MAX_OWN_TAGS:
        remedy = f"at most {MAX_OWN_TAGS} can be launched with: a resource has 50, and DRS needs up to five of them"
        problems.add(f"{len(short) + len(rules)} tags", where if rules else constants_where, remedy)
    policy = TagPolicy(
        rules=(*short, *rules),
        purge_tags=fields.boolean("purge_tags", default=False),
        copy_ec2_tags=fields.boolean("copy_ec2_tags", default=False),
    )
    problems.raise_if_any()
    return policy


def parse_server_variables(raw: Any, *, where: str = "dr_server_variables") -> dict[str, dict[str, str]]:
    """Read inventory variables by server key, which is made lower case; None declares none.

    Raises:
        DeclarationError: Naming every value that is no text, and every server that is named twice.
    """
    problems = Problems()
    if not isinstance(raw, Mapping | None):
        problems.add(raw, where, "must be a mapping of server keys to mappings of variables to texts")
    servers: dict[str, dict[str, str]] = {}
    for key, values in raw.items() if isinstance(raw, Mapping) else ():
        if str(key).lower() in servers:
            problems.add(key, where, "is named twice (server keys are lower case): name it once")
        servers[str(key).lower()] = text_map(values, f"{where}.{key}", problems)
    problems.raise_if_any()
    return servers


def resolve(
    policy: TagPolicy, actual: Mapping[str, str], *, variables: Mapping[str, str], ec2: Ec2Tags, where: str
) -> Resolution:
    """Return what the policy means for one server.

    Args:
        policy: The policy.
        actual: Tags of the source server.
        variables: Its inventory variables.
        ec2: Tags of its EC2 source instance.
        where: The server, for messages.

    Raises:
        DeclarationError: Naming everything that AWS would refuse: values of variables, too many tags.
    """
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    against: list[TagFinding] = []
    for rule in policy.rules:
        found = _value(rule, actual, variables, ec2)
        if isinstance(found, TagFinding):
            against.append(found)
        elif found is not None:
            values[rule.key], sources[rule.key] = found
        if sources.get(rule.key) != VARIABLE:
            against += _other_spellings(rule, ec2)
    keys = {rule.key for rule in policy.rules}
    copies_unknown = policy.copy_ec2_tags and isinstance(ec2, Unreadable)
    if isinstance(ec2, Unreadable) and copies_unknown:
        against.append(TagFinding("", UNREADABLE, f"the tags to copy are unknown: {ec2.reason}", ec2.remedy))
    elif isinstance(ec2, Mapping) and policy.copy_ec2_tags:
        copied = {key: value for key, value in ec2.items() if key not in keys and not is_protected(key)}
        values |= copied
        sources |= dict.fromkeys(copied, EC2_TAG)
    _check(values, sources, where)
    # What may have been copied from an instance that cannot be read now is not removed.
    purge = policy.purge_tags and not copies_unknown
    changes = merge_changes(actual, values, purge=purge, kept=keys, where=f"tags of {where}")
    return Resolution(values, sources, changes, tuple(against))


def findings(policy: TagPolicy, resolution: Resolution, tags: Mapping[str, str]) -> list[TagFinding]:
    """Return what speaks against a server: against its sources, and against C(tags), those that it has.

    A tag whose source is at fault already is not called missing as well. An instance that gets the tags of its source
    server (C(copy_tags)) and those that it is launched with must have room for them and for DRS's own.
    """
    named = {finding.key for finding in resolution.findings if finding.kind != CASE}
    judged = judge((rule.for_gate() for rule in policy.rules), tags, "the source server")
    own = [key for key in tags.keys() | resolution.values.keys() if not is_protected(key)]
    found = [*resolution.findings, *(finding for finding in judged if finding.kind == CASE or finding.key not in named)]
    if len(own) > MAX_OWN_TAGS:
        what = f"with copy_tags its instance gets {len(own)} tags and those of DRS, of which 50 fit on it"
        found.append(TagFinding("", LIMIT, what, f"keep it to {MAX_OWN_TAGS}, or turn copy_tags off"))
    return found


def launch_tags(policy: TagPolicy, resolution: Resolution) -> ServerTags:
    """Return what a server is launched with.

    Where a source could not be used, what its launch template has is not called superfluous.
    """
    sound = all(finding.kind == CASE for finding in resolution.findings)
    return ServerTags(resolution.values, purge=policy.purge_tags and sound)


def _read_constants(raw: Any, where: str, problems: Problems) -> tuple[TagRule, ...]:
    constants = text_map(raw, where, problems)
    for key, value in constants.items():
        check_rule_key(key, f"{where}.{key}", problems)
        problems.extend(value_problems(value, f"{where}.{key}"))
    return tuple(TagRule(key, value=value) for key, value in constants.items())


def _value(
    rule: TagRule, actual: Mapping[str, str], variables: Mapping[str, str], ec2: Ec2Tags
) -> tuple[str, str] | TagFinding | None:
    """Return a tag's value and its source, or what keeps it from having one; None when no source has one."""
    if rule.value is not None:
        return rule.value, CONSTANT
    if rule.variable is not None and rule.variable in variables:
        return _allowed(rule, variables[rule.variable], VARIABLE, f"its variable {rule.variable}")
    if rule.ec2_tag is not None and isinstance(ec2, Unreadable):
        return TagFinding(rule.key, UNREADABLE, f"its tag {rule.key} is unknown: {ec2.reason}", ec2.remedy)
    if rule.ec2_tag is not None and isinstance(ec2, Mapping) and rule.ec2_tag in ec2:
        return _allowed(rule, ec2[rule.ec2_tag], EC2_TAG, f"tag {rule.ec2_tag} of its EC2 instance")
    if rule.default is not None:
        return rule.default, DEFAULT
    kept = actual.get(rule.key)
    return (kept, SOURCE_SERVER) if kept is not None and rule.refusal(kept) is None else None


def _allowed(rule: TagRule, value: str, source: str, thing: str) -> tuple[str, str] | TagFinding:
    refusal = rule.refusal(value)
    if refusal is None:
        return value, source
    what = f"{thing}, for tag {rule.key}, is {value!r}, {refusal}"
    return TagFinding(rule.key, NOT_ALLOWED, what, "correct the value there; it is not written")


def _other_spellings(rule: TagRule, ec2: Ec2Tags) -> list[TagFinding]:
    if rule.ec2_tag is None or not isinstance(ec2, Mapping) or rule.ec2_tag in ec2:
        return []
    others = by_spelling(ec2).get(rule.ec2_tag.casefold(), ())
    return [other_case(rule.key, rule.ec2_tag, other, "its EC2 instance") for other in others]


def _check(values: Mapping[str, str], sources: Mapping[str, str], where: str) -> None:
    problems: list[Problem] = []
    for key, value in values.items():
        problems += tag_problems({key: value}, f"tags of {where}, {sources[key]}")
    if len(values) > MAX_OWN_TAGS:
        remedy = f"it can be launched with at most {MAX_OWN_TAGS}: declare or copy fewer"
        problems.append(Problem(f"{len(values)} tags", f"tags of {where}", remedy))
    if problems:
        raise DeclarationError(problems)
