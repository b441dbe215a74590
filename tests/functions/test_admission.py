"""What starts when other people's jobs run, and quotas are small or cannot be read: the real machine, DRS counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.orchestrator import ESTATE, IDS, KEYS, PREFIX, Orchestrator

NewRun = Callable[[], str]
GUESTS = {f"guest-{number:02d}": f"s-guest{number:02d}000000001" + "0" for number in range(1, 20)}
"""Servers that are in no plan: with one of ours, their jobs are as many as DRS runs at a time."""

PACE = 600
"""Virtual seconds a second: without a limit, the jobs of others would be over before anything else happens."""

HOURS = 20
"""So many times as long takes a launch of a slow server."""


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    estate = yaml.safe_load(ESTATE.read_text(encoding="utf-8"))
    for number, (name, server_id) in enumerate(GUESTS.items(), start=101):
        place = {"addresses": {"home": f"10.10.1.{number}"}, "tags": {"Tier": "guest"}}
        estate["servers"][name] = {"id": server_id, "instance": f"i-0a1e00000000{number:05d}", **place}
    aws = EmbeddedAws(estate, pace=PACE)
    try:
        yield Orchestrator(aws, tmp_path_factory.mktemp("archive"))
    finally:
        aws.stop()


def set_pace(orchestrator: Orchestrator, server_id: str, factor: int) -> None:
    """Let launches of a server take so many times as long."""
    where = {"account": TARGET, "region": "us-west-2", "source_server_id": server_id}
    orchestrator.aws.control("drs/source-server", {**where, "slow": factor})


def start_foreign_job(orchestrator: Orchestrator, server_id: str, factor: int = HOURS) -> str:
    """Start a drill of a server as somebody else does, without a run; return its job."""
    set_pace(orchestrator, server_id, factor)
    answer = orchestrator.client("drs").start_recovery(sourceServers=[{"sourceServerID": server_id}], isDrill=True)
    return str(answer["job"]["jobID"])


def calls_of_reconcile(orchestrator: Orchestrator) -> list[dict[str, Any]]:
    """Return the calls of reconcile-wave to DRS."""
    calls = orchestrator.aws.control("calls")["calls"]
    return [call for call in calls if call["service"] == "drs" and f"{PREFIX}-reconcile-wave" in call["principal"]]


def test_other_peoples_jobs_count_and_a_server_of_theirs_waits_until_its_time_is_over(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    orchestrator.publish(
        name="guests",
        groups={"db": {"servers": [KEYS["db-1"]]}, "app": {"servers": [KEYS["app-1"], KEYS["app-2"]]}},
        waves=[
            {"name": "databases", "groups": ["db"], "retries": 0},
            {"name": "applications", "groups": ["app"], "retries": 1, "timeout": 1500},
        ],
        optional_servers=[],
        decision={"timeout": 86400, "default": "abort"},
    )
    orchestrator.change_source_server("db-1", fail_launch={"phase": "LAUNCH", "times": 1, "raw_error": "no luck"})
    orchestrator.change_source_server("app-2", fail_launch={"phase": "SNAPSHOT", "times": 1})
    arn = orchestrator.start("test", run_id, plan="guests")
    orchestrator.follow(arn, until_paused=True)
    ends_soon, *others = GUESTS.values()
    foreign = [start_foreign_job(orchestrator, server_id) for server_id in (*others, IDS["app-1"])]
    foreign.append(start_foreign_job(orchestrator, ends_soon, 3))
    try:
        orchestrator.decide(run_id, "retry")
        orchestrator.follow(arn, until_paused=True)
        (pause,) = orchestrator.runs.open_pauses(run_id)
        assert (pause["step"], pause["wave"]) == ("reconcile-wave", 2)
        assert "1 critical server failed or did not finish within 25m 00s" in pause["reason"]
        assert KEYS["app-1"] in pause["reason"]
        statuses = orchestrator.statuses(run_id)
        assert (statuses["app-1"], statuses["app-2"]) == ("pending", "launched")
        orchestrator.decide(run_id, "skip")
        execution = orchestrator.follow(arn)
    finally:
        for server_id in (*GUESTS.values(), IDS["app-1"]):
            set_pace(orchestrator, server_id, 1)
        orchestrator.aws.control("clock", {"advance": 8 * 3600})
    assert json.loads(execution["output"])["status"] == "succeeded_with_failures"
    jobs = {job["jobID"]: job for job in orchestrator.client("drs").describe_jobs(filters={})["items"]}
    assert len(foreign) == 20
    assert {jobs[job_id]["status"] for job_id in foreign} == {"COMPLETED"}
    (first_end,) = {jobs[foreign[-1]]["endDateTime"]}
    ours = sorted(job["creationDateTime"] for job in orchestrator.jobs(run_id))
    assert len(ours) == 4
    assert ours[1] > first_end, "a job was started while others ran twenty"

    made = calls_of_reconcile(orchestrator)
    assert [call for call in made if call["error"]] == []
    reads = Counter(call["time"] for call in made if call["operation"] != "StartRecovery")
    assert max(reads.values()) == 2
    assert len(reads) > 50, "polls"


def test_quotas_that_cannot_be_read_are_the_documented_ones_and_those_that_change_are_told_of(
    orchestrator: Orchestrator, open_run: Callable[..., str]
) -> None:
    run_id = open_run()
    orchestrator.invoke("prepare-wave", run_id, wave=2)

    def told() -> list[tuple[str, int, int, int]]:
        found = [event["data"] for event in orchestrator.runs.events(run_id) if event["kind"] == "quotas_read"]
        names = ("servers_per_job", "concurrent_jobs", "servers_in_all_jobs")
        return [(data["source"], *(data[name] for name in names)) for data in found]

    held = {"service": "drs", "operation": "StartRecovery", "error": "ConflictException", "status": 409, "times": None}
    orchestrator.aws.control("faults", held)
    listing = {"service": "service-quotas", "operation": "ListServiceQuotas", "times": None}
    for kind in ("denied", "server_error"):
        rule = orchestrator.aws.control("faults", {"kind": kind, **listing})["id"]
        assert orchestrator.invoke("reconcile-wave", run_id, wave=2)["outcome"] == "wait"
        orchestrator.aws.control("faults", {"id": rule}, method="DELETE")
    ((source, *documented),) = told()
    assert documented == [100, 20, 500]
    assert source.startswith("documented values, because Service Quotas did not answer: ")
    assert "AccessDenied" in source

    larger = {"servers_per_job": 100, "concurrent_jobs": 40, "servers_in_all_jobs": 500, "source": "Service Quotas"}
    orchestrator.runs.update_wave(run_id, 2, {"quotas": {"orchestrator": larger}})
    for _ in range(2):
        orchestrator.invoke("reconcile-wave", run_id, wave=2)
    assert told()[1:] == [("Service Quotas", 100, 20, 500)]


def test_a_clean_up_waits_for_its_turn_among_other_peoples_jobs(
    orchestrator: Orchestrator, open_run: Callable[..., str]
) -> None:
    def until_done(function: str, wave: int | None = None) -> None:
        while (step := orchestrator.invoke(function, run_id, wave=wave))["outcome"] == "wait":
            orchestrator.aws.control("clock", {"advance": 3600})
        assert step["outcome"] == "done", step

    def terminations() -> int:
        calls = orchestrator.aws.control("calls")["counts"]
        return sum(call["count"] for call in calls if call["operation"] == "TerminateRecoveryInstances")

    run_id = open_run()
    until_done("prepare-wave", 2)
    until_done("reconcile-wave", 2)
    foreign = [start_foreign_job(orchestrator, server_id) for server_id in (*GUESTS.values(), IDS["db-1"])]
    try:
        before = terminations()
        step = orchestrator.invoke("clean-up", run_id)
        assert (step["outcome"], step["reason"]) == ("wait", "3 drill instances are left")
        assert terminations() == before
    finally:
        for server_id in (*GUESTS.values(), IDS["db-1"]):
            set_pace(orchestrator, server_id, 1)
        orchestrator.aws.control("clock", {"advance": 60 * 3600})
    assert len(foreign) == 20
    until_done("clean-up")
    assert terminations() == before + 1
    assert orchestrator.kinds(run_id).count("clean_up_started") == 1
    assert {item["status"] for item in orchestrator.client("drs").describe_jobs(filters={})["items"]} == {"COMPLETED"}
