"""The main job: the sample estate is recovered by one command, and a second start with the same run id joins."""

from __future__ import annotations

import itertools
import json
from ipaddress import ip_address, ip_network

import pytest

from tests.support.playbook import run_playbook

from .conftest import INVENTORY, RUN, House

pytestmark = pytest.mark.xdist_group("deployed")

RECOVERY = ip_network("10.20.0.0/16")


def test_every_server_runs_where_the_map_says(failed_over: tuple[House, str]) -> None:
    house, _ = failed_over
    instances = house.running_instances()
    servers = house.items(RUN, "SERVER")
    assert len(servers) == 24
    assert {server["status"] for server in servers} == {"validated"}
    launched = {instance["InstanceId"]: instance for instance in instances.values()}
    for server in servers:
        instance = launched[server["instance_id"]]
        addresses = [ip_address(nic["PrivateIpAddress"]) for nic in instance["NetworkInterfaces"]]
        assert all(address in RECOVERY for address in addresses)
    db = instances["pay-db-1"]
    assert sorted(nic["PrivateIpAddress"] for nic in db["NetworkInterfaces"]) == ["10.20.1.11", "10.20.5.11"]
    assert db["InstanceType"] == "r5.large"
    assert {tag["Key"]: tag["Value"] for tag in db["Tags"]}["CostCenter"] == "4711"


def test_waves_come_one_after_the_other(failed_over: tuple[House, str]) -> None:
    house, _ = failed_over
    waves = house.items(RUN, "WAVE")
    assert [wave["name"] for wave in waves] == ["databases", "applications", "web"]
    for before, after in itertools.pairwise(waves):
        assert before["ended_at"] <= after["started_at"]


def test_the_playbook_shows_progress_and_a_summary(failed_over: tuple[House, str]) -> None:
    _, output = failed_over
    for word in ("databases", "applications", "web", "RTO", "RPO", "s3://", RUN, "succeeded"):
        assert word in output, word


def test_the_evidence_is_in_the_bucket(failed_over: tuple[House, str]) -> None:
    house, _ = failed_over
    bucket, _, key = house.meta(RUN)["evidence"].removeprefix("s3://").partition("/")
    report = json.loads(house.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert report["run_id"] == RUN
    assert report["status"] == "succeeded"
    assert report["servers"]["recovered"] == 24
    events = house.items(RUN, "EVENT")
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))


def test_a_second_start_with_the_same_run_id_joins(failed_over: tuple[House, str]) -> None:
    house, _ = failed_over
    before = house.calls()["drs.StartRecovery"]
    output = house.play("failover", dr_plan="sample-estate", dr_run_id=RUN).output
    assert "joined" in output.lower()
    assert house.calls()["drs.StartRecovery"] == before


def test_configure_changes_nothing_when_nothing_changed(failed_over: tuple[House, str]) -> None:
    house, _ = failed_over
    assert house.play("configure").recap()["changed"] == 0


def test_the_playbooks_answer_to_their_full_names(failed_over: tuple[House, str]) -> None:
    house, _ = failed_over
    outcome = run_playbook(
        "disaster_recovery.aws.failover",
        inventory=INVENTORY,
        variables={"dr_plan": "sample-estate", "dr_run_id": RUN},
        environment=house.environment,
    )
    assert "joined" in outcome.output.lower()
