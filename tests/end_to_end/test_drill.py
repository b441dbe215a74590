"""A drill runs in the isolated network, leaves nothing behind, and never bends a later failover."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from .conftest import House

DRILL = ip_network("10.99.0.0/16")
RECOVERY = ip_network("10.20.0.0/16")


def test_a_drill_cleans_up_and_a_failover_after_it_lands_in_the_recovery_network(house: House, small_plan) -> None:
    house.play("drill", dr_plan="sample-estate", dr_run_id="first-drill")

    assert house.meta("first-drill")["status"] == "succeeded"
    servers = house.items("first-drill", "SERVER")
    assert {server["status"] for server in servers} == {"cleaned_up"}
    reservations = house.aws.client("ec2").describe_instances(
        InstanceIds=[server["instance_id"] for server in servers]
    )["Reservations"]
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    assert {instance["State"]["Name"] for instance in instances} == {"terminated"}
    drs = house.aws.client("drs")
    assert drs.describe_recovery_instances(filters={})["items"] == []
    jobs = [job for page in drs.get_paginator("describe_jobs").paginate(filters={}) for job in page["items"]]
    assert {job["initiatedBy"] for job in jobs} == {"START_DRILL", "TERMINATE_RECOVERY_INSTANCES"}
    assert all(
        ip_address(nic["address"]) in DRILL
        for server in servers
        for nic in server["expected"]["interfaces"]
        if nic["address"]
    )

    plan = small_plan("after", ["crm-db-1.example.internal"])
    house.play("failover", dr_plan="after", dr_run_id="after-drill", dr_plans=[plan])
    instance = house.running_instances()["crm-db-1"]
    assert ip_address(instance["PrivateIpAddress"]) in RECOVERY
