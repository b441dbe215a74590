"""What is questionable about plans, and what they need of limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_budget import (
    HISTORY_BUDGET,
    MOST_HISTORY,
    budget_of,
    item_bytes,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_lint import (
    check_budget,
    check_cover,
    refused,
    servers_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan, parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import PlannedServer
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import source_server

SERVERS = [source_server(number, tags={"Tier": "a" if number < 4 else "b"}) for number in range(1, 7)]
NAMES = [server.key for server in SERVERS]
MEMBERS = st.dictionaries(
    st.sampled_from(["one", "two", "three", "four"]), st.frozensets(st.sampled_from(NAMES)), max_size=4
)


def plan(waves: int = 1, **wave: Any) -> Plan:
    names = [f"w{number}" for number in range(waves)]
    return parse_plan(
        {
            "name": "test",
            "groups": {name: {"servers": [f"of-{name}"]} for name in names},
            "waves": [{"name": name, "groups": [name], **wave} for name in names],
        }
    )


def test_servers_that_nobody_protects_need_no_plan() -> None:
    others = [
        source_server(8, state="DISCONNECTED"),
        source_server(9, state="STOPPED"),
        source_server(10, replicationDirection="FAILBACK"),
    ]
    assert check_cover({"one": frozenset(NAMES)}, {}, [*SERVERS, *others]) == []
    (found,) = check_cover({}, {}, SERVERS)
    assert found.servers == tuple(NAMES)
    assert "6 servers (server-1, server-2, server-3, server-4, server-5 and 1 more)" in found.message


def test_groups_mean_the_servers_that_any_of_their_selectors_matches() -> None:
    groups = {"a": {"tags": {"Tier": "a"}}, "one": {"servers": ["server-6", "gone"]}}
    assert servers_of(groups, SERVERS) == {"server-1", "server-2", "server-3", "server-6"}


@given(MEMBERS, MEMBERS)
def test_every_uncovered_server_and_every_shared_pair_of_a_declared_plan_is_found_once(
    declared: dict[str, frozenset[str]], published: dict[str, frozenset[str]]
) -> None:
    findings = check_cover(declared, published, SERVERS)
    plans = {**published, **declared}
    uncovered = [finding.servers for finding in findings if finding.rule == "uncovered"]
    missing = tuple(name for name in NAMES if not any(name in keys for keys in plans.values()))
    assert uncovered == ([missing] if missing else [])
    shared = {finding.plans: set(finding.servers) for finding in findings if finding.rule == "shared"}
    assert shared == {
        (first, second): set(plans[first] & plans[second])
        for first in plans
        for second in plans
        if first < second and {first, second} & declared.keys() and plans[first] & plans[second]
    }
    assert refused(findings, strict=False) == []
    assert len(refused(findings, strict=True)) == len(findings)


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        (plan(99), None),
        (plan(3, timeout=7 * 86400), None),
        (plan(10, timeout=7 * 86400), "warning"),
        (plan(30, timeout=60, windows_timeout=7 * 86400), "error"),
    ],
)
def test_the_history_of_a_run_has_a_budget_and_a_limit(given: Plan, severity: str | None) -> None:
    budget = budget_of(given)
    found = check_budget(given, budget)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert (budget.run_events > HISTORY_BUDGET, budget.run_events > MOST_HISTORY) == (
        severity is not None,
        severity == "error",
    )
    assert budget.wave_events <= HISTORY_BUDGET
    assert budget.run_events + 1_000 < budget.failback_events < budget.run_events + 2_000
    if severity:
        assert f"{budget.failback_events if severity == 'error' else budget.run_events:,}" in found[0].message


def test_a_list_of_servers_that_no_event_can_hold_is_an_error() -> None:
    many = [
        PlannedServer(source_server(number, name=f"{number:05d}.{'x' * 80}"), 1, critical=True)
        for number in range(4_000)
    ]
    found = check_budget(plan(), budget_of(plan(), many))
    assert [(finding.severity, finding.rule) for finding in found] == [("error", "item_size")]
    assert "the list of its servers has" in found[0].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda members: st.lists(members, max_size=4) | st.dictionaries(st.text(max_size=5), members, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=5), st.text(min_size=1, max_size=20))
def test_sizes_grow_with_what_is_added_and_stay_near_that_of_the_text(item: dict[str, Any], more: str) -> None:
    size = item_bytes(item)
    assert item_bytes({**item, "more text": more}) == size + len("more text") + len(more.encode())
    assert size <= len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) * 3 + 3


def test_sizes_are_those_that_the_developer_guide_computes() -> None:
    assert item_bytes({"name": "abc"}) == 7
    assert item_bytes({"m": {"k": "v"}, "l": ["ab"], "n": None, "b": True}) == (1 + 3 + 3) + (1 + 3 + 3) + 2 + 2
