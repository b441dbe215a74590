"""Plans: read with every problem named, and resolved against live servers."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import (
    digest,
    parse_plan,
    parse_plans,
    start_order,
    unknown_plan,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve

from tests.unit.core.builders import server_id, source_server

PLAN: dict[str, Any] = {
    "name": "sample-estate",
    "description": "All of it",
    "groups": {
        "databases": {"tags": {"Tier": "database"}},
        "web": {"servers": ["Web-1", "web-2"]},
        "one": {"source_server_ids": [server_id(9)]},
    },
    "waves": [
        {"name": "first", "groups": ["databases"], "max_failures": 1, "timeout": 1800, "retries": 2},
        {"name": "second", "groups": ["web", "one"]},
    ],
    "optional_servers": ["Web-2"],
    "targets": {"rto": 7200, "rpo": 900},
    "decision": {"timeout": 600, "default": "skip"},
    "gate": {"max_lag": 60, "mandatory_tags": "fail", "tags": [{"key": "Owner", "allowed": ["a"]}, {"key": "Tier"}]},
}
SERVERS = [
    source_server(1, name="db-1", tags={"Tier": "database"}),
    source_server(2, name="web-1"),
    source_server(3, name="web-2"),
    source_server(9, name="nine"),
    source_server(8, name="not-in-the-plan"),
]


def changed(**members: Any) -> dict[str, Any]:
    return {**deepcopy(PLAN), **members}


def test_a_plan_is_read_with_its_defaults() -> None:
    plan = parse_plan(PLAN)
    assert plan.waves[0].retries == 2
    assert (plan.waves[1].max_failures, plan.waves[1].timeout, plan.waves[1].retries) == (0, 3600, 1)
    assert plan.optional_servers == ("web-2",)
    small = parse_plan({"name": "p", "groups": {"g": {"servers": ["a"]}}, "waves": [{"name": "w", "groups": ["g"]}]})
    assert (small.targets.rto, small.targets.rpo) == (None, None)
    assert (small.decision.timeout, small.decision.default, small.gate.max_lag) == (14400, "abort", 900)


def test_a_plan_survives_its_document_and_the_table() -> None:
    plan = parse_plan(PLAN)
    document = plan.to_document()
    document["gate"]["max_lag"] = Decimal(60)
    document["waves"][0]["timeout"] = Decimal(1800)
    again = parse_plan(document)
    assert again == plan
    assert digest(again) == digest(plan)
    assert digest(parse_plan(changed(gate={"max_lag": 61}))) != digest(plan)


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        ({"name": "Sample Estate"}, ".name: 'Sample Estate'", "lower case"),
        ({"name": None}, ".name: None", "missing"),
        ({"wave": []}, ": 'wave'", "unknown key"),
        ({"groups": {}}, ".groups: {}", "at least one group"),
        ({"groups": {**PLAN["groups"], "spare": {"servers": ["x"]}}}, ".groups: 'spare'", "is in no wave"),
        ({"groups": {**PLAN["groups"], "one": {"servers": []}}}, ".groups.one.servers", "is empty"),
        ({"waves": []}, ".waves: []", "1 to 99 waves"),
        ({"waves": [*PLAN["waves"], {"name": "first", "groups": ["x"]}]}, ".waves[2].name: 'first'", "two waves"),
        ({"waves": [*PLAN["waves"], {"name": "third", "groups": ["x"]}]}, ".waves[2].groups: 'x'", "no such group"),
        (
            {"waves": [*PLAN["waves"], {"name": "third", "groups": ["web"]}]},
            ".waves[2].groups: 'web'",
            "second already",
        ),
        ({"waves": [*PLAN["waves"], {"name": "third", "groups": []}]}, ".waves[2].groups: []", "is empty"),
        ({"optional_servers": "web-2"}, ".optional_servers: 'web-2'", "must be a list"),
        ({"targets": {"rto": 0}}, ".targets.rto: 0", "whole number"),
        ({"targets": {"rto": "2h"}}, ".targets.rto: '2h'", "whole number"),
        ({"decision": {"default": "shrug"}}, ".decision.default: 'shrug'", "continue, retry, skip, abort"),
        ({"decision": {"timeout": True}}, ".decision.timeout: True", "whole number"),
        ({"gate": {"max_lag": -1}}, ".gate.max_lag: -1", "whole number"),
        ({"gate": {"mandatory_tags": "maybe"}}, ".gate.mandatory_tags: 'maybe'", "must be one of fail, report"),
        ({"gate": {"tags": [{"key": "x", "ec2_tag": "y"}]}}, ".gate.tags[0] (x): 'ec2_tag'", "unknown key"),
        ({"gate": [900]}, ".gate: [900]", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], where: str, reason: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_plan(changed(**change))
    matching = [line for line in str(caught.value).splitlines() if where in line and reason in line]
    assert matching, str(caught.value)
    assert matching[0].startswith("dr_plans")


def test_an_empty_plan_misses_everything() -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_plan({})
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "dr_plans.groups",
        "dr_plans.waves",
        "dr_plans.name",
    ]


@pytest.mark.parametrize("raw", [None, [], "plan", 5])
def test_what_is_no_plan_is_refused(raw: Any) -> None:
    with pytest.raises(DeclarationError, match="must be a mapping"):
        parse_plan(raw)


def test_all_plans_are_read_and_their_names_differ() -> None:
    assert [plan.name for plan in parse_plans([PLAN, changed(name="other")])] == ["sample-estate", "other"]
    with pytest.raises(DeclarationError) as caught:
        parse_plans([PLAN, PLAN, changed(gate={"max_lag": -1})])
    assert "dr_plans[1]: 'sample-estate': is the name of two plans" in str(caught.value)
    assert "dr_plans[2] (sample-estate).gate.max_lag" in str(caught.value)


def test_servers_are_found_by_wave() -> None:
    resolved = resolve(parse_plan(PLAN), SERVERS)
    assert [(one.wave, one.server.key, one.critical) for one in resolved.servers] == [
        (1, "db-1", True),
        (2, "nine", True),
        (2, "web-1", True),
        (2, "web-2", False),
    ]
    assert [one.server.key for one in resolved.wave_servers(1)] == ["db-1"]


def test_trap_only_first_group_of_a_wave() -> None:
    """The servers of all groups of a wave are in it."""
    groups = {name: {"servers": [name]} for name in ("db-1", "web-1", "web-2")}
    raw = {"name": "p", "groups": groups, "waves": [{"name": "w", "groups": list(groups)}]}
    assert [one.server.key for one in resolve(parse_plan(raw), SERVERS).wave_servers(1)] == ["db-1", "web-1", "web-2"]


def test_a_server_in_two_groups_of_one_wave_is_taken_once() -> None:
    groups = {"a": {"servers": ["web-1"]}, "b": {"servers": ["web-1", "web-2"]}}
    raw = {"name": "p", "groups": groups, "waves": [{"name": "w", "groups": ["a", "b"]}]}
    assert [one.server.key for one in resolve(parse_plan(raw), SERVERS).servers] == ["web-1", "web-2"]


def test_what_cannot_be_resolved_is_named_at_once() -> None:
    groups = {
        **PLAN["groups"],
        "web": {"servers": ["web-1", "web-3", "db-1", "twin"]},
        "one": {"tags": {"Tier": "none"}},
    }
    twins = [source_server(20, name="twin"), source_server(21, name="twin")]
    with pytest.raises(DeclarationError) as caught:
        resolve(parse_plan(changed(groups=groups)), [*SERVERS, *twins])
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert "'web-3': no source server that matches has this server key" in lines[0]
    assert "'db-1': is in the waves first and second" in lines[1]
    assert f"'twin': is the server key of {server_id(20)} and {server_id(21)}" in lines[2]
    assert "matches no source server" in lines[3]
    assert "'web-2': is in no wave of the plan" in lines[4]


def test_an_unknown_plan_names_the_known_ones() -> None:
    assert str(unknown_plan("x", ["b", "a"])) == "plan: 'x': no such plan: use one of a, b"
    assert "no plan is published" in str(unknown_plan("x", []))


def test_twins_that_no_group_means_do_not_stop_a_plan() -> None:
    twins = [source_server(20, name="twin"), source_server(21, name="twin")]
    assert len(resolve(parse_plan(PLAN), [*SERVERS, *twins]).servers) == 4


def three_waves(*depends_on: Any) -> dict[str, Any]:
    groups = {name: {"servers": [name]} for name in "abc"}
    waves = [{"name": name, "groups": [name]} for name in "abc"]
    for wave, names in zip(waves, depends_on, strict=True):
        if names is not None:
            wave["depends_on"] = names
    return {"name": "three", "groups": groups, "waves": waves}


def test_a_wave_depends_on_the_one_before_it_unless_the_plan_says_otherwise() -> None:
    assert [wave.depends_on for wave in parse_plan(three_waves(None, None, None)).waves] == [(), ("a",), ("b",)]
    plan = parse_plan(three_waves(["c"], [], None))
    assert [wave.depends_on for wave in plan.waves] == [("c",), (), ("b",)]
    assert start_order(plan) == [2, 3, 1]
    assert parse_plan(plan.to_document()) == plan


@pytest.mark.parametrize(
    ("depends_on", "problem"),
    [
        ((None, ["d"], None), r"waves\[1\].depends_on: 'd': no such wave: use a, b, c"),
        ((["c"], None, None), "in a circle"),
        ((None, ["b"], None), "'b → b'.*in a circle"),
    ],
)
def test_waves_that_can_never_start_are_refused(depends_on: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        parse_plan(three_waves(*depends_on))


def test_tolerated_failures_are_a_number_or_a_share() -> None:
    plan = three_waves(None, None, None)
    plan["waves"][0]["max_failures"] = "10%"
    plan["waves"][1]["max_failures"] = 3
    first, second, third = parse_plan(plan).waves
    assert [first.tolerated(count) for count in (0, 9, 10, 25, 1000)] == [0, 0, 1, 2, 100]
    assert (second.tolerated(1000), third.tolerated(1000)) == (3, 0)
    for wrong in ("ten", "101%", "-1%", -1, 1.5):
        plan["waves"][0]["max_failures"] = wrong
        with pytest.raises(DeclarationError, match="max_failures"):
            parse_plan(plan)


def test_windows_may_take_longer_and_never_shorter() -> None:
    plan = three_waves(None, None, None)
    plan["waves"][0] |= {"timeout": 1800, "windows_timeout": 5400, "soak": 600}
    first, second, _ = parse_plan(plan).waves
    assert (first.timeout, first.windows_timeout, first.soak) == (1800, 5400, 600)
    assert (second.timeout, second.windows_timeout, second.soak) == (3600, 3600, 0)
    plan["waves"][0]["windows_timeout"] = 900
    with pytest.raises(DeclarationError, match="windows_timeout"):
        parse_plan(plan)
