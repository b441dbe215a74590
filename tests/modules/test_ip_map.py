"""The module ip_map, run by Ansible against the embedded AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.modules.estate import DECLARATION, Estate

WEB = {"tags": {"Tier": "web", "Application": "payments"}}


@pytest.fixture
def table(shared_estate: Estate, request: pytest.FixtureRequest) -> str:
    """An empty table of this test."""
    return shared_estate.make_table(f"ip-map-{request.node.name}"[:100])


def mapped(table: str, **options: Any) -> dict[str, Any]:
    """Return a task that maps servers as declared."""
    declared = {"subnet_map": DECLARATION["dr_subnet_map"], "source_region": "us-east-1"}
    return {"ip_map": {"table": table, **declared, **options}}


def looked_up(table: str, **conditions: Any) -> dict[str, Any]:
    """Return a task that reads the map."""
    return {"ip_map_info": {"table": table, **conditions}}


def override(server: str, address: str, profile: str = "failover") -> dict[str, Any]:
    """Return an explicit address of a web server."""
    return {"server_key": f"{server}.example.internal", "interface": 0, "profile": profile, "address": address}


def failover_addresses(answer: dict[str, Any]) -> dict[str, str]:
    """Return the failover address of each server's primary interface."""
    return {
        entry["server_key"].split(".")[0]: entry["profiles"]["failover"]["address"]
        for entry in answer["entries"]
        if entry["interface"] == 0
    }


def test_entries_are_predicted_written_kept_and_given_up(shared_estate: Estate, table: str) -> None:
    (predicted,) = shared_estate.tasks(mapped(table), arguments=("--check", "--diff"))
    assert shared_estate.items(table) == []
    created, unchanged = shared_estate.tasks(mapped(table), mapped(table), arguments=("--diff",))
    assert predicted["changed"] is created["changed"] is True
    assert predicted["changes"] == created["changes"]
    assert predicted["diff"] == created["diff"]
    assert len(created["diff"]["after"]) == 19
    assert len(created["entries"]) == 19
    assert failover_addresses(created)["crm-app-1"] == "10.20.3.11"
    _go_home(shared_estate, created)
    assert unchanged["changed"] is False
    assert unchanged["entries"] == created["entries"]
    assert unchanged["entries"][0]["updated_by"].startswith("arn:aws:iam::222222222222:user/")

    absent = {"ip_map": {"table": table, "state": "absent", "servers": ["PAY-DB-1.example.internal"]}}
    everything, host, subnet, drill, gone, again, past, left_entries = shared_estate.tasks(
        looked_up(table),
        looked_up(table, servers=["CRM-APP-1.example.internal", "nobody"]),
        looked_up(table, subnet_id="subnet-0a20500000000b001"),
        looked_up(table, network_profile="test", address="10.99.4.11"),
        absent,
        absent,
        looked_up(table, servers=["pay-db-1.example.internal"], history=True),
        looked_up(table, subnet_id="subnet-0a20100000000d001", history=True),
    )
    assert everything["entries"] == created["entries"]
    assert failover_addresses(host) == {"crm-app-1": "10.20.3.11"}
    assert {entry["interface"] for entry in subnet["entries"]} == {1}
    assert [entry["server_key"] for entry in drill["entries"]] == ["pay-web-1.example.internal"]
    assert gone["changes"]["deleted"] == ["pay-db-1.example.internal/0", "pay-db-1.example.internal/1"]
    assert again["changed"] is False
    assert [(item["interface"], item["version"], item["deleted"]) for item in past["history"]] == [
        (0, 2, True),
        (0, 1, False),
        (1, 2, True),
        (1, 1, False),
    ]
    assert past["entries"] == []
    assert past["history"][0]["profiles"]["failover"]["address"] == "10.20.1.11"
    assert past["history"][0]["updated_by"].startswith("arn:aws:iam::222222222222:user/")
    assert {item["server_key"] for item in left_entries["history"]} == {
        item["server_key"] for item in left_entries["entries"]
    }
    left = {(item["pk"]["S"], item["sk"]["S"]) for item in shared_estate.items(table)}
    assert ("address#subnet-0a20100000000d001", "10.20.1.11") not in left
    assert ("address#subnet-0a20100000000d001", "10.20.1.12") in left
    assert ("server#pay-db-1.example.internal", "nic#0#v00000001") in left


def _go_home(estate: Estate, created: dict[str, Any]) -> None:
    """Every interface of a machine in EC2 goes back to where it is, which nobody else can be given."""
    ec2 = estate.aws.client("ec2", "us-east-1")
    reservations = ec2.describe_instances()["Reservations"]
    instances = {item["InstanceId"]: item for found in reservations for item in found["Instances"]}
    for entry in created["entries"]:
        instance, home = instances[entry["source"]["instance_id"]], entry["profiles"]["failback"]
        (interface,) = (one for one in instance["NetworkInterfaces"] if one["PrivateIpAddress"] == home["address"])
        assert (home["subnet_id"], home["rule"]) == (interface["SubnetId"], "original")
        assert home["security_groups"] == sorted(group["GroupId"] for group in interface["Groups"])
        assert home["address"] == entry["source"]["address"]
        assert entry["source"]["instance_type"] == instance["InstanceType"]
    assert created["summary"]["notes"] == []


