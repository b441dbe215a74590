"""The report of a run, its objectives, and what it comes to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Pause
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import FIRST_HASH, Event, chain
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.objectives import (
    Achieved,
    overall_objectives,
    server_objectives,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Targets
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.report import (
    build_report,
    final_status,
    summary_lines,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

from tests.unit.core.builders import START, at, record

TARGETS = Targets(rto=3600, rpo=60)


def recovered(number: int, seconds: float, *, point: float = -30, **members: Any) -> ServerRecord:
    times = {"launched_at": format_time(at(seconds - 60)), "validated_at": format_time(at(seconds))}
    return record(number, status="validated", recovery_point_at=format_time(at(point)), **times, **members)


def test_objectives_of_a_server() -> None:
    assert server_objectives(recovered(1, 1800), since=START, targets=TARGETS) == Achieved(1800, 30, True, True)
    assert server_objectives(recovered(1, 3601, point=-61), since=START, targets=TARGETS) == Achieved(
        3601, 61, False, False
    )
    assert server_objectives(record(1), since=START, targets=TARGETS) == Achieved(None, None)
    assert server_objectives(recovered(1, 10), since=START, targets=Targets()) == Achieved(10, 30)


def test_objectives_of_a_run_are_those_of_its_worst_server() -> None:
    servers = [recovered(1, 600), recovered(2, 1200, point=-50)]
    assert overall_objectives(servers, since=START, targets=TARGETS) == Achieved(1200, 50, True, True)
    assert overall_objectives([], since=START, targets=TARGETS) == Achieved(None, None)


def test_a_critical_server_that_is_lost_misses_every_target() -> None:
    lost = record(2, status="failed")
    assert overall_objectives([recovered(1, 600), lost], since=START, targets=TARGETS) == Achieved(
        600, 30, False, False
    )
    optional = replace(lost, critical=False)
    assert overall_objectives([recovered(1, 600), optional], since=START, targets=TARGETS).rto_met is True
    assert overall_objectives([lost], since=START, targets=Targets(rto=1)) == Achieved(None, None, False, None)


def test_data_newer_than_the_incident_are_not_negative() -> None:
    assert server_objectives(recovered(1, 10, point=5), since=START, targets=TARGETS).rpo == 0


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], "succeeded"),
        ([record(2, status="failed", critical=False)], "succeeded_with_failures"),
        ([record(2, status="skipped")], "succeeded_with_failures"),
        ([record(2, status="failed", accepted=True)], "succeeded_with_failures"),
        ([record(2, status="failed")], "failed"),
        ([record(2, status="launched")], "failed"),
        ([record(2, status="pending", critical=False)], "failed"),
        ([record(2, status="something_new")], "failed"),
    ],
)
def test_final_status_is_honest(others: list[ServerRecord], expected: str) -> None:
    servers = [recovered(1, 600), *others]
    assert final_status(servers) == expected
    assert final_status(servers, aborted=True) == "aborted"
    assert final_status(servers, timed_out=True) == "timed_out"
    assert final_status(servers, error="boom") == "failed"


@pytest.mark.parametrize("error", ["", "Aborted by an operator"])
def test_trap_cancelled_reported_as_success(error: str) -> None:
    """A run that was aborted or stopped is none that succeeded, even if all of its servers were recovered by then."""
    assert final_status([recovered(1, 600)], aborted=True, error=error) == "aborted"
    assert final_status([recovered(1, 600)], error="stopped") == "failed"
    assert final_status([recovered(1, 600)], timed_out=True) == "timed_out"
    cancelled = record(2, status="skipped", reason="the run was aborted before its launch")
    assert final_status([recovered(1, 600), cancelled]) == "succeeded_with_failures"


def test_a_run_that_recovered_nothing_has_failed() -> None:
    assert final_status([]) == "failed"
    assert final_status([record(1, status="skipped"), record(2, status="failed", critical=False)]) == "failed"


RUN: dict[str, Any] = {
    "run_id": "sample-test-1",
    "plan_name": "sample",
    "plan": {"name": "sample", "targets": {"rto": 3600, "rpo": 60}},
    "mode": "failover",
    "status": "succeeded_with_failures",
    "requested_at": format_time(START),
    "requested_by": "arn:aws:iam::222222222222:user/me",
    "incident_at": None,
    "execution_arn": "arn:execution",
    "closed_at": format_time(at(2000)),
    "evidence": "s3://evidence/runs/sample-test-1/",
}
WAVES = [
    {
        "wave": 1,
        "name": "databases",
        "status": "succeeded",
        "started_at": format_time(at(10)),
        "ended_at": format_time(at(910)),
    },
    {"wave": 2, "name": "web", "status": "running", "started_at": format_time(at(910)), "ended_at": None},
    {"wave": 3, "name": "batch", "status": "pending", "started_at": None, "ended_at": None},
]
SERVERS = [
    recovered(2, 1500, wave=2),
    recovered(1, 900),
    record(3, wave=2, status="failed", critical=False, reason="DRS could not launch it in job drsjob-1"),
]
PAUSES = [
    Pause(
        "001",
        "reconcile-wave",
        2,
        "1 failed",
        ("skip", "abort"),
        "abort",
        format_time(at(5000)),
        status="answered",
        decision="skip",
        decided_by="arn:me",
        decided_at=format_time(at(1600)),
        decision_reason="known fault",
    )
]


def events() -> list[Event]:
    first = chain(FIRST_HASH, 1, at(0), "run_opened", {})
    return [first, chain(first.hash, 2, at(2000), "run_closed", {"status": "succeeded"})]


def test_the_report_tells_the_whole_run() -> None:
    report = build_report(RUN, WAVES, SERVERS, events(), PAUSES, now=at(2500))
    assert json.loads(json.dumps(report)) == report
    assert report["seconds"] == 2000
    assert report["achieved"] == {"rto": 1500.0, "rpo": 30.0, "rto_met": True, "rpo_met": True}
    assert {name: report["servers"][name] for name in ("total", "recovered", "failed", "skipped", "unfinished")} == {
        "total": 3,
        "recovered": 2,
        "failed": 1,
        "skipped": 0,
        "unfinished": 0,
    }
    assert [one["server_key"] for one in report["servers"]["list"]] == ["server-1", "server-2", "server-3"]
    assert [(one["name"], one["seconds"], one["servers"], one["recovered"]) for one in report["waves"]] == [
        ("databases", 900, 1, 1),
        ("web", 1590, 2, 1),
        ("batch", None, 0, 0),
    ]
    assert report["decisions"][0]["decided_by"] == "arn:me"
    assert report["events"] == {"count": 2, "last_hash": events()[-1].hash, "intact": True}


def test_the_incident_is_where_recovery_time_begins() -> None:
    run = {**RUN, "incident_at": format_time(at(-100))}
    assert build_report(run, WAVES, SERVERS, events(), [], now=at(2500))["achieved"]["rto"] == 1600


def test_the_summary_says_it_in_columns() -> None:
    report = build_report(RUN, WAVES, SERVERS, events(), PAUSES, now=at(2500))
    assert summary_lines(report) == [
        "Run sample-test-1: succeeded_with_failures in 33m 20s (plan sample, mode failover)",
        "Servers: 2 of 3 recovered, 1 failed, 0 skipped, 0 unfinished",
        "RTO: 25m 00s (target 1h 00m 00s: met)   RPO: 30s (target 1m 00s: met)",
        "",
        "Wave  Name       Status     Servers  Recovered  Time",
        "----  ---------  ---------  -------  ---------  -------",
        "1     databases  succeeded  1        1          15m 00s",
        "2     web        running    2        1          26m 30s",
        "3     batch      pending    0        0          -",
        "",
        "Not recovered  Status  Reason",
        "-------------  ------  ---------------------------------------",
        "server-3       failed  DRS could not launch it in job drsjob-1",
        "Decision at reconcile-wave: skip by arn:me: known fault",
        "",
        "Evidence: s3://evidence/runs/sample-test-1/",
    ]


def test_the_summary_of_a_run_without_anything() -> None:
    run = {**RUN, "plan": {"name": "sample"}, "evidence": None, "closed_at": None, "status": "failed"}
    lines = summary_lines(build_report(run, [], [], [], [], now=at(5)))
    assert lines[0].startswith("Run sample-test-1: failed in 5s")
    assert "RTO: not measured (no target)   RPO: not measured (no target)" in lines
    assert lines[-1] == "Evidence: none written"


def test_the_summary_says_what_ended_the_run() -> None:
    report = build_report({**RUN, "error": "it rains"}, WAVES, SERVERS, events(), [], now=at(2500))
    assert report["error"] == "it rains"
    assert "Ended by an error: it rains" in summary_lines(report)


def test_a_closed_drill_names_the_instances_that_it_left() -> None:
    servers = [
        replace(SERVERS[0], instance_id="i-2", job_id="drsjob-1"),
        replace(SERVERS[1], instance_id="i-1", job_id="drsjob-1"),
        replace(SERVERS[2], instance_id="i-that-was-there-before", job_id=None),
    ]
    drill = {**RUN, "mode": "test"}
    report = build_report(drill, WAVES, servers, events(), [], now=at(2500))
    assert report["drill_instances_left"] == ["i-1", "i-2"]
    assert "Drill instances that are still there: i-1, i-2" in summary_lines(report)
    cleaned = [*events(), chain(events()[-1].hash, 3, at(2000), "clean_up_ended", {})]
    assert build_report(drill, WAVES, servers, cleaned, [], now=at(2500))["drill_instances_left"] == []
    assert build_report(RUN, WAVES, servers, events(), [], now=at(2500))["drill_instances_left"] == []


def test_a_changed_event_is_told() -> None:
    broken = [events()[0], replace(events()[1], data={"status": "failed"})]
    lines = summary_lines(build_report(RUN, WAVES, SERVERS, broken, [], now=at(5)))
    assert any("BROKEN" in line for line in lines)


def test_many_failures_are_cut_short() -> None:
    servers = [record(number, status="failed", reason="x") for number in range(30)]
    lines = summary_lines(build_report(RUN, WAVES, servers, events(), [], now=at(5)))
    assert "and 10 more, all in the report" in lines
