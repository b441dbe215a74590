"""A drill's network that is not isolated: EC2 is changed; the gate, the drill and the module tell what they find."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.disaster_recovery.aws.plugins.modules import network_isolation_info

from tests.support.embedded import ROOT
from tests.support.orchestrator import PREFIX, Orchestrator
from tests.support.playbook import run_playbook

DRILL_VPC, RECOVERY_VPC, DRILL_SUBNET = "vpc-0a990000000000001", "vpc-0a200000000000001", "subnet-0a99100000000d001"

OpenRun = Callable[..., str]
Undo = ExitStack


def main_table(ec2: Any) -> str:
    filters = [{"Name": "vpc-id", "Values": [DRILL_VPC]}, {"Name": "association.main", "Values": ["true"]}]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return str(table["RouteTableId"])


def add_route(ec2: Any, undo: Undo, **route: Any) -> None:
    table = main_table(ec2)
    ec2.create_route(RouteTableId=table, **route)
    kept = {name: value for name, value in route.items() if name.startswith("Destination")}
    undo.callback(partial(ec2.delete_route, RouteTableId=table, **kept))


def peering(ec2: Any, undo: Undo, cidr: str = "10.20.0.0/16") -> str:
    made = ec2.create_vpc_peering_connection(VpcId=DRILL_VPC, PeerVpcId=RECOVERY_VPC)["VpcPeeringConnection"]
    peering_id = str(made["VpcPeeringConnectionId"])
    undo.callback(partial(ec2.delete_vpc_peering_connection, VpcPeeringConnectionId=peering_id))
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering_id)
    add_route(ec2, undo, DestinationCidrBlock=cidr, VpcPeeringConnectionId=peering_id)
    return peering_id


def transit_gateway(ec2: Any, undo: Undo, routed: bool = True) -> str:
    gateway_id = str(ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"])
    attachment = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway_id, VpcId=DRILL_VPC, SubnetIds=[DRILL_SUBNET]
    )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    undo.callback(partial(ec2.delete_transit_gateway_vpc_attachment, TransitGatewayAttachmentId=attachment))
    if routed:
        entries = [{"Cidr": "10.10.0.0/16"}]
        made = ec2.create_managed_prefix_list(
            PrefixListName="production", MaxEntries=1, AddressFamily="IPv4", Entries=entries
        )["PrefixList"]
        add_route(ec2, undo, DestinationPrefixListId=made["PrefixListId"], TransitGatewayId=gateway_id)
    return gateway_id


def virtual_private_gateway(ec2: Any, undo: Undo) -> str:
    gateway_id = str(ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"])
    ec2.attach_vpn_gateway(VpcId=DRILL_VPC, VpnGatewayId=gateway_id)
    undo.callback(partial(ec2.detach_vpn_gateway, VpcId=DRILL_VPC, VpnGatewayId=gateway_id))
    add_route(ec2, undo, DestinationCidrBlock="10.10.1.0/24", GatewayId=gateway_id)
    return gateway_id


def internet_gateway(ec2: Any, undo: Undo) -> str:
    gateway_id = str(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=DRILL_VPC)
    undo.callback(partial(ec2.detach_internet_gateway, InternetGatewayId=gateway_id, VpcId=DRILL_VPC))
    add_route(ec2, undo, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway_id)
    return gateway_id


def endpoint(ec2: Any, undo: Undo, **settings: Any) -> str:
    made = ec2.create_vpc_endpoint(VpcId=DRILL_VPC, **settings)["VpcEndpoint"]
    undo.callback(partial(ec2.delete_vpc_endpoints, VpcEndpointIds=[made["VpcEndpointId"]]))
    return str(made["VpcEndpointId"])


def gateway_endpoint(ec2: Any, undo: Undo) -> str:
    service, tables = "com.amazonaws.us-west-2.s3", [main_table(ec2)]
    return endpoint(ec2, undo, VpcEndpointType="Gateway", ServiceName=service, RouteTableIds=tables)


def interface_endpoint(ec2: Any, undo: Undo) -> str:
    service = "com.amazonaws.us-west-2.secretsmanager"
    return endpoint(ec2, undo, VpcEndpointType="Interface", ServiceName=service, SubnetIds=[DRILL_SUBNET])


def production_in_a_secondary_cidr(ec2: Any, undo: Undo) -> str:
    added = ec2.associate_vpc_cidr_block(VpcId=DRILL_VPC, CidrBlock="10.10.0.0/16")["CidrBlockAssociation"]
    undo.callback(partial(ec2.disassociate_vpc_cidr_block, AssociationId=added["AssociationId"]))
    subnet_id = str(ec2.create_subnet(VpcId=DRILL_VPC, CidrBlock="10.10.1.0/24")["Subnet"]["SubnetId"])
    undo.callback(partial(ec2.delete_subnet, SubnetId=subnet_id))
    return subnet_id


@contextmanager
def opened(orchestrator: Orchestrator, by: Callable[..., str], **settings: Any) -> Iterator[str]:
    with ExitStack() as undo:
        yield by(orchestrator.client("ec2"), undo, **settings)


def judged(orchestrator: Orchestrator, **options: Any) -> dict[str, Any]:
    """What the module answers."""

    def clients(service: str) -> Any:
        return orchestrator.client(service)

    parameters = {
        "ip_map_table": f"{PREFIX}-ip-map",
        "ip_map_entries": None,
        "servers": None,
        "production_cidrs": [],
        "isolation": {},
    }
    return network_isolation_info.run({**parameters, **options}, clients, True)


def kinds(answer: Mapping[str, Any], subnet_id: str = DRILL_SUBNET) -> list[tuple[str, str, str]]:
    (subnet,) = [item for item in answer["subnets"] if item["subnet_id"] == subnet_id]
    return [(path["severity"], path["kind"], path["opened_by"]) for path in subnet["paths"]]


def test_a_drill_beside_production_pauses_at_its_gate_and_launches_nothing(
    orchestrator: Orchestrator, new_run: Callable[[], str]
) -> None:
    run_id = new_run()
    with opened(orchestrator, peering) as peering_id:
        arn = orchestrator.start("test", run_id)
        assert orchestrator.follow(arn, until_paused=True)["status"] == "RUNNING"
        (pause,) = orchestrator.runs.open_pauses(run_id)
        table = main_table(orchestrator.client("ec2"))
    assert pause["step"] == "gate"
    route = f"route 10.20.0.0/16 of {table} to {peering_id}"
    assert pause["reason"] == (
        f"1 error: test subnets subnet-0a99100000000d001, subnet-0a99500000000b001: the {route} leads to production "
        f"10.20.1.0/24, 10.20.5.0/28 (remedy: delete the {route}, or use a subnet without it)"
    )
    assert orchestrator.jobs(run_id) == []
    orchestrator.decide(run_id, "abort")
    assert orchestrator.follow(arn)["status"] == "FAILED"
    assert orchestrator.runs.get_run(run_id)["status"] == "aborted"  # type: ignore[index]
    assert orchestrator.jobs(run_id) == []
    assert set(orchestrator.statuses(run_id).values()) == {"skipped"}


def test_the_gate_looks_again_when_asked_to(orchestrator: Orchestrator, open_run: OpenRun) -> None:
    run_id = open_run()
    with opened(orchestrator, transit_gateway) as gateway_id:
        answer = orchestrator.invoke("gate", run_id)
        assert answer["outcome"] == "ask"
        assert f"to {gateway_id} leads to production 10.10.1.0/24, 10.10.5.0/28" in answer["reason"]
    assert orchestrator.invoke("gate", run_id)["outcome"] == "done"


def test_a_failover_needs_its_ways_to_production(orchestrator: Orchestrator, open_run: OpenRun) -> None:
    run_id = open_run("failover")
    with opened(orchestrator, peering):
        assert orchestrator.invoke("gate", run_id)["outcome"] == "done"


@pytest.mark.parametrize(
    ("isolation", "outcome", "kind"),
    [
        ({}, "done", "elsewhere"),
        ({"production_cidrs": ["10.77.0.0/24"]}, "ask", "production"),
    ],
)
def test_networks_of_production_travel_with_the_published_plan(
    orchestrator: Orchestrator, open_run: OpenRun, isolation: dict[str, Any], outcome: str, kind: str
) -> None:
    orchestrator.publish(name="wide", gate={"isolation": isolation})
    run_id = open_run(plan="wide")
    with opened(orchestrator, peering, cidr="10.77.0.0/16") as peering_id:
        assert orchestrator.invoke("gate", run_id)["outcome"] == outcome
        found = kinds(judged(orchestrator, isolation=isolation))
    assert found == [("error" if outcome == "ask" else "warning", kind, peering_id)]
    (finding,) = orchestrator.runs.events(run_id)[-1]["data"]["findings"]
    assert peering_id in finding["what"]


def test_what_a_plan_accepts_is_told_of_and_stops_nothing(orchestrator: Orchestrator, open_run: OpenRun) -> None:
    with opened(orchestrator, interface_endpoint) as endpoint_id:
        refused = open_run()
        answer = orchestrator.invoke("gate", refused)
        assert answer["outcome"] == "ask"
        assert "secretsmanager" in answer["reason"]
        orchestrator.invoke("close-run", refused, aborted=True)
        orchestrator.publish(name="accepting", gate={"isolation": {"accept": [endpoint_id]}})
        run_id = open_run(plan="accepting")
        assert orchestrator.invoke("gate", run_id)["outcome"] == "done"
    (finding,) = orchestrator.runs.events(run_id)[-1]["data"]["findings"]
    assert (finding["severity"], finding["remedy"]) == ("warning", f"nothing to do: the plan accepts {endpoint_id}")


@pytest.mark.parametrize(
    ("by", "settings", "kind"),
    [
        (peering, {}, "production"),
        (transit_gateway, {}, "production"),
        (virtual_private_gateway, {}, "production"),
        (internet_gateway, {}, "internet"),
        (gateway_endpoint, {}, "endpoint"),
        (interface_endpoint, {}, "endpoint"),
        (production_in_a_secondary_cidr, {}, "unproved"),
    ],
)
def test_every_way_out_is_found_and_gone_when_it_is_closed(
    orchestrator: Orchestrator, by: Callable[..., str], settings: dict[str, Any], kind: str
) -> None:
    with opened(orchestrator, by, **settings) as opener:
        answer = judged(orchestrator)
    assert not answer["isolated"]
    assert ("error", kind, opener) in kinds(answer)
    assert judged(orchestrator) == {
        "changed": False,
        "isolated": True,
        "findings": [],
        "subnets": [
            {"subnet_id": subnet_id, "vpc_id": DRILL_VPC, "state": "isolated", "paths": []}
            for subnet_id in (DRILL_SUBNET, "subnet-0a99500000000b001")
        ],
        "production_cidrs": ["10.10.1.0/24", "10.10.5.0/28", "10.20.1.0/24", "10.20.5.0/28"],
    }


def test_a_connection_without_route_is_told_of(orchestrator: Orchestrator) -> None:
    with opened(orchestrator, transit_gateway, routed=False) as gateway_id:
        answer = judged(orchestrator)
    assert answer["isolated"]
    assert kinds(answer) == [("warning", "door", gateway_id)]


def test_security_groups_can_close_a_way(orchestrator: Orchestrator) -> None:
    ec2, group_id = orchestrator.client("ec2"), "sg-0a99100000000d001"
    anywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=anywhere)
    try:
        with opened(orchestrator, peering) as peering_id:
            answer = judged(orchestrator)
    finally:
        ec2.authorize_security_group_egress(GroupId=group_id, IpPermissions=anywhere)
    assert answer["isolated"]
    assert kinds(answer) == [("warning", "closed", peering_id)]


def test_a_subnet_with_a_route_table_of_its_own(orchestrator: Orchestrator) -> None:
    ec2 = orchestrator.client("ec2")
    table = ec2.create_route_table(VpcId=DRILL_VPC)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=DRILL_SUBNET)["AssociationId"]
    try:
        with opened(orchestrator, peering) as peering_id:
            answer = judged(orchestrator)
    finally:
        ec2.disassociate_route_table(AssociationId=association)
        ec2.delete_route_table(RouteTableId=table)
    assert kinds(answer) == [("warning", "door", peering_id)]
    assert kinds(answer, "subnet-0a99500000000b001") == [("error", "production", peering_id)]


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("DescribeSubnets", "subnets"),
        ("DescribeRouteTables", "route tables"),
        ("DescribeNetworkAcls", "network ACLs"),
        ("DescribeSecurityGroups", "security groups"),
        ("DescribeVpcEndpoints", "VPC endpoints"),
        ("DescribeNatGateways", "NAT gateways"),
        ("DescribeVpcPeeringConnections", "VPC peering connections"),
        ("DescribeTransitGatewayVpcAttachments", "transit gateway attachments"),
        ("DescribeVpnGateways", "virtual private gateways"),
    ],
)
def test_what_could_not_be_read_is_not_isolated(orchestrator: Orchestrator, operation: str, what: str) -> None:
    fault = {"service": "ec2", "operation": operation, "error": "UnauthorizedOperation", "status": 403, "times": 9}
    orchestrator.aws.control("faults", fault)
    try:
        answer = judged(orchestrator)
    finally:
        orchestrator.aws.control("faults", method="DELETE")
    assert not answer["isolated"]
    assert {subnet["state"] for subnet in answer["subnets"]} == {"unknown"}
    (finding,) = answer["findings"]
    assert f"the {what} could not be read: {operation}: UnauthorizedOperation" in finding["what"]


@pytest.mark.parametrize(
    ("service", "operation", "what"),
    [
        ("ec2", "DescribeRouteTables", "the route tables could not be read"),
        ("dynamodb", "BatchGetItem", "the isolation of the drill's network cannot be proved"),
    ],
)
def test_the_gate_stops_when_something_could_not_be_read(
    orchestrator: Orchestrator, open_run: OpenRun, service: str, operation: str, what: str
) -> None:
    run_id = open_run()
    fault = {"service": service, "operation": operation, "error": "AccessDeniedException", "status": 403, "times": 9}
    orchestrator.aws.control("faults", fault)
    answer = orchestrator.invoke("gate", run_id)
    assert answer["outcome"] == "ask"
    assert what in answer["reason"]


def test_a_check_playbook_can_assert_it(orchestrator: Orchestrator, tmp_path: Path) -> None:
    keys = orchestrator.aws.credentials()
    options = {
        "region": "us-west-2",
        "endpoint_url": orchestrator.aws.endpoint,
        "access_key": keys["aws_access_key_id"],
        "secret_key": keys["aws_secret_access_key"],
        "ip_map_table": f"{PREFIX}-ip-map",
    }
    module = "disaster_recovery.aws.network_isolation_info"
    tasks = [
        {"name": "Judge", module: options, "register": "drill_network"},
        {
            "name": "Show",
            "ansible.builtin.copy": {"dest": str(tmp_path / "answer"), "content": "{{ drill_network | to_json }}"},
            "check_mode": False,
        },
        {
            "name": "Judge by bad rules",
            module: {**options, "isolation": {"accept": ["me"]}, "production_cidrs": ["0/0"]},
        },
    ]
    playbook = tmp_path / "check.yml"
    playbook.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8"
    )
    with opened(orchestrator, peering) as peering_id:
        inventory = ROOT / "tests/modules/inventory"
        outcome = run_playbook(playbook, "--check", inventory=inventory, succeeds=False)
    answer = json.loads((tmp_path / "answer").read_text(encoding="utf-8"))
    assert (answer["isolated"], answer["changed"]) == (False, False)
    assert peering_id in answer["findings"][0]["what"]
    assert "isolation.accept[0]: 'me': must be the id of what opens the way" in outcome.output
    assert "production_cidrs[0]: '0/0'" in outcome.output
