"""Launches that fail: the job ends COMPLETED, the server FAILED, and the log says as much as DRS says [facts 5.4]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, RECOVERY_DB, TARGET, Drs
from tests.support.embedded import ControlError

REGION = "us-west-2"


def control(drs: Drs, server_id: str, **changes: Any) -> dict[str, Any]:
    """Change a source server of the target account."""
    body = {"account": TARGET, "region": REGION, "source_server_id": server_id, **changes}
    return drs.aws.control("drs/source-server", body)


def assert_failed(drs: Drs, job_id: str, server: str) -> None:
    assert drs.job(job_id)["status"] == "COMPLETED"
    assert drs.status_of(job_id, server) == "FAILED"
    shown = drs.server(server)
    assert shown["lastLaunchResult"] == "FAILED"
    assert shown["lifeCycle"]["lastLaunch"]["status"] == "FAILED"
    assert "recoveryInstanceId" not in shown


def test_without_a_subnet_the_launch_fails_and_nobody_says_why(drs: Drs) -> None:
    server = "s-paydb100000000001"
    job_id = drs.recover(server)
    assert drs.events(job_id) == ["JOB_START", "SNAPSHOT_START", "SNAPSHOT_END", "JOB_END"]
    assert_failed(drs, job_id, server)


@pytest.mark.parametrize(
    ("server", "interface", "raw_error"),
    [
        (
            "s-payapp10000000001",
            {"SubnetId": RECOVERY_DB, "PrivateIpAddress": "10.21.1.5"},
            "(InvalidParameterValue) when calling the RunInstances operation: "
            "Address 10.21.1.5 does not fall within the subnet's address range",
        ),
        (
            "s-payapp20000000001",
            {"SubnetId": RECOVERY_DB, "PrivateIpAddress": "10.20.1.3"},
            "(InvalidParameterValue) when calling the RunInstances operation: "
            "Address 10.20.1.3 is in subnet's reserved address range",
        ),
        (
            "s-payapp30000000001",
            {"SubnetId": RECOVERY_DB, "Groups": ["sg-00000000000000000"]},
            "(InvalidGroup.NotFound) when calling the RunInstances operation: "
            "The security group 'sg-00000000000000000' does not exist",
        ),
        (
            "s-payapp40000000001",
            {"SubnetId": RECOVERY_DB, "Groups": ["sg-0a99100000000d001"]},
            "(InvalidParameter) when calling the RunInstances operation: "
            f"Security group sg-0a99100000000d001 and subnet {RECOVERY_DB} belong to different networks.",
        ),
        (
            "s-payweb10000000001",
            {"SubnetId": "subnet-00000000000000000"},
            "(InvalidSubnetID.NotFound) when calling the RunInstances operation: "
            "The subnet ID 'subnet-00000000000000000' does not exist",
        ),
    ],
)
def test_what_ec2_refuses_is_in_the_job_log(drs: Drs, server: str, interface: dict[str, Any], raw_error: str) -> None:
    drs.launch_with(server, NetworkInterfaces=[{"DeviceIndex": 0, **interface}])
    job_id = drs.recover(server)
    log = drs.log(job_id, server)
    assert [item["event"] for item in log][-2:] == ["LAUNCH_START", "LAUNCH_FAILED"]
    assert log[-1]["eventData"]["rawError"] == f"An error occurred {raw_error}"
    assert_failed(drs, job_id, server)


def test_an_address_in_use_fails_one_server_and_not_the_other(drs: Drs) -> None:
    first, second = "s-payweb20000000001", "s-payweb30000000001"
    drs.launch_into(first, RECOVERY_APP, "10.20.2.50")
    drs.launch_into(second, RECOVERY_APP, "10.20.2.50")
    job_id = drs.recover(first, second)
    statuses = {server: drs.status_of(job_id, server) for server in (first, second)}
    assert sorted(statuses.values()) == ["FAILED", "LAUNCHED"]
    loser = next(server for server, status in statuses.items() if status == "FAILED")
    assert drs.log(job_id, loser)[-1]["eventData"]["rawError"] == (
        "An error occurred (InvalidIPAddress.InUse) when calling the RunInstances operation: "
        "Address 10.20.2.50 is in use."
    )


@pytest.mark.parametrize(
    ("phase", "event"),
    [("SNAPSHOT", "SNAPSHOT_FAIL"), ("CONVERSION", "CONVERSION_FAIL"), ("LAUNCH", "LAUNCH_FAILED")],
)
def test_a_fault_on_demand_fails_that_phase_so_many_times(drs: Drs, phase: str, event: str) -> None:
    server = "s-payrep10000000001"
    drs.launch_into(server, RECOVERY_APP)
    answer = control(drs, server, fail_launch={"phase": phase, "times": 1, "raw_error": f"no {phase} today"})
    assert answer["fail_launch"] == [{"phase": phase, "times": 1, "raw_error": f"no {phase} today"}]
    failed = drs.recover(server)
    last = drs.log(failed, server)[-1]
    assert (last["event"], last["eventData"]["rawError"]) == (event, f"no {phase} today")
    assert drs.status_of(drs.recover(server), server) == "LAUNCHED"
    drs.api.terminate_recovery_instances(recoveryInstanceIDs=[drs.server(server)["recoveryInstanceId"]])
    drs.advance(120)


def test_a_failed_launch_leaves_no_instance_behind(drs: Drs) -> None:
    server = "s-crmapp10000000001"
    drs.launch_into(server, RECOVERY_APP)
    control(drs, server, fail_launch={"phase": "CONVERSION", "times": 1, "raw_error": None})
    job_id = drs.recover(server)
    assert "rawError" not in drs.log(job_id, server)[-1]["eventData"]
    found = drs.ec2.describe_instances(
        Filters=[
            {"Name": "tag:drs.amazonaws.com-job", "Values": [job_id]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]},
        ]
    )
    assert found["Reservations"] == []


def test_slow_servers_take_longer(drs: Drs) -> None:
    server = "s-crmapp20000000001"
    drs.launch_into(server, RECOVERY_APP)
    control(drs, server, slow=0.1)
    job_id = drs.recover(server)
    job = drs.job(job_id)
    duration = datetime.fromisoformat(job["endDateTime"]) - datetime.fromisoformat(job["creationDateTime"])
    assert duration < timedelta(seconds=0.1 * 3 * 560 + 5)


def test_a_stalled_server_lags_more_and_more_and_launches_from_the_previous_snapshot(drs: Drs) -> None:
    server = "s-crmapp30000000001"
    drs.launch_into(server, RECOVERY_APP)
    control(drs, server, replication_state="STALLED")
    drs.advance(3600)
    info = drs.server(server)["dataReplicationInfo"]
    assert info["dataReplicationState"] == "STALLED"
    assert info["lagDuration"].startswith("PT1H")
    assert info["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    newest = drs.api.describe_recovery_snapshots(sourceServerID=server)["items"][0]
    assert drs.now() - datetime.fromisoformat(newest["timestamp"]) > timedelta(minutes=59)
    job_id = drs.recover(server)
    assert drs.events(job_id, server)[:2] == ["SNAPSHOT_START", "USING_PREVIOUS_SNAPSHOT"]
    assert drs.recovery_instance_of(server)["pointInTimeSnapshotDateTime"] == newest["timestamp"]


def test_a_lag_is_shown_and_decides_the_point_in_time(drs: Drs) -> None:
    server = "s-crmapp40000000001"
    drs.launch_into(server, RECOVERY_APP)
    control(drs, server, replication_state="BACKLOG", lag=900)
    assert drs.server(server)["dataReplicationInfo"]["lagDuration"] == "PT15M"
    job_id = drs.recover(server)
    taken = next(item for item in drs.log(job_id, server) if item["event"] == "SNAPSHOT_END")["logDateTime"]
    point = drs.recovery_instance_of(server)["pointInTimeSnapshotDateTime"]
    assert datetime.fromisoformat(taken) - datetime.fromisoformat(point) == timedelta(seconds=900)


@pytest.mark.parametrize("state", ["STOPPED", "DISCONNECTED", "INITIAL_SYNC"])
def test_a_server_without_recovery_points_cannot_be_recovered(drs: Drs, state: str) -> None:
    server = "s-crmweb10000000001"
    control(drs, server, replication_state=state)
    assert drs.api.describe_recovery_snapshots(sourceServerID=server)["items"] == []
    with pytest.raises(drs.api.exceptions.ConflictException, match=server):
        drs.start(server)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"slow": 0}, "slow 0 must be a number of at least 0.01"),
        ({"lag": "much"}, "lag 'much' must be a number"),
        ({"replication_state": "FINE"}, "replication_state 'FINE' must be one of STOPPED"),
        ({"fail_launch": {"phase": "BOOT"}}, "fail_launch.phase 'BOOT' must be one of CLEANUP, SNAPSHOT, CONVERSION"),
        ({"fail_launch": {"phase": "LAUNCH", "times": 0}}, "fail_launch.times 0"),
        ({"speed": 3}, "unknown key 'speed'"),
        ({"source_server_id": "s-nothing"}, "there is no source server 's-nothing'"),
        ({"hostname": "pay-db-1"}, "exactly one of source_server_id and hostname"),
        ({"region": "us-east-9"}, "DRS has nothing in account"),
    ],
)
def test_the_control_api_refuses_nonsense(drs: Drs, body: dict[str, Any], text: str) -> None:
    with pytest.raises(ControlError) as error:
        control(drs, **{"server_id": "s-paydb200000000001", **_renamed(body)})
    assert error.value.status == 400
    assert text in error.value.text


def _renamed(body: dict[str, Any]) -> dict[str, Any]:
    return {{"source_server_id": "server_id"}.get(key, key): value for key, value in body.items()}
