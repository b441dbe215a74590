"""The evaluator of policies, without a process: wildcards, conditions, Deny before Allow, the not understood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.iam import patterns
from emulator.iam.context import Context
from emulator.iam.policies import Decision, PolicyError, parse, policies_of

ALLOWED, NOT_ALLOWED, DENIED = Decision.ALLOWED, Decision.NOT_ALLOWED, Decision.DENIED
TABLE = "arn:aws:dynamodb:us-west-2:222222222222:table/runs"
TEXT = st.text("ab:/*?$", max_size=8)


def decide(
    *statements: dict[str, Any],
    action: str = "dynamodb:GetItem",
    resource: str | None = TABLE,
    context: Context | None = None,
    version: str = "2012-10-17",
) -> Decision:
    document = json.dumps({"Version": version, "Statement": list(statements)})
    return policies_of((document,)).decide(action, resource, context or Context({}), lambda _note: None)


def allow(**elements: Any) -> dict[str, Any]:
    action = {} if "NotAction" in elements else {"Action": "dynamodb:GetItem"}
    resource = {} if "NotResource" in elements else {"Resource": "*"}
    return {"Effect": "Allow", **action, **resource, **elements}


def deny(**elements: Any) -> dict[str, Any]:
    return {**allow(**elements), "Effect": "Deny"}


def holds(operator: str, key: str, values: Any, context: Context) -> bool:
    return decide(allow(Condition={operator: {key: values}}), context=context) is ALLOWED


def matches(pattern: str, text: str) -> bool:
    """The definition of a wildcard match, letter by letter."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return matches(pattern[1:], text) or (bool(text) and matches(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


@given(TEXT, TEXT)
def test_a_wildcard_matches_what_its_definition_says(pattern: str, text: str) -> None:
    assert bool(patterns.wildcard(pattern).fullmatch(text)) == matches(pattern, text)


@given(st.lists(TEXT.map(lambda text: text.replace(":", "")), min_size=5, max_size=5), TEXT, st.data())
def test_wildcards_of_an_arn_stay_in_their_segment(segments: list[str], last: str, data: st.DataObject) -> None:
    wanted = [data.draw(st.sampled_from([segment, "*", f"{segment[:1]}*"])) for segment in segments]
    tail = data.draw(st.sampled_from([last, "*", f"{last[:2]}*"]))
    expected = all(matches(*pair) for pair in zip([*wanted, tail], [*segments, last], strict=True))
    assert bool(patterns.arn(":".join([*wanted, tail])).fullmatch(":".join([*segments, last]))) == expected


@given(TEXT)
def test_the_value_of_a_variable_is_meant_literally(value: str) -> None:
    pattern = patterns.substitute("x${aws:username}*", lambda _key: value)
    assert pattern is not None
    assert patterns.wildcard(pattern).fullmatch(f"x{value}-and-more")
    assert patterns.plain(patterns.substitute("${k}", lambda _key: value) or "") == value


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:dynamodb:*:*:table/ru*", TABLE, True),
        ("arn:aws:dynamodb", TABLE, True),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", True),
        ("arn:aws:*:table/runs", TABLE, False),
        ("arn:aws:logs:*:*:log-group:/aws/lambda/f:*", "arn:aws:logs:r:a:log-group:/aws/lambda/f:log-stream:x", True),
        ("arn:aws:dynamodb:us-west-2:222222222222:table/RUNS", TABLE, False),
    ],
)
def test_resources(pattern: str, resource: str, expected: bool) -> None:
    assert (decide(allow(Resource=pattern), resource=resource) is ALLOWED) == expected


def test_silence_denies_and_an_explicit_deny_wins_wherever_it_stands() -> None:
    assert decide() is NOT_ALLOWED
    assert decide(allow(), deny()) is DENIED
    assert decide(deny(), allow()) is DENIED
    assert decide(allow(), deny(Action="dynamodb:Put*")) is ALLOWED
    assert decide(allow(), deny(NotAction="dynamodb:Get*")) is ALLOWED
    assert decide(allow(), deny(NotResource=TABLE)) is ALLOWED
    assert decide(allow(Action="DynamoDB:getITEM")) is ALLOWED
    assert decide(allow(NotAction=["dynamodb:Put*", "s3:*"])) is ALLOWED
    assert decide(allow(NotResource=TABLE)) is NOT_ALLOWED


