"""Source servers as DRS and EC2 really show them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import (
    from_drs,
    index_by_key,
    matches,
    server_key,
    with_instance_interfaces,
)

from tests.unit.core.builders import drs_item, server_id, source_server

RECORDED = {
    "sourceServerID": "s-51d6b65c73391918f",
    "arn": "arn:aws:drs:us-west-2:123456789012:source-server/s-51d6b65c73391918f",
    "dataReplicationInfo": {"dataReplicationState": "CONTINUOUS", "lagDuration": "P0D"},
    "lastLaunchResult": "NOT_STARTED",
    "lifeCycle": {
        "lastSeenByServiceDateTime": "2022-12-07T19:14:42.208899+00:00",
        "lastLaunch": {"initiated": {}},
    },
    "sourceProperties": {
        "identificationHints": {
            "awsInstanceID": "i-0b3407219a2297268",
            "fqdn": "ip-10-0-0-215.ec2.internal",
            "hostname": "ip-10-0-0-215.ec2.internal",
        },
        "networkInterfaces": [{"ips": [], "isPrimary": False, "macAddress": "3206145913297"}],
        "os": {"fullString": "Linux version 4.14.299-223.520.amzn2.x86_64 (...)"},
        "recommendedInstanceType": "c5.large",
    },
    "tags": {"Name": "sample-db-instance"},
}
"""Recorded from DRS in December 2022, shortened."""


def test_a_recorded_source_server() -> None:
    server = from_drs(RECORDED, account_id="123456789012", region="us-west-2")
    assert server.key == "ip-10-0-0-215.ec2.internal"
    assert server.aws_instance_id == "i-0b3407219a2297268"
    assert (server.replication_state, server.lag_seconds) == ("CONTINUOUS", 0)
    assert (server.extension_status, server.is_extended, server.staging_arn) == ("NOT_EXTENDED", False, None)
    assert (server.is_windows, server.recommended_instance_type) == (False, "c5.large")
    (interface,) = server.interfaces
    assert (interface.index, interface.is_primary, interface.address) == (0, True, None)
    assert server.lacks_addresses


def test_ec2_knows_the_addresses_that_drs_does_not_report() -> None:
    server = from_drs(RECORDED, account_id="123456789012", region="us-west-2")
    instance = {
        "NetworkInterfaces": [
            {
                "Attachment": {"DeviceIndex": 1},
                "MacAddress": "02:00:00:00:00:02",
                "SubnetId": "subnet-2",
                "PrivateIpAddress": "10.10.2.9",
                "PrivateIpAddresses": [],
            },
            {
                "Attachment": {"DeviceIndex": 0},
                "MacAddress": "02:00:00:00:00:01",
                "SubnetId": "subnet-1",
                "PrivateIpAddresses": [
                    {"Primary": False, "PrivateIpAddress": "10.10.1.10"},
                    {"Primary": True, "PrivateIpAddress": "10.10.1.9"},
                ],
            },
        ]
    }
    known = with_instance_interfaces(server, instance)
    assert [(one.index, one.addresses, one.subnet_id, one.is_primary) for one in known.interfaces] == [
        (0, ("10.10.1.9", "10.10.1.10"), "subnet-1", True),
        (1, ("10.10.2.9",), "subnet-2", False),
    ]
    assert not known.lacks_addresses


def test_a_terminated_instance_tells_nothing_new() -> None:
    server = source_server(1, addresses=["10.10.1.9"])
    assert with_instance_interfaces(server, {"NetworkInterfaces": []}) == server


def test_the_primary_interface_comes_first_and_ipv6_is_left_out() -> None:
    item = drs_item()
    item["sourceProperties"]["networkInterfaces"] = [
        {"macAddress": "b", "ips": ["2001:db8::1", "10.10.2.9"], "isPrimary": False},
        {"macAddress": "a", "ips": ["10.10.1.9"], "isPrimary": True},
    ]
    server = from_drs(item, account_id="1", region="r")
    assert [(one.mac_address, one.address) for one in server.interfaces] == [("a", "10.10.1.9"), ("b", "10.10.2.9")]


def test_an_extended_source_server_knows_where_it_comes_from() -> None:
    staging = {
        "status": "EXTENDED",
        "stagingAccountID": "111111111111",
        "stagingSourceServerArn": "arn:aws:drs:us-west-2:111111111111:source-server/s-00000000000000009",
    }
    server = source_server(1, stagingArea=staging, sourceCloudProperties={"originAccountID": "111111111111"})
    assert (server.is_extended, server.staging_account_id, server.origin_account_id) == (True, *["111111111111"] * 2)
    own = source_server(1, stagingArea={"status": "NOT_EXTENDED", "stagingAccountID": "222222222222"})
    assert (own.is_extended, own.staging_account_id) == (False, None)


@pytest.mark.parametrize(("lag", "seconds"), [("PT5M", 300), (None, None), ("", None), ("soon", None)])
def test_a_lag_that_is_missing_or_unreadable_is_unknown(lag: str | None, seconds: float | None) -> None:
    assert source_server(1, lag=lag).lag_seconds == seconds


def test_unknown_enumeration_values_are_kept() -> None:
    server = source_server(1, state="DREAMING", lastLaunchResult="MAYBE", replicationDirection="SIDEWAYS")
    assert (server.replication_state, server.last_launch_result) == ("DREAMING", "MAYBE")
    assert server.replication_direction == "SIDEWAYS"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tags": {"dr:server-key": " Pay-DB-1 "}}, "pay-db-1"),
        ({"tags": {"dr:server-key": " "}}, "db.example.org"),
        ({}, "db.example.org"),
        ({"sourceProperties": {"identificationHints": {"hostname": "DB"}}}, "db"),
        ({"sourceProperties": {}}, server_id(1)),
    ],
)
def test_server_key(change: dict[str, Any], key: str) -> None:
    assert server_key({**drs_item(1, name="DB.example.org"), **change}) == key


def test_windows_is_told_by_the_operating_system() -> None:
    item = drs_item()
    item["sourceProperties"]["os"] = {"fullString": "Microsoft Windows Server 2019 Datacenter 10.0.17763"}
    assert from_drs(item, account_id="1", region="r").is_windows


def test_two_source_servers_with_one_key_are_both_named() -> None:
    servers = [source_server(1, name="a"), source_server(2, name="A"), source_server(3, name="b")]
    with pytest.raises(DeclarationError) as caught:
        index_by_key(servers)
    assert server_id(1) in str(caught.value)
    assert server_id(2) in str(caught.value)
    assert server_id(3) not in str(caught.value)
    assert list(index_by_key(servers[1:])) == ["a", "b"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"tags": {"Application": "payments"}}, True),
        ({"tags": {"Application": "payments", "Tier": "web"}}, False),
        ({"tags": {"application": "payments"}}, False),
        ({"servers": ["SERVER-1", "other"]}, True),
        ({"servers": ["other"]}, False),
        ({"source_server_ids": [server_id(1)]}, True),
        ({"servers": ["server-1"], "tags": {"Application": "crm"}}, False),
    ],
)
def test_selectors(selector: dict[str, Any], expected: bool) -> None:
    server = source_server(1, tags={"Application": "payments", "Tier": "database"})
    assert matches(server, selector) is expected
