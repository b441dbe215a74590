"""The way back: what one command has failed over, one command brings home, protects again and tidies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import RUN, House

pytestmark = pytest.mark.xdist_group("deployed")

HOME = "us-east-1"
BACK = "first-failback"


@pytest.fixture(scope="module")
def away(failed_over: tuple[House, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A copy of the house after its failover: what happens to it is nothing to those who use the original."""
    house, _ = failed_over
    path = tmp_path_factory.mktemp("state") / "saved"
    house.aws.control("state", {"save": str(path)})
    copy = House(load=path)
    try:
        yield copy
    finally:
        copy.aws.stop()


def source_servers(house: House, region: str = "us-west-2") -> dict[str, Any]:
    """Return what DRS shows of its source servers, without what tells the moment."""
    found: dict[str, Any] = {}
    for page in house.aws.client("drs", region).get_paginator("describe_source_servers").paginate(filters={}):
        for server in page["items"]:
            found[server["sourceServerID"]] = {
                "direction": server["replicationDirection"],
                "state": server["dataReplicationInfo"]["dataReplicationState"],
                "tags": server["tags"],
                "recovery_instance": server.get("recoveryInstanceId"),
            }
    return found


def addresses_at_home(house: House, instance_ids: set[str]) -> dict[str, list[str]]:
    """Return the addresses of instances in the home Region, which all run."""
    ec2 = house.aws.client("ec2", HOME)
    pages = ec2.get_paginator("describe_instances").paginate(InstanceIds=sorted(instance_ids))
    instances = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    assert {one["State"]["Name"] for one in instances} == {"running"}
    return {one["InstanceId"]: [nic["PrivateIpAddress"] for nic in one["NetworkInterfaces"]] for one in instances}


@pytest.fixture(scope="module")
def failed_back(away: House) -> tuple[House, str]:
    """The house after its failback, and what the playbook printed."""
    return away, away.play("failback", dr_plan="sample-estate", dr_run_id=BACK).output


def test_the_dry_run_says_where_every_server_is_and_what_comes_next(away: House) -> None:
    before = away.calls()
    shown = away.play("failback", "--check", dr_plan="sample-estate").output
    rows = [line for line in shown.splitlines() if "replicate it back to where it came from" in line]
    assert len(rows) == 24
    assert "pay-db-1.example.internal   cross region  recovered, not replicated back yet" in shown
    assert "Plan sample-estate, mode failback: 24 servers in 3 waves, launching in network profile failback" in shown
    changed = {name for name, count in away.calls().items() if count != before[name]}
    assert not {
        name for name in changed if name.split(".")[1].startswith(("Put", "Update", "Start", "Create", "Delete"))
    }


def test_every_server_is_home_and_protected_again(failed_back: tuple[House, str]) -> None:
    house, _ = failed_back
    assert house.meta(BACK)["status"] == "succeeded"
    servers = house.items(BACK, "SERVER")
    assert len(servers) == 24
    assert {(server["status"], server["way_home"]["stage"]) for server in servers} == {("validated", "protected")}
    protecting = source_servers(house)
    assert {server["state"] for server in protecting.values()} == {"CONTINUOUS"}
    assert {server["way_home"]["protecting_server_id"] for server in servers} == set(protecting)
    assert not [server for server in source_servers(house, HOME).values() if server["direction"] == "FAILBACK"]
    assert house.aws.client("drs").describe_recovery_instances(filters={})["items"] == []
    recovered = {server["instance_id"] for server in house.items(RUN, "SERVER")}
    assert not recovered & {one["InstanceId"] for one in house.running_instances().values()}


def test_the_servers_run_in_their_original_instances_with_their_addresses(failed_back: tuple[House, str]) -> None:
    house, _ = failed_back
    servers = [one for one in house.items(BACK, "SERVER") if one["way_home"]["kind"] == "cross_region"]
    assert all(one["instance_id"] == one["way_home"]["original_instance_id"] for one in servers)
    found = addresses_at_home(house, {one["instance_id"] for one in servers})
    for server in servers:
        wanted = [interface["address"] for interface in server["expected"]["interfaces"]]
        assert sorted(found[server["instance_id"]]) == sorted(wanted), server["server_key"]
        assert all(address.startswith("10.10.") for address in wanted)


def test_the_playbook_shows_the_way_and_what_became_of_it(failed_back: tuple[House, str]) -> None:
    house, output = failed_back
    for words in (
        "way home: 24 of 24 in sync",
        "protection: 24 of 24 in sync",
        "replicating back",
        "terminate the instance that ran at the recovery site: done for ",
        "Servers: 24 of 24 came home, 0 failed, 0 skipped, 0 unfinished",
        "Protected again: 24 of 24   Nothing left of the way home: 24 of 24",
    ):
        assert words in output, words
    bucket, _, key = house.meta(BACK)["evidence"].removeprefix("s3://").partition("/")
    report = json.loads(house.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (report["direction"], report["drill"], report["events"]["intact"]) == ("failback", False, True)
    assert {server["left"] for server in report["way_home"]["servers"]} == {""}
    actions = {step["action"] for server in report["way_home"]["servers"] for step in server["steps"]}
    assert {"reverse_replication", "protect_again", "terminate_recovered", "delete_returning"} <= actions


def test_the_same_run_id_joins_and_another_one_has_nothing_to_do(failed_back: tuple[House, str]) -> None:
    house, _ = failed_back
    assert "joined" in house.play("failback", dr_plan="sample-estate", dr_run_id=BACK).output
    refused = house.play("failback", dr_plan="sample-estate", succeeds=False).output
    assert "has nothing to fail back: none of its servers runs recovered (24 protected" in " ".join(refused.split())