def test_the_way_home_stays_when_nobody_answers_there(shared_estate: Estate, table: str) -> None:
    denied = {
        "kind": "denied",
        "service": "ec2",
        "operation": "DescribeInstances",
        "region": "us-east-1",
        "times": None,
    }
    web_1 = {"servers": ["pay-web-1.example.internal"]}
    at_home = [override("pay-web-1", "10.10.4.60", "failback")]
    taken = [override("pay-web-1", "10.10.4.12", "failback")]
    first, moved, refused, back = shared_estate.tasks(
        mapped(table, match=web_1),
        mapped(table, match=web_1, addresses=at_home),
        mapped(table, match=web_1, addresses=taken),
        mapped(table, match=web_1),
    )
    assert moved["entries"][0]["profiles"]["failback"] == {
        **first["entries"][0]["profiles"]["failback"],
        "address": "10.10.4.60",
        "rule": "explicit",
    }
    assert "'10.10.4.12'" in refused["msg"]
    assert "is in use in" in refused["msg"], "pay-web-2 has it"
    assert back["entries"][0]["profiles"] == first["entries"][0]["profiles"]
    shared_estate.aws.control("faults", {**denied, "id": "home"})
    try:
        unread, new = shared_estate.tasks(mapped(table, match=web_1), mapped(table, match=WEB))
    finally:
        shared_estate.aws.control("faults", {"id": "home"}, method="DELETE")
    assert unread["changed"] is False
    assert unread["entries"] == back["entries"]
    (reason,) = unread["summary"]["notes"]
    assert reason.startswith("the way home of source machines is what it was: account 222222222222 in us-east-1: ")
    assert new["changes"]["created"] == ["pay-web-2.example.internal/0", "pay-web-3.example.internal/0"]
    assert [list(entry["profiles"]) for entry in new["entries"]] == [
        ["failover", "test", "failback"],
        ["failover", "test"],
        ["failover", "test"],
    ]
    assert "2 servers have no profile failback (pay-web-2" in new["summary"]["notes"][1]


def test_servers_may_exchange_addresses_but_never_share_one(shared_estate: Estate, table: str) -> None:
    swap = [override("pay-web-1", "10.20.4.12"), override("pay-web-2", "10.20.4.11")]
    first, second, back = shared_estate.tasks(
        mapped(table, match=WEB),
        mapped(table, match=WEB, addresses=swap),
        mapped(table, match=WEB),
    )
    assert failover_addresses(first) == {
        "pay-web-1": "10.20.4.11",
        "pay-web-2": "10.20.4.12",
        "pay-web-3": "10.20.4.13",
    }
    assert failover_addresses(second) == {
        "pay-web-1": "10.20.4.12",
        "pay-web-2": "10.20.4.11",
        "pay-web-3": "10.20.4.13",
    }
    assert second["changes"]["updated"] == ["pay-web-1.example.internal/0", "pay-web-2.example.internal/0"]
    assert failover_addresses(back) == failover_addresses(first)
    assert {entry["version"] for entry in back["entries"]} == {1, 3}

    before = shared_estate.items(table)
    only_crm = {"servers": ["crm-web-1.example.internal"]}
    taken = [override("crm-web-1", "10.20.4.13")]
    for arguments in ((), ("--check",)):
        (refused,) = shared_estate.tasks(mapped(table, match=only_crm, addresses=taken), arguments=arguments)
        assert refused["failed"] is True
        assert "10.20.4.13 in subnet-0a20400000000c001" in refused["msg"]
        assert "held by server pay-web-3.example.internal interface 0" in refused["msg"]
    assert shared_estate.items(table) == before


def test_an_address_that_somebody_uses_is_refused(shared_estate: Estate, table: str) -> None:
    ec2 = shared_estate.aws.client("ec2")
    interface = ec2.create_network_interface(SubnetId="subnet-0a20400000000c001", PrivateIpAddress="10.20.4.12")
    interface_id = interface["NetworkInterface"]["NetworkInterfaceId"]
    try:
        (refused,) = shared_estate.tasks(mapped(table, match=WEB))
    finally:
        ec2.delete_network_interface(NetworkInterfaceId=interface_id)
    assert refused["failed"] is True
    assert "'10.20.4.12'" in refused["msg"]
    assert "pay-web-2.example.internal" in refused["msg"]
    assert interface_id in refused["msg"]
    assert shared_estate.items(table) == []


def test_a_missing_table_is_named(shared_estate: Estate) -> None:
    (refused,) = shared_estate.tasks(mapped("no-such-ip-map", match=WEB))
    assert "no-such-ip-map" in refused["msg"]
    assert "deploy" in refused["msg"]
