"""How a drill's network is read: all at once, page by page; what is refused is unknown, what may pass is raised."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.isolation import read_network_facts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_facts import DrillNetwork
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import Unknown
from botocore.exceptions import ClientError

SUBNETS = [{"SubnetId": f"subnet-{number}", "VpcId": f"vpc-{number}"} for number in range(201)]


class Ec2:
    """EC2 with many VPCs, whose route tables name a prefix list; C(refused) operations are answered with an error."""

    def __init__(self, **refused: str) -> None:
        self.calls: list[tuple[str, int]] = []
        self._real = boto3.client("ec2", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x")
        self._refused = refused

    def can_paginate(self, operation: str) -> bool:
        return bool(self._real.can_paginate(operation))

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
                answer = client.answer(operation, **arguments)
                return [{key: [item] for key in answer} for items in answer.values() for item in items] or [answer]

        return Paginator()

    def describe_vpn_gateways(self, **arguments: Any) -> dict[str, Any]:
        return self.answer("describe_vpn_gateways", **arguments)

    def answer(self, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation in self._refused:
            raise ClientError({"Error": {"Code": self._refused[operation], "Message": "no"}}, operation)
        filters = arguments.get("Filters") or arguments.get("Filter") or [{"Name": "", "Values": []}]
        values = set(filters[0]["Values"])
        self.calls.append((operation, len(values)))
        if operation == "describe_subnets":
            return {"Subnets": [item for item in SUBNETS if values & {item["SubnetId"], item["VpcId"]}]}
        if operation == "describe_route_tables":
            routes = [
                {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-firewall"},
                {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3"},
            ]
            return {"RouteTables": [{"RouteTableId": f"rtb-{vpc}", "VpcId": vpc, "Routes": routes} for vpc in values]}
        if operation == "describe_vpc_endpoints":
            firewall = {"VpcEndpointId": "vpce-firewall", "VpcEndpointType": "GatewayLoadBalancer"}
            return {"VpcEndpoints": [firewall, {"VpcEndpointId": "vpce-s3", "VpcEndpointType": "Gateway"}]}
        if operation == "get_managed_prefix_list_entries":
            return {"Entries": [{"Cidr": "10.10.0.0/16"}, {"Cidr": "10.20.0.0/16"}]}
        key = self._real.meta.service_model.operation_model(self._real.meta.method_to_api_mapping[operation])
        return {name: [] for name in key.output_shape.members if name != "NextToken"}


def network(count: int = 1) -> DrillNetwork:
    ids = [item["SubnetId"] for item in SUBNETS[:count]]
    return DrillNetwork(dict.fromkeys(ids, frozenset({"sg-1"})), frozenset(ids), frozenset(), frozenset(), ())


def test_two_hundred_vpcs_are_asked_for_at_once() -> None:
    ec2 = Ec2()
    facts = read_network_facts(ec2, network(len(SUBNETS)))
    assert isinstance(facts.subnets, dict)
    assert len(facts.subnets) == len(SUBNETS)
    assert len(list(facts.unread())) == 0
    sizes = sorted(size for operation, size in ec2.calls if operation == "describe_route_tables")
    assert sizes == [1, 200]
    assert [operation for operation, _ in ec2.calls].count("get_managed_prefix_list_entries") == 1
    assert list(facts.prefix_lists) == ["pl-1"]
    assert [str(cidr) for cidr in facts.prefix_lists["pl-1"]] == ["10.10.0.0/16", "10.20.0.0/16"]  # type: ignore[union-attr]


def test_what_is_refused_is_unknown_and_the_rest_is_read() -> None:
    refused = dict.fromkeys(("describe_nat_gateways", "get_managed_prefix_list_entries"), "UnauthorizedOperation")
    facts = read_network_facts(Ec2(**refused), network())
    assert [name for name, _ in facts.unread()] == ["NAT gateways", "networks of prefix list pl-1"]
    assert isinstance(facts.route_tables, list)
    nothing = read_network_facts(Ec2(describe_subnets="UnauthorizedOperation"), network())
    assert isinstance(nothing.subnets, Unknown)


@pytest.mark.parametrize("operation", ["describe_subnets", "describe_vpn_gateways", "get_managed_prefix_list_entries"])
def test_what_may_pass_is_raised(operation: str) -> None:
    with pytest.raises(TransientError):
        read_network_facts(Ec2(**{operation: "RequestLimitExceeded"}), network())
