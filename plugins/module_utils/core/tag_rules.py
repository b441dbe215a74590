# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a tag policy, and what they have against the tags of something.

Keys are case-sensitive in AWS: C(owner) and C(Owner) are two tags, so one in the place of the other is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import Problems
from .fields import Fields, members_of
from .tags import PROTECTED_PREFIXES, key_problems, value_problems

MISSING = "missing"
NOT_ALLOWED = "not_allowed"
CASE = "case"
UNREADABLE = "unreadable"
LIMIT = "limit"

GATE_FIELDS = ("key", "required", "allowed", "pattern")
"""What can be judged by looking at tags."""

RULE_FIELDS = (*GATE_FIELDS, "value", "variable", "ec2_tag", "default")

ANY_TEXT = r"(?s).*"


@dataclass(frozen=True, slots=True)
class TagRule:
    """What the policy says of one tag.

    Attributes:
        key: Key of the tag.
        required: Whether a server without it is a finding.
        value: Constant; no other source is asked then.
        variable: Inventory variable of the server.
        ec2_tag: Key of the tag of the EC2 source instance.
        default: Value where no source has one.
        allowed: Values that it may have; any when empty.
        pattern: Regular expression that the whole value must match, or None.
    """

    key: str
    required: bool = True
    value: str | None = None
    variable: str | None = None
    ec2_tag: str | None = None
    default: str | None = None
    allowed: tuple[str, ...] = ()
    pattern: str | None = None

    def refusal(self, value: str) -> str | None:
        """Return what the policy has against a value, or None."""
        if self.allowed and value not in self.allowed:
            return f"the policy allows {', '.join(self.allowed)}"
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"the policy wants a value that matches {self.pattern}"
        return None

    def for_gate(self) -> TagRule:
        """Return the rule without its sources; a constant is the only value that is allowed."""
        allowed = (self.value,) if self.value is not None else self.allowed
        return TagRule(self.key, required=self.required, allowed=allowed, pattern=self.pattern)

    def to_document(self) -> dict[str, Any]:
        """Return a rule without sources as a plain dict that L(read_rules) reads."""
        return {"key": self.key, "required": self.required, "allowed": list(self.allowed), "pattern": self.pattern}


@dataclass(frozen=True, slots=True)
class TagFinding:
    """One thing that speaks against the tags of a server.

    Attributes:
        key: Key of the tag, as the policy spells it; empty when it is about all tags.
        kind: C(missing), C(not_allowed), C(case), C(unreadable) or C(limit).
        what: What was found.
        remedy: What to do.
    """

    key: str
    kind: str
    what: str
    remedy: str


def judge(rules: Iterable[TagRule], tags: Mapping[str, str], thing: str) -> list[TagFinding]:
    """Return what the rules have against the tags of a thing, in the order of the rules.

    Args:
        rules: All rules of the policy.
        tags: Tags of the thing.
        thing: What it is, for messages (C(the source server)).
    """
    rules = list(rules)
    keys = {rule.key for rule in rules}
    others = by_spelling(key for key in tags if key not in keys)
    findings: list[TagFinding] = []
    for rule in rules:
        refusal = rule.refusal(tags[rule.key]) if rule.key in tags else None
        if refusal:
            what = f"tag {rule.key} of {thing} is {tags[rule.key]!r}, {refusal}"
            findings.append(
                TagFinding(rule.key, NOT_ALLOWED, what, "correct the value where it comes from, then run configure")
            )
        if rule.required and rule.key not in tags:
            remedy = "give it a value where the policy looks for one, or give the policy a default, then run configure"
            findings.append(TagFinding(rule.key, MISSING, f"{thing} has no mandatory tag {rule.key}", remedy))
        findings += [other_case(rule.key, rule.key, other, thing) for other in others.get(rule.key.casefold(), ())]
    return findings


def judge_each(rules: Iterable[TagRule], things: Mapping[str, Mapping[str, str]], whole: str) -> list[TagFinding]:
    """Return what the rules have against the parts of a whole, each finding once with the parts that it is about.

    Args:
        rules: All rules of the policy.
        things: Tags of every part.
        whole: What they are parts of, for messages (C(its launch template)).
    """
    rules = list(rules)
    parts: dict[TagFinding, list[str]] = {}
    for part, tags in things.items():
        for finding in judge(rules, tags, whole):
            parts.setdefault(finding, []).append(part)
    return [replace(finding, what=f"{finding.what} ({', '.join(named)})") for finding, named in parts.items()]


