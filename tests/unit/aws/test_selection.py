"""Which servers a task is about, and what is known of them."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.drs import to_source_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.selection import (
    selected_servers,
    with_known_interfaces,
    with_known_subnets,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import Origin, SubnetMap, SubnetRule
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import (
    DeclarationError,
    Problem,
    Problems,
)


def item(name: str, *, ips: list[str] | None = None, **tags: str) -> dict[str, Any]:
    """Return a source server as DRS answers it; without addresses as in a real answer of 2022."""
    server_id = f"s-{name:0>17}"
    return {
        "sourceServerID": server_id,
        "arn": f"arn:aws:drs:us-west-2:222222222222:source-server/{server_id}",
        "tags": tags,
        "sourceProperties": {
            "identificationHints": {"hostname": name, "awsInstanceID": f"i-{name}"},
            "networkInterfaces": [{"ips": ips or [], "isPrimary": False, "macAddress": "3206145913297"}],
        },
        "sourceCloudProperties": {"originRegion": "us-east-1"},
    }


class Pages:
    """A client that answers one page."""

    def __init__(self, **page: Any) -> None:
        self.page = page
        self.filters: list[Any] = []

    def get_paginator(self, _operation: str) -> Pages:
        return self

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        self.filters.append(arguments.get("Filters"))
        return [self.page]


def test_ec2_is_asked_only_where_drs_knows_no_address() -> None:
    interfaces = [
        {
            "MacAddress": "02:00:00:00:00:02",
            "SubnetId": "subnet-b",
            "PrivateIpAddress": "10.10.5.11",
            "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.10.5.11"}],
            "Attachment": {"DeviceIndex": 1},
        },
        {
            "MacAddress": "02:00:00:00:00:01",
            "SubnetId": "subnet-a",
            "PrivateIpAddress": "10.10.1.11",
            "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.10.1.11"}],
            "Attachment": {"DeviceIndex": 0},
        },
    ]
    ec2 = Pages(Reservations=[{"Instances": [{"InstanceId": "i-bare", "NetworkInterfaces": interfaces}]}])
    asked: list[tuple[str, str, str]] = []

    def clients(service: str, account_id: str, region: str) -> Pages:
        asked.append((service, account_id, region))
        return ec2

    servers = [to_source_server(item("bare")), to_source_server(item("known", ips=["10.10.1.12"]))]
    bare, known = with_known_interfaces(servers, clients, Problems())
    assert [interface.address for interface in bare.interfaces] == ["10.10.1.11", "10.10.5.11"]
    assert known is servers[1]
    assert asked == [("ec2", "222222222222", "us-east-1")]
    assert ec2.filters == [[{"Name": "instance-id", "Values": ["i-bare"]}]]

    with_known_interfaces(servers[:1], clients, Problems(), "eu-west-1")
    assert asked == [("ec2", "222222222222", "us-east-1"), ("ec2", "222222222222", "eu-west-1")]


def test_ec2_is_asked_for_the_subnets_of_servers_that_a_rule_with_a_subnet_may_be_for() -> None:
    interface = {"SubnetId": "subnet-a", "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.10.1.12"}]}
    ec2 = Pages(Reservations=[{"Instances": [{"InstanceId": "i-in", "NetworkInterfaces": [interface]}]}])
    asked: list[tuple[str, ...]] = []

    def clients(*place: str) -> Pages:
        asked.append(place)
        return ec2

    of_subnet = Origin("222222222222", "us-east-1", "subnet-a")
    subnets = SubnetMap(
        (
            SubnetRule(IPv4Network("10.10.0.0/16"), {}, "dr_subnet_map[0]"),
            SubnetRule(IPv4Network("10.10.1.0/24"), {}, "dr_subnet_map[1]", of_subnet),
        )
    )
    servers = [to_source_server(item(name, ips=[ip])) for name, ip in (("in", "10.10.1.12"), ("out", "10.10.2.12"))]
    inside, outside = with_known_subnets(servers, subnets, clients, Problems())
    assert inside.origin_of(inside.interfaces[0]) == of_subnet
    assert inside.interfaces[0].address == "10.10.1.12"
    assert outside == servers[1]
    assert asked == [("ec2", "222222222222", "us-east-1")]
    assert ec2.filters == [[{"Name": "instance-id", "Values": ["i-in"]}]]


def test_wrong_accounts_ec2_client_is_never_asked_for_a_source_instance() -> None:
    of_another_account = item("bare")
    of_another_account["sourceCloudProperties"]["originAccountID"] = "111111111111"
    asked: list[tuple[str, ...]] = []

    def clients(*place: str) -> Pages:
        asked.append(place)
        return Pages(Reservations=[])

    with_known_interfaces([to_source_server(of_another_account)], clients, Problems())
    assert asked == [("ec2", "111111111111", "us-east-1")]


def test_an_instance_that_ec2_does_not_know_leaves_the_server_as_it_was() -> None:
    server = to_source_server(item("bare"))
    assert with_known_interfaces([server], lambda *_place: Pages(Reservations=[]), Problems()) == [server]


def test_an_account_that_cannot_be_reached_is_a_problem_and_its_server_stays_as_drs_knows_it() -> None:
    def clients(*_place: str) -> Pages:
        raise DeclarationError([Problem("'222222222222'", "dr_accounts", "declare it")])

    servers, problems = [to_source_server(item("bare")), to_source_server(item("bleak"))], Problems()
    assert with_known_interfaces(servers, clients, problems) == servers
    with_known_interfaces(servers, clients, problems)
    assert [problem.where for problem in problems] == ["dr_accounts"]


def test_servers_come_by_key_and_selectors_must_select() -> None:
    drs = Pages(items=[item("b", Tier="web"), item("a", Tier="web"), item("c", Tier="database")])
    assert [server.key for server in selected_servers(drs, None)] == ["a", "b", "c"]
    assert [server.key for server in selected_servers(drs, {"tags": {"Tier": "web"}, "servers": None})] == ["a", "b"]
    with pytest.raises(DeclarationError, match="selects no source server"):
        selected_servers(drs, {"tags": {"Tier": "cellar"}})
    with pytest.raises(DeclarationError, match="nobody"):
        selected_servers(drs, {"servers": ["a", "nobody"]})
    with pytest.raises(DeclarationError, match="selects nothing"):
        selected_servers(drs, {})


def test_two_servers_with_one_key_are_an_error_only_where_keys_count() -> None:
    drs = Pages(items=[item("a"), {**item("b"), "tags": {"dr:server-key": "A"}}])
    with pytest.raises(DeclarationError, match="s-0000000000000000a"):
        selected_servers(drs, None)
    assert len(selected_servers(drs, None, unique_keys=False)) == 2
