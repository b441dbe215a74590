"""What EC2 is asked about a subnet map: where, how often, and what becomes of places that do not answer."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import (
    read_interfaces,
    resolve_subnet_map,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import (
    DeclarationError,
    Problem,
    Problems,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import Home, parse_subnet_map
from botocore.exceptions import ClientError

from tests.unit.core.builders import target

OWN, OTHER = "222222222222", "111111111111"
HOME = Home(OWN, "us-west-2", "us-east-1")


class Ec2:
    """EC2 in one account and Region, with two pages for every answer; a filter knows wildcards, as EC2's do."""

    def __init__(self, subnets: dict[str, str] | None = None, groups: dict[str, str] | None = None) -> None:
        self.answers: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
            "describe_subnets": (
                "Subnets",
                "SubnetId",
                [
                    {"SubnetId": name, "CidrBlock": cidr, "VpcId": "vpc-1", "AvailableIpAddressCount": 9}
                    for name, cidr in (subnets or {}).items()
                ],
            ),
            "describe_security_groups": (
                "SecurityGroups",
                "GroupName",
                [{"GroupId": key, "GroupName": name, "VpcId": "vpc-1"} for key, name in (groups or {}).items()],
            ),
            "describe_network_interfaces": (
                "NetworkInterfaces",
                "SubnetId",
                [
                    {"SubnetId": name, "PrivateIpAddresses": [{"PrivateIpAddress": f"10.20.1.{n}"}]}
                    for name in subnets or {}
                    for n in range(4, 7)
                ],
            ),
        }
        self.asked: list[tuple[str, str, int]] = []

    def get_paginator(self, operation: str) -> Ec2:
        self.operation = operation
        return self

    def paginate(self, Filters: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N803  boto3's name
        (only,) = Filters
        self.asked.append((self.operation, only["Name"], len(only["Values"])))
        result, key, items = self.answers[self.operation]
        found = [
            item for item in items if only["Name"] == "group-id" or item[key] in only["Values"] or "*" in str(only)
        ]
        return [{result: found[:1]}, {result: found[1:]}]


def denied(operation: str) -> ClientError:
    answer: Any = {"Error": {"Code": "UnauthorizedOperation", "Message": "You are not authorized."}}
    return ClientError(answer, operation)


class Refusing(Ec2):
    """EC2 where these credentials may do nothing."""

    def paginate(self, Filters: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: ARG002, N803
        raise denied("DescribeSubnets")


class Clients:
    """Clients by account and Region; others are not declared."""

    def __init__(self, known: dict[tuple[str, str], Ec2]) -> None:
        self.known = known

    def __call__(self, service: str, account_id: str, region: str) -> Ec2:
        assert service == "ec2"
        if (account_id, region) not in self.known:
            raise DeclarationError([Problem(repr(account_id), "dr_accounts", "declare it")])
        return self.known[account_id, region]


def test_wrong_accounts_ec2_client_knows_neither_subnet_nor_group() -> None:
    to = target("subnet-1", "10.20.1.0/24") | {"security_groups": ["web"]}
    there = Ec2({"subnet-1": "10.20.1.0/24"}, {"sg-1": "web"})
    clients = Clients({(OWN, "us-west-2"): Ec2(), (OTHER, "us-west-2"): there})
    problems = Problems()
    declared = parse_subnet_map([{"source_cidr": "10.10.1.0/24", "failover": to | {"account_id": OTHER}}])
    subnets, _found = resolve_subnet_map(declared, clients, HOME, problems)
    assert subnets.rules[0].targets["failover"].security_groups == ("sg-1",)
    assert not len(problems)
    assert clients.known[OWN, "us-west-2"].asked == []
    resolve_subnet_map(parse_subnet_map([{"source_cidr": "10.10.1.0/24", "failover": to}]), clients, HOME, problems)
    assert [problem.where for problem in problems] == [
        "dr_subnet_map[0].failover.subnet_id",
        "dr_subnet_map[0].failover.security_groups[0]",
    ]


def test_a_group_name_that_is_a_pattern_for_ec2_means_itself() -> None:
    to = target("subnet-1", "10.20.1.0/24") | {"security_groups": ["web*"]}
    ec2 = Ec2({"subnet-1": "10.20.1.0/24"}, {"sg-1": "web-1", "sg-2": "web*", "sg-3": "web-3"})
    problems = Problems()
    declared = parse_subnet_map([{"source_cidr": "10.10.1.0/24", "failover": to}])
    subnets, _found = resolve_subnet_map(declared, Clients({(OWN, "us-west-2"): ec2}), HOME, problems)
    assert subnets.rules[0].targets["failover"].security_groups == ("sg-2",)
    assert not len(problems)


def test_every_subnet_of_a_large_map_is_found_in_few_requests() -> None:
    subnets = {f"subnet-{n}": f"10.{n // 256}.{n % 256}.0/24" for n in range(450)}
    ec2 = Ec2(subnets, {"sg-1": "web"})
    problems = Problems()
    declared = parse_subnet_map(
        [{"source_cidr": cidr, "failover": target(name, cidr, "keep_address")} for name, cidr in subnets.items()]
    )
    complete, _found = resolve_subnet_map(declared, Clients({(OWN, "us-west-2"): ec2}), HOME, problems)
    assert not len(problems)
    assert len(complete.rules) == 450
    assert ec2.asked == [
        ("describe_subnets", "subnet-id", 200),
        ("describe_subnets", "subnet-id", 200),
        ("describe_subnets", "subnet-id", 50),
        ("describe_security_groups", "group-id", 1),
    ]


def test_places_that_cannot_be_asked_are_problems_beside_all_others() -> None:
    away = target("subnet-2", "10.10.1.0/24")
    problems = Problems()
    declared = parse_subnet_map(
        [
            {"source_cidr": "10.10.1.0/24", "failover": target("subnet-1", "10.20.9.0/24"), "failback": away},
            {"source_cidr": "10.10.2.0/25", "failback": away | {"account_id": OTHER}},
            {"source_cidr": "10.10.3.0/25", "failback": away | {"account_id": OTHER, "region": "eu-west-1"}},
        ]
    )
    known = {(OWN, "us-west-2"): Ec2({"subnet-1": "10.20.1.0/24"}, {"sg-1": "x"}), (OWN, "us-east-1"): Refusing()}
    _map, found = resolve_subnet_map(declared, Clients(known), HOME, problems)
    assert list(found) == [Place(OWN, "us-west-2")]
    assert [(problem.where, problem.value) for problem in problems] == [
        ("dr_accounts", "'111111111111'"),
        ("dr_subnet_map[0].failback", "'account 222222222222 in us-east-1'"),
        ("dr_subnet_map[0].failover.cidr", "'10.20.9.0/24'"),
    ]
    assert "not authorized" in list(problems)[1].remedy


def test_credentials_that_are_refused_at_home_are_an_error_of_their_own() -> None:
    declared = parse_subnet_map([{"source_cidr": "10.10.1.0/24", "failover": target("subnet-1", "10.20.1.0/24")}])
    with pytest.raises(AwsError, match="UnauthorizedOperation"):
        resolve_subnet_map(declared, Clients({(OWN, "us-west-2"): Refusing()}), HOME, Problems())


def test_interfaces_of_every_page_and_place_are_found() -> None:
    clients = Clients({(OWN, "us-west-2"): Ec2({"subnet-1": ""}), (OTHER, "us-east-1"): Ec2({"subnet-2": ""})})
    in_use = read_interfaces(clients, {Place(OWN, "us-west-2"): ["subnet-1"], Place(OTHER, "us-east-1"): ["subnet-2"]})
    assert sorted(in_use) == [(subnet, f"10.20.1.{n}") for subnet in ("subnet-1", "subnet-2") for n in range(4, 7)]