def test_a_resource_that_cannot_be_named_is_allowed_by_a_star_only_and_denied_by_any_deny() -> None:
    assert decide(allow(), resource=None) is ALLOWED
    assert decide(allow(Resource="arn:aws:*"), resource=None) is NOT_ALLOWED
    assert decide(allow(), deny(Resource="arn:aws:s3:::other"), resource=None) is DENIED


@pytest.mark.parametrize(
    ("operator", "values", "found", "expected"),
    [
        ("StringEquals", ["a", "b"], ("b",), True),
        ("StringEquals", "a", ("A",), False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIgnoreCase", "a", ("A",), True),
        ("StringNotEquals", ["a", "b"], ("b",), False),
        ("StringNotEquals", ["a", "b"], ("c",), True),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*", ("abc",), True),
        ("StringNotLike", "a*", ("abc",), False),
        ("ArnLike", "arn:aws:iam::*:role/dr-*", ("arn:aws:iam::222222222222:role/dr-gate",), True),
        ("ArnEquals", "arn:aws:iam::*:role/dr-*", ("arn:aws:iam::222222222222:user/dr-gate",), False),
        ("ArnNotLike", "arn:aws:iam::1:*", ("arn:aws:iam::2:role/x",), True),
        ("Bool", True, ("true",), True),
        ("Bool", "false", ("true",), False),
        ("NumericLessThan", "10", ("9",), True),
        ("NumericNotEquals", "10", ("10",), False),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", ("2026-11-23T12:00:00+00:00",), True),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "false", ("x",), True),
        ("ForAnyValue:StringEquals", ["a", "b"], ("x", "b"), True),
        ("ForAnyValue:StringEquals", ["a", "b"], None, False),
        ("ForAnyValue:StringNotEquals", ["a"], None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "x"), False),
        ("ForAllValues:StringLike", ["a*"], None, True),
    ],
)
def test_operators(operator: str, values: Any, found: tuple[str, ...] | None, expected: bool) -> None:
    context = Context({} if found is None else {"aws:calledvia": found})
    assert holds(operator, "aws:CalledVia", values, context) == expected


def test_tags_of_resource_request_and_principal() -> None:
    context = Context({}, lambda: {"Application": "crm"}, {"Owner": "me", "Cost": "1"}, {"Team": "dr"})
    assert holds("StringEquals", "aws:ResourceTag/application", "crm", context)
    assert holds("StringEquals", "aws:RequestTag/Owner", "me", context)
    assert holds("ForAllValues:StringEquals", "aws:TagKeys", ["Owner", "Cost"], context)
    assert not holds("ForAllValues:StringEquals", "aws:TagKeys", ["Owner"], context)
    assert holds("StringEquals", "aws:PrincipalTag/Team", ["dr", "it"], context)
    assert holds("Null", "aws:ResourceTag/Missing", "true", context)


def test_variables_have_values_in_the_version_that_has_them() -> None:
    context = Context({"aws:username": ("runs",)})
    statement = allow(Resource="arn:aws:dynamodb:*:*:table/${aws:username}")
    assert decide(statement, context=context) is ALLOWED
    assert decide(statement, context=Context({"aws:username": ("r*",)})) is NOT_ALLOWED
    assert decide(statement) is NOT_ALLOWED
    assert decide(statement, context=context, version="2008-10-17") is NOT_ALLOWED
    with_default = allow(Resource="arn:aws:dynamodb:*:*:table/${aws:username, 'runs'}")
    assert decide(with_default) is ALLOWED


@pytest.mark.parametrize(
    "condition",
    [
        {"IpAddress": {"aws:username": "10.0.0.0/8"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
        {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
        {"StringNotEquals": {"aws:ResourceTag/x": "y"}},
        {"StringEqualsIfExists": {"aws:ResourceTag/x": "y"}},
    ],
)
def test_what_is_not_understood_allows_nothing_and_is_noted(condition: dict[str, Any]) -> None:
    notes: list[str] = []
    document = json.dumps({"Statement": [allow(Condition=condition)]})
    assert policies_of((document,)).decide("dynamodb:GetItem", TABLE, Context({}), notes.append) is NOT_ALLOWED
    assert len(notes) == 1
    assert decide(allow(), deny(Condition=condition)) is DENIED
    without_effect = {**condition, "Null": {"aws:SourceAccount": "false"}}
    assert decide(allow(), deny(Condition=without_effect)) is ALLOWED


@pytest.mark.parametrize(
    "document",
    [
        "no JSON",
        "[]",
        '{"Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "s3:*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "*", "Resources": "*"}]}',
    ],
)
def test_what_is_no_policy_is_refused(document: str) -> None:
    with pytest.raises(PolicyError):
        parse(document)
