"""Which failures are for want of capacity, and which instance type is next."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.capacity import (
    CAPACITY_CODES,
    lacks_capacity,
    type_to_launch,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import (
    job_from_drs,
    not_seen_yet,
    with_errors,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    VersionMark,
    parse_version_description,
    version_description,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from hypothesis import given
from hypothesis import strategies as st

REFUSED = "An error occurred ({}) when calling the RunInstances operation: We are sorry."
TYPES = st.lists(st.sampled_from([f"m{number}.large" for number in range(6)]), unique=True, min_size=1)


@pytest.mark.parametrize(
    ("event", "error", "expected"),
    [
        ("LAUNCH_FAILED", REFUSED.format("InsufficientInstanceCapacity"), True),
        ("LAUNCH_FAILED", "Server.InsufficientInstanceCapacity: none left", True),
        ("LAUNCH_FAILED", REFUSED.format("Unsupported"), True),
        ("LAUNCH_FAILED", "UnsupportedOperation", False),
        ("LAUNCH_FAILED", REFUSED.format("VcpuLimitExceeded"), False),
        ("LAUNCH_FAILED", "", False),
        ("CONVERSION_FAIL", REFUSED.format("InsufficientInstanceCapacity"), False),
    ],
)
def test_only_a_launch_that_ec2_refused_so_is_for_want_of_capacity(event: str, error: str, expected: bool) -> None:
    assert lacks_capacity(event, error, CAPACITY_CODES) is expected
    assert not lacks_capacity(event, error, [])


@given(types=TYPES, launches=st.integers(0, 15))
def test_types_are_tried_in_order_and_from_the_first_again(types: list[str], launches: int) -> None:
    tried: list[str] = []
    for _ in range(launches):
        tried.append(type_to_launch(types[0], types[1:], tried))
    assert tried == [types[number % len(types)] for number in range(launches)]


@given(types=TYPES, failed=st.lists(st.sampled_from(["m0.large", "t9.gone", "m3.large"])))
def test_what_is_not_declared_any_more_is_never_launched(types: list[str], failed: list[str]) -> None:
    assert type_to_launch(types[0], types[1:], failed) in types


def test_the_log_says_of_each_server_what_went_wrong() -> None:
    servers = [{"sourceServerID": name, "launchStatus": "FAILED"} for name in ("s-1", "s-2", "s-3")]
    job = job_from_drs({"jobID": "drsjob-1", "status": "COMPLETED", "participatingServers": servers})
    log: list[dict[str, Any]] = [
        {"event": "LAUNCH_FAILED", "eventData": {"sourceServerID": "s-1", "rawError": REFUSED.format("Unsupported")}},
        {"event": "CONVERSION_FAIL", "eventData": {"sourceServerID": "s-2", "rawError": "no boot loader"}},
        {"event": "LAUNCH_FAILED", "eventData": {"sourceServerID": "s-9", "rawError": "somebody else's"}},
        {"event": "SOMETHING_NEW"},
    ]
    found = with_errors(job, log, CAPACITY_CODES).participants
    assert {name: (one.error != "", one.no_capacity) for name, one in found.items()} == {
        "s-1": (True, True),
        "s-2": (True, False),
        "s-3": (False, False),
    }


def test_results_that_are_looked_at_later_are_as_if_the_job_went_on() -> None:
    servers = [{"sourceServerID": name, "launchStatus": "LAUNCHED"} for name in ("s-1", "s-2")]
    job = job_from_drs({"jobID": "drsjob-1", "status": "COMPLETED", "participatingServers": servers})
    assert not_seen_yet(job, ()) is job
    seen = not_seen_yet(job, ["s-2"])
    assert seen.active
    assert [one.launch_status for one in seen.participants.values()] == ["LAUNCHED", ""]


@given(number=st.integers(1, 10_000))
def test_an_alternative_says_of_which_version_it_is_one(number: int) -> None:
    mark = VersionMark("test", "0123456789abcdef", alternative_of=number)
    assert parse_version_description(version_description(mark)) == mark


def test_a_plan_says_on_which_errors_the_next_type_is_taken() -> None:
    plan: dict[str, Any] = {"name": "p", "groups": {"g": {"servers": ["a"]}}}
    wave = {"name": "w", "groups": ["g"]}
    assert parse_plan({**plan, "waves": [wave]}).waves[0].next_instance_type_on == CAPACITY_CODES
    never = parse_plan({**plan, "waves": [{**wave, "next_instance_type_on": []}]})
    assert parse_plan(never.to_document()).waves[0].next_instance_type_on == ()
    with pytest.raises(DeclarationError, match="must be an error code of EC2"):
        parse_plan({**plan, "waves": [{**wave, "next_instance_type_on": ["no capacity"]}]})
