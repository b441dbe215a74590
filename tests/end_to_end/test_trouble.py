"""Trouble that a run deals with by itself: a failed launch within the policy, an optional server, a throttled API."""

from __future__ import annotations

import pytest

from .conftest import House

pytestmark = pytest.mark.xdist_group("house")


def test_a_server_whose_launch_failed_is_launched_again_alone(house: House, small_plan) -> None:
    keys = ["wh-app-1.example.internal", "wh-app-2.example.internal"]
    plan = small_plan("again", keys)
    plan["waves"][0]["retries"] = 1
    house.break_launch(keys[0], times=1)
    house.play("failover", dr_plan="again", dr_run_id="again", dr_plans=[plan])
    servers = {item["server_key"]: item for item in house.items("again", "SERVER")}
    assert house.meta("again")["status"] == "succeeded"
    assert [int(servers[key]["attempts"]) for key in keys] == [2, 1]
    jobs = house.aws.client("drs").describe_jobs(filters={})["items"]
    ours = [job for job in jobs if job["tags"].get("dr:run") == "again"]
    assert sorted(len(job["participatingServers"]) for job in ours) == [1, 2]


def test_an_optional_server_never_stops_a_wave(house: House, small_plan) -> None:
    keys = ["pay-web-1.example.internal", "pay-rep-1.example.internal"]
    plan = small_plan("optional", keys, optional_servers=[keys[1]])
    house.break_launch(keys[1], times=5)
    output = house.play("failover", dr_plan="optional", dr_run_id="optional", dr_plans=[plan]).output
    house.break_launch_ends(keys[1])
    assert house.meta("optional")["status"] == "succeeded_with_failures"
    assert house.items("optional", "PAUSE") == []
    assert keys[1] in output


def test_a_throttled_api_delays_a_run_and_never_launches_twice(house: House, small_plan) -> None:
    before = house.calls()
    for operation, times in (("StartRecovery", 3), ("DescribeJobs", 4), ("DescribeSourceServers", 2)):
        house.aws.control(
            "faults",
            {
                "service": "drs",
                "operation": operation,
                "error": "ThrottlingException",
                "status": 429,
                "message": "Rate exceeded",
                "times": times,
            },
        )
    plan = small_plan("throttled", ["crm-web-1.example.internal"])
    house.play("failover", dr_plan="throttled", dr_run_id="throttled", dr_plans=[plan])
    assert house.meta("throttled")["status"] == "succeeded"
    jobs = house.aws.client("drs").describe_jobs(filters={})["items"]
    assert len([job for job in jobs if job["tags"].get("dr:run") == "throttled"]) == 1
    assert house.calls()["drs.StartRecovery"] - before["drs.StartRecovery"] == 4
