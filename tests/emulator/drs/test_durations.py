"""How long things take: every duration of `emulator.drs.settings`, turned from its default, is seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from yaml import safe_load

from tests.emulator.drs.support import SAMPLE, Drs, frozen, seconds_after
from tests.emulator.drs.test_launch_actions import FIRST, put

SUBNET = "subnet-0a20100000000d001"
LAUNCHED, STALLED, COPIED, PLANNED = (
    "s-db100000000000001",
    "s-app10000000000001",
    "s-app20000000000001",
    "s-rep10000000000001",
)
MEBIBYTE = 1024**2


@pytest.fixture(scope="module")
def drs() -> Iterator[Drs]:
    """The small estate with durations of its own."""
    estate = safe_load((SAMPLE.parents[2] / "tests" / "support" / "small_estate.yml").read_text("utf-8"))
    estate["drs_settings"] = {
        "jitter": 0,
        "cleanup_seconds": 100,
        "terminate_seconds": 200,
        "previous_snapshot_after": 50,
        "ssm_agent_seconds": 10,
        "launch_action_seconds": 20,
        "plan_reaction_seconds": 7,
        "plan_delete_seconds": 30,
        "initiation_step_seconds": 2,
        "copy_overhead_seconds": 60,
        "copy_mib_per_second": 512,
        "first_snapshot_seconds": 40,
        "rescan_overhead_seconds": 15,
        "rescan_mib_per_second": 1024,
        "change_bytes_per_second": 1000,
    }
    with frozen(estate) as running:
        yield running


def between(drs: Drs, job_id: str, first: str, last: str) -> float:
    """Return the seconds between two events of a job log."""
    moments = {item["event"]: item["logDateTime"] for item in drs.log(job_id)}
    return round(seconds_after(moments[first], moments[last]), 3)


def test_launch_actions_cleanups_and_terminations(drs: Drs) -> None:
    drs.launch_into(LAUNCHED, SUBNET)
    put(drs, LAUNCHED, FIRST)
    drs.api.update_launch_configuration(sourceServerID=LAUNCHED, postLaunchEnabled=True)
    assert between(drs, drs.recover(LAUNCHED), "LAUNCH_END", "JOB_END") == pytest.approx(10 + 20 + 2.8, abs=0.1)
    assert between(drs, drs.recover(LAUNCHED), "CLEANUP_START", "CLEANUP_END") == 100
    instance = drs.recovery_instance_of(LAUNCHED)["recoveryInstanceID"]
    job = drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])["job"]["jobID"]
    drs.finish(job)
    assert between(drs, job, "JOB_START", "JOB_END") == pytest.approx(200 - 0.4, abs=0.1)


def test_a_launch_waits_for_a_snapshot_of_a_stalled_server(drs: Drs) -> None:
    drs.launch_into(STALLED, SUBNET)
    change(drs, STALLED, replication_state="STALLED")
    job = drs.recover(STALLED)
    assert between(drs, job, "SNAPSHOT_START", "USING_PREVIOUS_SNAPSHOT") == pytest.approx(50.2, abs=0.1)


def change(drs: Drs, server: str, **changes: Any) -> None:
    """Change a source server by the control API."""
    place = {"account": "222222222222", "region": "us-west-2", "source_server_id": server}
    drs.aws.control("drs/source-server", {**place, **changes})


def test_copies_rescans_and_backlogs(drs: Drs) -> None:
    mebibytes = sum(disk["bytes"] for disk in drs.server(COPIED)["sourceProperties"]["disks"]) / MEBIBYTE
    drs.api.stop_replication(sourceServerID=COPIED)
    drs.api.start_replication(sourceServerID=COPIED)
    assert following(drs, 0) == "INITIATING"
    assert following(drs, 21.9) == "INITIATING"
    assert following(drs, 0.1) == "INITIAL_SYNC"
    assert left(drs) == pytest.approx(60 + mebibytes / 512, abs=0.01)
    assert following(drs, left(drs) + 0.01) == "CREATING_SNAPSHOT"
    assert left(drs) == pytest.approx(40, abs=0.1)
    assert following(drs, 40) == "CONTINUOUS"
    change(drs, COPIED, resync="rescan")
    assert left(drs) == pytest.approx(15 + mebibytes / 1024, abs=0.01)
    assert following(drs, 600) == "CONTINUOUS"
    change(drs, COPIED, replication_state="STALLED")
    assert following(drs, 100) == "STALLED"
    backlog = sum(disk["backloggedStorageBytes"] for disk in replication(drs)["replicatedDisks"])
    assert backlog == pytest.approx(100 * 1000, rel=0.01)


def replication(drs: Drs) -> dict[str, Any]:
    """Return the replication of the server that is copied."""
    return drs.server(COPIED)["dataReplicationInfo"]


def following(drs: Drs, seconds: float) -> str:
    """Return its state so many seconds later."""
    drs.advance(seconds)
    state: str = replication(drs)["dataReplicationState"]
    return state


def left(drs: Drs) -> float:
    """Return the seconds that its state has left."""
    return (datetime.fromisoformat(replication(drs)["etaDateTime"]) - drs.now()).total_seconds()


def test_recovery_plans_react_and_go_in_their_time(drs: Drs) -> None:
    drs.launch_into(PLANNED, SUBNET)
    plan = drs.api.create_recovery_plan(name="timed")["recoveryPlan"]["recoveryPlanArn"]
    servers = [{"serverArn": drs.server(PLANNED)["arn"]}]
    drs.api.create_recovery_plan_step(
        recoveryPlanArn=plan, stepName="one", configuration={"serverStepConfiguration": {"servers": servers}}
    )
    started = drs.api.start_recovery_plan_execution(recoveryPlanArn=plan, mode="DRILL")["recoveryPlanExecution"]
    execution = started["recoveryPlanExecutionArn"]
    drs.advance(3600)
    (job,) = (item for item in drs.api.describe_jobs(filters={})["items"] if PLANNED in str(item))
    assert seconds_after(started["startedAt"], job["creationDateTime"]) == pytest.approx(7, abs=1)
    drs.api.get_recovery_plan_execution(recoveryPlanExecutionArn=execution)
    drs.api.delete_recovery_plan(recoveryPlanArn=plan)
    drs.advance(29)
    assert drs.api.get_recovery_plan(recoveryPlanArn=plan)["recoveryPlan"]["name"] == "timed"
    drs.advance(1)
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        drs.api.get_recovery_plan(recoveryPlanArn=plan)
