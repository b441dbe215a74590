"""Probes of plans: what may be declared, whom they ask, what their results mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import probe_results
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.batches import Batch
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.probes import (
    Probe,
    names_for,
    need_network,
    read_probes,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import record_from_item, record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.validation import CheckResult
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import apply_decision, started
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import record, source_server

SINCE = "2026-11-23T10:00:00.000Z"
NOW = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
GOOD: list[dict[str, Any]] = [
    {"name": "postgres", "groups": ["db"], "tcp": {"port": 5432}, "modes": ["failover"]},
    {"name": "web", "http": {"scheme": "https", "path": "/health?full", "status": [200, 204], "body": "ok"}},
    {"name": "host", "servers": ["WEB-1"], "http": {"port": 8080, "host": "shop.example", "verify_tls": False}},
    {"name": "service", "groups": ["db"], "command": {"commands": ["if a", "fi", "fi"]}, "timeout": 600, "attempts": 3},
    {"name": "agent", "ssm_agent": "expected", "interval": 60},
]


def read(raw: Any) -> tuple[tuple[Probe, ...], list[str]]:
    problems = Problems()
    probes = read_probes(raw, "probes", ("db", "web"), problems)
    return probes, [str(problem) for problem in problems]


def test_a_document_reads_as_what_it_was_written_from() -> None:
    probes, problems = read(GOOD)
    assert problems == []
    assert read([probe.to_document() for probe in probes]) == (probes, [])
    assert read(None) == ((), [])
    assert [probe.target for probe in probes] == [
        "tcp 5432",
        "https 443/health?full",
        "http 8080/",
        "AWS-RunShellScript",
        "SSM agent",
    ]
    assert probes[1].settings["verify_tls"] is True


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        ({"name": "a"}, "must have exactly one of tcp, http, command, ssm_agent"),
        ({"name": "a", "tcp": {"port": 1}, "ssm_agent": "expected"}, "must have exactly one of"),
        ({"name": "a", "tcp": {"port": 70000}}, "must be a whole number from 1 to 65535"),
        ({"name": "a", "tcp": {}}, "missing: give a value"),
        ({"name": "a", "tcp": {"port": 1}, "groups": ["nobody"]}, "no such group: use db, web"),
        ({"name": "a", "tcp": {"port": 1}, "modes": ["drill"]}, "unknown mode: use"),
        ({"name": "a", "tcp": {"port": 1}, "timeout": 60}, "must be a whole number from 1 to 10"),
        ({"name": "a", "tcp": {"port": 1}, "interval": 5}, "must be a whole number from 15"),
        ({"name": "a", "ssm_agent": "expected", "timeout": 5}, "an agent is only looked up"),
        ({"name": "a", "ssm_agent": "maybe"}, "must be one of expected"),
        ({"name": "a", "http": {"status": [200, 99]}}, "must be a status of HTTP"),
        ({"name": "a", "http": {"path": "health"}}, "must begin with /"),
        ({"name": "a", "command": {"commands": []}}, "is empty: give at least one line"),
        ({"name": "a", "command": {"document": "AWS-StopEC2Instance", "commands": ["x"]}}, "must be one of AWS-Run"),
        ({"name": "A b", "tcp": {"port": 1}}, "must be a name"),
        ({"name": "a", "tcp": {"port": 1}, "retries": 3}, "unknown key"),
    ],
)
def test_what_cannot_be_is_named(probe: dict[str, Any], says: str) -> None:
    _probes, problems = read([probe])
    assert any(says in problem for problem in problems), problems


def test_all_problems_are_named_at_once() -> None:
    _probes, problems = read([{"name": "a", "tcp": {"port": 0}}, {"name": "a", "http": {"status": "x"}}, 5])
    assert len(problems) >= 4
    _probes, problems = read([{"name": f"p{number}", "tcp": {"port": 1}} for number in range(21)])
    assert problems == ["probes: 21: are too many probes: declare 20 at most"]


def test_probes_ask_the_servers_of_their_groups_and_their_own_in_their_modes() -> None:
    probes, _problems = read(GOOD)
    groups = {"db": {"tags": {"Tier": "database"}}, "web": {"tags": {"Tier": "web"}}}
    database = source_server(1, name="db-1", tags={"Tier": "database"})
    web = source_server(2, name="web-1", tags={"Tier": "web"})
    assert names_for(probes, database, groups, "failover") == ["postgres", "web", "service", "agent"]
    assert names_for(probes, database, groups, "test") == ["web", "service", "agent"]
    assert names_for(probes, web, groups, "test") == ["web", "host", "agent"]
    assert need_network(probes, "test") == ["web", "host"]
    assert need_network(probes, "failover") == ["postgres", "web", "host"]
    assert names_for(probes, web, groups, "failback") == ["agent"], "network probes are made at home where they say so"
    assert need_network(probes, "failback") == []


def test_a_probe_of_a_server_that_is_in_no_wave_is_a_problem_of_the_plan() -> None:
    plan = parse_plan(
        {
            "name": "p",
            "groups": {"db": {"tags": {"Tier": "database"}}},
            "waves": [{"name": "w", "groups": ["db"]}],
            "probes": [{"name": "console", "servers": ["db-1", "elsewhere"], "tcp": {"port": 22}}],
        }
    )
    assert parse_plan(plan.to_document()) == plan
    servers = [source_server(1, name="db-1", tags={"Tier": "database"})]
    with pytest.raises(DeclarationError, match="probe console of plan p: 'elsewhere': is in no wave"):
        resolve(plan, servers)


def probe(**members: Any) -> Probe:
    return replace(Probe("web", "http", {"scheme": "http", "port": 80, "path": "/"}), **members)


PASSED = CheckResult("ok", ())


def test_a_server_is_valid_when_all_its_probes_have_passed() -> None:
    asked, server = [probe(), probe(name="db")], record(probes={})
    answer = probe_results.with_probes(PASSED, server, asked, SINCE)
    assert (answer.outcome, answer.reasons[0]) == ("pending", "probe web (http 80/): not tried yet")
    server = probe_results.tried(server, asked[0], SINCE, NOW, passed=True, saw="answers 200", milliseconds=3)
    server = probe_results.tried(server, asked[1], SINCE, NOW, passed=False, saw="refused")
    answer = probe_results.with_probes(PASSED, server, asked, SINCE)
    assert answer == CheckResult("pending", ("probe db (http 80/): refused",))
    server = probe_results.tried(server, asked[1], SINCE, NOW, passed=True, saw="answers 200")
    assert probe_results.with_probes(PASSED, server, asked, SINCE) == PASSED
    assert probe_results.with_probes(PASSED, server, asked, "2026-11-23T12:00:00.000Z").outcome == "pending"
    not_up = CheckResult("pending", ("the instance is starting",))
    assert probe_results.with_probes(not_up, server, asked, SINCE) == not_up
    assert record_from_item(record_to_item(server)) == server
    assert [(item["name"], item["outcome"], item["attempts"]) for item in probe_results.evidence(server)] == [
        ("db", "ok", 2),
        ("web", "ok", 1),
    ]


@given(st.integers(1, 6), st.integers(0, 8))
def test_a_probe_fails_at_its_last_attempt_and_never_before(allowed: int, tries: int) -> None:
    asked, server, moment = probe(attempts=allowed), record(probes={}), NOW
    made = 0
    for _try in range(tries):
        if probe_results.is_due(asked, probe_results.result_of(server, asked, SINCE), moment):
            server = probe_results.tried(server, asked, SINCE, moment, passed=False, saw="refused")
            made += 1
        moment += timedelta(seconds=asked.interval)
    assert made == min(tries, allowed)
    outcome = probe_results.with_probes(PASSED, server, [asked], SINCE).outcome
    assert outcome == ("failed" if made == allowed else "pending")


def test_a_probe_is_not_tried_before_its_interval_is_over_nor_while_a_command_runs() -> None:
    asked = probe(interval=60)
    server = probe_results.tried(record(probes={}), asked, SINCE, NOW, passed=False, saw="refused")
    known = probe_results.result_of(server, asked, SINCE)
    assert not probe_results.is_due(asked, known, NOW + timedelta(seconds=59))
    assert probe_results.is_due(asked, known, NOW + timedelta(seconds=60))
    server = probe_results.sending(server, asked, SINCE, NOW, "dr:token")
    later = NOW + timedelta(hours=1)
    assert not probe_results.is_due(asked, probe_results.result_of(server, asked, SINCE), later)
    assert probe_results.by_token([server], asked, SINCE) == {"dr:token": [server]}
    ended = probe_results.tried(server, asked, SINCE, later, passed=True, saw="x" * 5000)
    assert probe_results.by_token([ended], asked, SINCE) == {}
    assert len(ended.probes["web"]["saw"]) == probe_results.LONGEST_SAW


def test_a_command_is_found_by_who_when_and_where_it_was_sent() -> None:
    token = probe_results.command_token("run-1", "service", SINCE, 0, ["b", "a"])
    assert token == probe_results.command_token("run-1", "service", SINCE, 0, ["a", "b"])
    others = [
        ("run-2", "service", SINCE, 0, ["a", "b"]),
        ("run-1", "other", SINCE, 0, ["a", "b"]),
        ("run-1", "service", "later", 0, ["a", "b"]),
        ("run-1", "service", SINCE, 1, ["a", "b"]),
        ("run-1", "service", SINCE, 0, ["a"]),
    ]
    assert token not in {probe_results.command_token(*other) for other in others}
    assert len(probe_results.command_token("r" * 60, "p" * 32, SINCE, 9, ["a"])) <= 100


def test_a_server_that_is_launched_again_is_asked_anew() -> None:
    server = probe_results.tried(record(status="failed"), probe(), SINCE, NOW, passed=True, saw="answers 200")
    (again,) = apply_decision([server], "retry")
    (launching,) = started([again], Batch(2, 1, (again.source_server_id,)), "drsjob-1")
    assert launching.probes == {}
