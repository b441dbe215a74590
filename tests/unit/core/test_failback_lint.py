"""What is questionable about a plan's way home."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lint import (
    check_failback,
    needs_addresses,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, parse_plan


def plan(**given: Any) -> Plan:
    return parse_plan(
        {"name": "p", "groups": {"g": {"tags": {"a": "b"}}}, "waves": [{"name": "w", "groups": ["g"]}], **given}
    )


def entry(key: str, home: str | None, *, interface: int = 0, profile: str = "failback") -> MapEntry:
    target = ProfileAddress("subnet-1", "10.10.1.0/24", home, ("sg-1",), "original")
    source = EntrySource("10.10.1.7", "10.10.1.0/24", key, "222222222222", None)
    return MapEntry(key, interface, source, {profile: target}, DrsIdentity("s-1", "222222222222", "us-west-2"), 1)


SAME = [entry("b", "10.10.1.7"), entry("b", "10.10.1.7", interface=1), entry("a", "10.10.1.7")]
OTHER = [entry("c", "10.10.1.8"), entry("d", None), entry("e", "10.10.1.7", profile="failover")]


@pytest.mark.parametrize(
    ("choice", "entries", "servers"),
    [
        ({"original_instance": "terminate"}, SAME + OTHER, ("a", "b")),
        ({"order": "reversed"}, SAME, ("a", "b")),
        ({"original_instance": "terminate"}, OTHER, None),
        ({"original_instance": "replace"}, SAME, None),
        ({"original_instance": "launch_into"}, SAME, None),
        (None, SAME, None),
    ],
)
def test_servers_cannot_go_home_to_an_address_that_their_original_keeps(
    choice: dict[str, Any] | None, entries: list[MapEntry], servers: tuple[str, ...] | None
) -> None:
    found = check_failback(plan(failback=choice), entries)
    assert [finding.servers for finding in found] == ([servers] if servers else [])
    for finding in found:
        assert (finding.severity, finding.rule, finding.plans) == ("warning", "failback", ("p",))
        assert "2 of its servers (a, b)" in finding.message
        assert "launch_into or replace" in finding.message


def test_addresses_are_asked_for_only_where_the_answer_matters() -> None:
    assert not needs_addresses(plan())
    assert not needs_addresses(plan(failback={"original_instance": "replace"}))
    assert needs_addresses(plan(failback={"original_instance": "terminate"}))


@pytest.mark.parametrize(("four_eyes", "approval", "found"), [(True, False, 1), (True, True, 0), (False, False, 0)])
def test_four_eyes_want_the_approval(four_eyes: bool, approval: bool, found: int) -> None:
    assert len(check_failback(plan(decision={"four_eyes": four_eyes}, failback={"approval": approval}), [])) == found
