"""What a person reads of a failback: while it runs, and at its end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import FIRST_HASH, Event, chain
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lines import cycle_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_report import leaves_way
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.progress import Progress
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.report import (
    build_report,
    final_status,
    summary_lines,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

from tests.unit.core.builders import START, at, record

DAY = 86400
AT = "2026-11-23T10:00:00.000Z"
RUN: dict[str, Any] = {
    "run_id": "home-1",
    "plan_name": "sample",
    "plan": {"name": "sample", "targets": {"rto": 3600, "rpo": 60}},
    "mode": "failback",
    "drill": False,
    "status": "succeeded",
    "requested_at": format_time(START),
    "requested_by": "arn:aws:iam::222222222222:user/me",
    "incident_at": None,
    "execution_arn": "arn:execution",
    "closed_at": format_time(at(DAY + 7200)),
    "evidence": None,
}
WAVE = {
    "wave": 1,
    "name": "all",
    "status": "succeeded",
    "started_at": format_time(at(DAY)),
    "ended_at": format_time(at(DAY + 1800)),
}


def home(number: int, stage: str = "protected", **members: Any) -> ServerRecord:
    way = {
        "kind": "cross_region",
        "protecting_server_id": f"s-{number}",
        "recovered_instance_id": f"i-b{number}",
        "original_instance_id": f"i-a{number}",
        "stage": stage,
    }
    values = {
        "status": "validated",
        "instance_id": f"i-c{number}",
        "validated_at": format_time(at(DAY + 1700)),
        "recovery_point_at": format_time(at(DAY - 5)),
        "way_home": way,
        **members,
    }
    return record(number, **values)


NEVER_AWAY = home(9, status="skipped", instance_id=None, validated_at=None, recovery_point_at=None)


def events(*done: tuple[str, str]) -> list[Event]:
    found = [chain(FIRST_HASH, 1, at(0), "run_opened", {})]
    for key, action in done:
        data = {"server_key": key, "action": action, "recovered_instance_id": "i-b1"}
        found.append(chain(found[-1].hash, len(found) + 1, at(DAY + 3000), "failback_step_done", data))
    return found


def report_of(*records: ServerRecord, **run: Any) -> dict[str, Any]:
    done = events(("server-1", "terminate_recovered"), ("server-1", "forget_returned"))
    return build_report({**RUN, **run}, [WAVE], list(records), done, [], now=at(3 * DAY))


def test_the_report_tells_the_way_home_of_every_server() -> None:
    report = report_of(home(1), home(2, "protecting_again", reason="it stalls"), NEVER_AWAY)
    assert json.loads(json.dumps(report)) == report
    assert (report["direction"], report["drill"]) == ("failback", False)
    way = report["way_home"]
    assert {name: way[name] for name in ("home", "before", "protected", "tidied")} == {
        "home": 2,
        "before": 1,
        "protected": 1,
        "tidied": 1,
    }
    first, second, never = way["servers"]
    assert first == {
        "server_key": "server-1",
        "kind": "cross_region",
        "stage": "protected",
        "protecting_server_id": "s-1",
        "original_instance_id": "i-a1",
        "recovered_instance_id": "i-b1",
        "returned_instance_id": "i-c1",
        "at_home": False,
        "steps": [
            {"action": "terminate_recovered", "recovered_instance_id": "i-b1", "at": format_time(at(DAY + 3000))},
            {"action": "forget_returned", "recovered_instance_id": "i-b1", "at": format_time(at(DAY + 3000))},
        ],
        "left": "",
    }
    assert second["left"] == "at home, being protected again (it stalls)"
    assert (never["at_home"], never["left"], never["returned_instance_id"]) == (True, "", None)


def test_the_objectives_of_a_failback_count_from_its_first_wave() -> None:
    achieved = report_of(home(1))["achieved"]
    assert achieved == {"rto": 1700.0, "rpo": 5.0, "rto_met": True, "rpo_met": True}
    waiting = build_report(RUN, [{**WAVE, "started_at": None}], [], [], [], now=at(60))
    assert waiting["achieved"]["rto"] is None


def test_the_summary_says_what_came_home_and_what_is_left() -> None:
    lines = summary_lines(report_of(home(1), home(2, "protecting_again"), NEVER_AWAY))
    assert lines[0] == "Run home-1: succeeded in 26h 00m 00s (plan sample, mode failback)"
    assert lines[1] == "Servers: 2 of 3 came home, 0 failed, 1 skipped, 0 unfinished"
    assert "Protected again: 1 of 2   Nothing left of the way home: 1 of 2" in lines
    assert "At home before: 1" in lines
    assert "server-2      at home, being protected again" in lines
    assert "What replicates goes on replicating, and a further failback of the plan goes on from there." in lines
    assert not any(line.startswith("Not recovered") for line in lines)


def test_the_summary_of_a_drill_says_nothing_of_a_way_home() -> None:
    report = report_of(home(1, "in_sync", status="cleaned_up"), drill=True)
    assert report["drill"] is True
    assert report["way_home"]["servers"][0]["returned_instance_id"] is None
    lines = summary_lines(report)
    assert lines[0].endswith("(plan sample, mode failback, drill)")
    assert lines[1].startswith("Servers: 1 of 1 recovered")
    assert not any("Protected again" in line or "What is left" in line for line in lines)


@pytest.mark.parametrize(
    ("servers", "leaves", "expected"),
    [
        ([home(1), NEVER_AWAY], False, "succeeded"),
        ([home(1), home(2, "protected_again")], True, "succeeded_with_failures"),
        ([NEVER_AWAY], False, "failed"),
        ([home(1), home(2, "refused", status="skipped", validated_at=None)], False, "succeeded_with_failures"),
    ],
)
def test_what_was_home_before_does_not_count_and_what_is_left_does(
    servers: list[ServerRecord], leaves: bool, expected: str
) -> None:
    assert any(leaves_way(server) for server in servers) is leaves
    assert final_status(servers, leaves_something=leaves) == expected


def test_a_server_of_another_mode_leaves_no_way_home() -> None:
    assert not leaves_way(replace(home(1), way_home={}))
    assert not leaves_way(home(1))


def test_who_watches_reads_how_far_the_replications_are() -> None:
    data = {
        "phase": "prepare-failback",
        "servers": 24,
        "stages": {"recovered": 2, "reversing": 17, "in_sync": 4, "returned": 1, "launching": 0},
        "slowest": {"server_key": "pay-db-1", "text": "INITIAL_SYNC (40 %), some 2h 01m 00s left"},
        "seconds_left": 7260,
    }
    [line] = Progress().lines([{"at": AT, "kind": "replication_followed", "data": data}])
    assert line == (
        "10:00:00  run      way home: 5 of 24 in sync · 2 recovered, not replicated back yet · 17 replicating back · "
        "slowest pay-db-1: INITIAL_SYNC (40 %), some 2h 01m 00s left"
    )
    ended = {**data, "phase": "protect-again", "stages": {"protected_again": 24}, "slowest": None, "seconds_left": None}
    [line] = Progress().lines([{"at": AT, "kind": "replication_followed", "data": ended}])
    assert line == "10:00:00  run      protection: 24 of 24 in sync"


def test_who_watches_reads_steps_of_one_action_on_one_line() -> None:
    done = [
        {"at": AT, "kind": "failback_step_done", "data": {"server_key": f"s{n}", "action": "terminate_recovered"}}
        for n in range(6)
    ]
    assert Progress().lines(done) == [
        "10:00:00  run      terminate the instance that ran at the recovery site: "
        "done for 6 servers (s0, s1, s2, s3 and 2 more)"
    ]


def test_who_watches_reads_what_becomes_of_original_instances() -> None:
    events = [
        {"at": AT, "kind": "failback_step_begun", "data": {"server_key": "a", "action": "stop_original"}},
        *(
            {"at": AT, "kind": "original_settled", "data": {"server_key": key, "fate": fate}}
            for key, fate in (("a", "launched_into"), ("b", "launched_into"), ("c", "kept"))
        ),
    ]
    assert Progress().lines(events) == [
        "10:00:00  run      stop the original instance: begun for 1 server (a)",
        "10:00:00  run      original instances launched into: 2 servers (a, b); left alone: 1 server (c)",
    ]


def test_a_dry_run_says_where_every_server_is_and_what_comes_next() -> None:
    servers = [
        {"server_key": "a", "kind": "cross_region", "stage": "recovered", "action": "reverse_replication"},
        {"server_key": "b", "kind": "cross_zone", "stage": "reversing", "action": None, "waiting": "RESCAN (40 %)"},
        {"server_key": "c", "kind": "on_premises", "stage": "protected", "action": None, "waiting": ""},
        {"server_key": "d", "kind": "extended", "stage": "refused", "action": None, "refusal": "no role"},
    ]
    assert cycle_lines(servers) == [
        "Server  Kind          Where it is                         What comes next",
        "------  ------------  ----------------------------------  ---------------------------------------",
        "a       cross region  recovered, not replicated back yet  replicate it back to where it came from",
        "b       cross zone    replicating back                    waits: RESCAN (40 %)",
        "c       on premises   at home, protected                  nothing: it is home",
        "d       extended      needs a person                      no role",
    ]
    assert cycle_lines([]) == ["No server."]
