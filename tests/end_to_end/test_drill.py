"""A drill runs in the isolated network, leaves nothing behind, and never bends a later failover."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from .conftest import House

pytestmark = pytest.mark.xdist_group("house")

DRILL = ip_network("10.99.0.0/16")
RECOVERY = ip_network("10.20.0.0/16")
SERVERS = ["wh-db-1.example.internal", "crm-web-2.example.internal", "wh-web-1.example.internal"]


def test_a_drill_cleans_up_and_a_failover_after_it_lands_in_the_recovery_network(house: House, small_plan) -> None:
    house.play(
        "drill", dr_plan="drilled", dr_run_id="drill", dr_plans=[small_plan("drilled", SERVERS[:1], SERVERS[1:])]
    )

    assert house.meta("drill")["status"] == "succeeded"
    servers = house.items("drill", "SERVER")
    assert {server["server_key"]: server["status"] for server in servers} == dict.fromkeys(SERVERS, "cleaned_up")
    reservations = house.aws.client("ec2").describe_instances(
        InstanceIds=[server["instance_id"] for server in servers]
    )["Reservations"]
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    assert {instance["State"]["Name"] for instance in instances} == {"terminated"}
    drs = house.aws.client("drs")
    ids = [server["source_server_id"] for server in servers]
    assert drs.describe_recovery_instances(filters={"sourceServerIDs": ids})["items"] == []
    assert all(
        ip_address(nic["address"]) in DRILL
        for server in servers
        for nic in server["expected"]["interfaces"]
        if nic["address"]
    )

    plan = small_plan("after-drill", SERVERS[:1])
    house.play("failover", dr_plan="after-drill", dr_run_id="after-drill", dr_plans=[plan])
    instance = house.running_instances()["wh-db-1"]
    assert ip_address(instance["PrivateIpAddress"]) in RECOVERY
