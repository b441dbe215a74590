"""What a plan says about the way home: read with every problem named, written with every default."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import (
    DEFAULT_FAILBACK,
    FailbackPolicy,
    FailbackReplication,
    InternetProtocol,
    Order,
    OriginalInstance,
    parse_failback,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_words import Kind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from hypothesis import given
from hypothesis import strategies as st

DEFAULTS = {
    "order": "declared",
    "approval": True,
    "original_instance": "keep",
    "stall": 3600,
    "replication": {"bandwidth_throttling": 0, "use_private_ip": False, "internet_protocol": "IPV4"},
}

POLICIES = st.builds(
    FailbackPolicy,
    order=st.sampled_from(Order),
    approval=st.booleans(),
    original_instance=st.sampled_from(OriginalInstance),
    stall=st.integers(60, 7 * 86400),
    replication=st.builds(
        FailbackReplication,
        bandwidth_throttling=st.integers(0, 1_000_000),
        use_private_ip=st.booleans(),
        internet_protocol=st.sampled_from(InternetProtocol),
    ),
)


def read(raw: Any) -> tuple[FailbackPolicy, list[str]]:
    problems = Problems()
    policy = parse_failback(raw, "failback", problems)
    return policy, [str(problem) for problem in problems]


@pytest.mark.parametrize("raw", [None, {}, {"order": None, "replication": {}}])
def test_nothing_declared_is_the_default(raw: Any) -> None:
    assert read(raw) == (DEFAULT_FAILBACK, [])
    assert DEFAULT_FAILBACK.to_document() == DEFAULTS


@given(POLICIES)
def test_a_written_policy_is_read_as_it_was(policy: FailbackPolicy) -> None:
    assert read(policy.to_document()) == (policy, [])


def test_every_problem_is_named_with_its_place() -> None:
    raw = {
        "order": "backwards",
        "approval": "yes",
        "original_instance": "delete",
        "stall": 5,
        "replication": {"bandwidth_throttling": -1, "use_private_ip": 1, "internet_protocol": "ipv4", "speed": 3},
        "wait": 1,
    }
    problems = read(raw)[1]
    places = [
        "failback.order",
        "failback.approval",
        "failback.original_instance",
        "failback.stall",
        "failback.replication.bandwidth_throttling",
        "failback.replication.use_private_ip",
        "failback.replication.internet_protocol",
    ]
    for place in places:
        assert any(place in problem for problem in problems), (place, problems)
    assert sum("unknown key" in problem for problem in problems) == 2
    assert len(problems) == len(places) + 2


@pytest.mark.parametrize("raw", ["reversed", [], False])
def test_what_is_no_mapping_is_refused(raw: Any) -> None:
    policy, problems = read(raw)
    assert policy == DEFAULT_FAILBACK
    assert len(problems) == 1
    assert "must be a mapping" in problems[0]


def test_a_plan_that_was_published_before_there_were_failbacks_stays_readable() -> None:
    plan = parse_plan(
        {"name": "p", "groups": {"all": {"tags": {"a": "b"}}}, "waves": [{"name": "w", "groups": ["all"]}]}
    )
    document = plan.to_document()
    assert document.pop("failback") == DEFAULTS
    assert parse_plan(document) == plan


def test_only_an_instance_that_ends_before_the_launch_gives_its_address() -> None:
    assert [choice.value for choice in OriginalInstance if choice.gives_its_address] == ["launch_into", "replace"]


def test_an_extended_server_goes_into_its_original_whatever_the_plan_says() -> None:
    policy = FailbackPolicy(original_instance=OriginalInstance.REPLACE)
    assert {str(kind): str(policy.original_of(kind)) for kind in Kind} == {
        "cross_region": "replace",
        "cross_zone": "replace",
        "on_premises": "replace",
        "extended": "launch_into",
    }