def other_case(rule_key: str, wanted: str, other: str, thing: str) -> TagFinding:
    """Return the finding that a thing has a tag whose key differs from the wanted one only in case."""
    what = f"{thing} has the tag {other}, the policy says {wanted}: keys are case-sensitive, these are two tags"
    return TagFinding(rule_key, CASE, what, f"rename {other} to {wanted}, remove it, or correct the policy")


def by_spelling(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return keys by what they are without regard to case."""
    spellings: dict[str, list[str]] = {}
    for key in sorted(keys):
        spellings.setdefault(key.casefold(), []).append(key)
    return spellings


def read_rules(raw: Any, where: str, problems: Problems, *, known: Sequence[str] = RULE_FIELDS) -> tuple[TagRule, ...]:
    """Read declared rules; problems are collected.

    Args:
        raw: The rules as declared, or as L(TagRule.to_document) wrote them.
        where: Where they came from, for messages.
        problems: Collects unknown fields, bad types, what AWS would refuse, keys of DRS, values that the rule
            itself does not allow, a constant beside other sources, a key declared twice.
        known: Fields that are allowed.
    """
    rules: list[TagRule] = []
    keys: set[str] = set()
    for place, member in members_of(raw, where, problems):
        named = member.get("key") if isinstance(member, Mapping) else None
        rule = _read_rule(Fields(member, f"{place} ({named})" if named else place, problems, known), problems)
        if rule.key in keys:
            problems.add(rule.key, place, "is declared twice: declare it once")
        keys.update([rule.key] if rule.key else [])
        rules.append(rule)
    return tuple(rules)


def check_rule_key(key: str, where: str, problems: Problems) -> None:
    """Remember what AWS would refuse of a key, and that DRS's own are none to declare."""
    problems.extend(key_problems(key, where))
    if key.startswith(PROTECTED_PREFIXES[1:]):
        problems.add(key, where, "is a key of DRS itself: choose another")


def _read_rule(fields: Fields, problems: Problems) -> TagRule:
    name = "must be the name of an inventory variable"
    rule = TagRule(
        key=fields.text("key"),
        required=fields.boolean("required", default=True),
        value=_text(fields, "value"),
        variable=_text(fields, "variable", r"[A-Za-z_][A-Za-z0-9_]*", name),
        ec2_tag=_text(fields, "ec2_tag"),
        default=_text(fields, "default"),
        allowed=fields.texts("allowed", (), pattern=ANY_TEXT, remedy="must be a text: put it in quotes"),
        pattern=_regular_expression(fields),
    )
    if rule.key:
        check_rule_key(rule.key, fields.at("key"), problems)
    if rule.ec2_tag is not None:
        problems.extend(key_problems(rule.ec2_tag, fields.at("ec2_tag")))
    for value in rule.allowed:
        problems.extend(value_problems(value, fields.at("allowed")))
    for place, constant in (("value", rule.value), ("default", rule.default)):
        if constant is not None:
            problems.extend(value_problems(constant, fields.at(place)))
            refusal = rule.refusal(constant)
            if refusal:
                fields.reject(place, f"is not allowed by its own rule: {refusal}")
    others = [source for source in ("variable", "ec2_tag", "default") if source in fields]
    if rule.value is not None and others:
        fields.reject("value", f"is a constant, so that no other source is asked: take out {', '.join(others)}, or it")
    return rule


def _text(
    fields: Fields, name: str, pattern: str = ANY_TEXT, remedy: str = "must be a text: put it in quotes"
) -> str | None:
    return fields.text(name, pattern=pattern, remedy=remedy) if name in fields else None


def _regular_expression(fields: Fields) -> str | None:
    pattern = _text(fields, "pattern")
    try:
        re.compile(pattern or "")
    except re.error as error:
        fields.reject("pattern", f"is no regular expression: {error}")
        return None
    return pattern
