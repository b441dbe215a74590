"""What leads out of a drill's network, and what of it is production's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.firewalls import acl_lets_out
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation import (
    SubnetIsolation,
    gate_findings,
    judge,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_facts import (
    DrillNetwork,
    NetworkFacts,
    drill_network,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_policy import (
    IsolationPolicy,
    parse_isolation,
    parse_production_cidrs,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.networks import common, without
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import Unknown, summary
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.routes import Route, TargetKind, carriers
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.builders import complete_map, source_server, subnet_map

VPC = "vpc-drill"
PRODUCTION = "10.10.1.0/24"
LOCAL = {"DestinationCidrBlock": "10.99.0.0/16", "GatewayId": "local", "State": "active"}
ANY = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
WITHIN = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.99.0.0/16"}], "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
ALLOW_ALL = {"RuleNumber": 100, "Egress": True, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
ALLOW_IPV6 = {**ALLOW_ALL, "RuleNumber": 101, "CidrBlock": None, "Ipv6CidrBlock": "::/0"}
DENY_ALL = {**ALLOW_ALL, "RuleNumber": 32767, "RuleAction": "deny"}
REFUSED = IsolationPolicy()

NETWORK = DrillNetwork(
    subnets={"subnet-t0": frozenset({"sg-1"})},
    known_subnets=frozenset({"subnet-t0", "subnet-t1"}),
    test_groups=frozenset({"sg-1"}),
    production_subnets=frozenset({"subnet-f0"}),
    production=(ip_network("10.10.0.0/16"), ip_network("10.20.1.0/24"), ip_network("8.8.8.0/24")),
)


def subnet(subnet_id: str, cidr: str, vpc_id: str = VPC) -> dict[str, Any]:
    return {"SubnetId": subnet_id, "VpcId": vpc_id, "CidrBlock": cidr}


def table(*routes: Mapping[str, Any], subnet_id: str | None = None, name: str = "rtb-1", **more: Any) -> dict[str, Any]:
    association = {"SubnetId": subnet_id} if subnet_id else {"Main": True}
    return {"RouteTableId": name, "VpcId": VPC, "Associations": [association], "Routes": [LOCAL, *routes], **more}


def route(destination: str, **target: str) -> dict[str, Any]:
    kind = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
    return {"State": "active", ("DestinationPrefixListId" if destination[:3] == "pl-" else kind): destination, **target}


def acl(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"NetworkAclId": "acl-1", "Associations": [{"SubnetId": "subnet-t0"}], "Entries": [*entries, DENY_ALL]}


def group(egress: Mapping[str, Any] = ANY, ingress: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    rules = [ingress] if ingress else []
    return {"sg-1": {"GroupId": "sg-1", "VpcId": VPC, "IpPermissionsEgress": [egress], "IpPermissions": rules}}


FACTS = NetworkFacts(
    subnets={"subnet-t0": subnet("subnet-t0", "10.99.1.0/24"), "subnet-t1": subnet("subnet-t1", "10.99.2.0/24")},
    route_tables=[table()],
    network_acls=[acl(ALLOW_ALL, ALLOW_IPV6)],
    security_groups=group(),
)


def verdict(policy: IsolationPolicy = REFUSED, network: DrillNetwork = NETWORK, **facts: Any) -> SubnetIsolation:
    (found,) = judge(network, replace(FACTS, **facts), policy)
    return found


def told(found: SubnetIsolation) -> list[tuple[str, str]]:
    return [(path.severity, path.kind) for path in found.paths]


def test_a_network_without_a_way_out_is_isolated() -> None:
    assert verdict() == SubnetIsolation("subnet-t0", VPC, ())
    assert verdict().state == "isolated"


@pytest.mark.parametrize(
    ("found", "kind", "opened_by"),
    [
        (route(PRODUCTION, VpcPeeringConnectionId="pcx-1"), "production", "pcx-1"),
        (route("10.0.0.0/8", TransitGatewayId="tgw-1"), "production", "tgw-1"),
        (route("10.10.1.7/32", GatewayId="vgw-1"), "production", "vgw-1"),
        (route(PRODUCTION, LocalGatewayId="lgw-1"), "production", "lgw-1"),
        (route(PRODUCTION, CoreNetworkArn="arn:core"), "production", "arn:core"),
        (route(PRODUCTION, OdbNetworkArn="arn:odb"), "production", "arn:odb"),
        (route("pl-1", TransitGatewayId="tgw-1"), "production", "tgw-1"),
        (route("8.8.0.0/16", GatewayId="igw-1"), "production", "igw-1"),
        (route(PRODUCTION, InstanceId="i-1", NetworkInterfaceId="eni-1"), "unproved", "i-1"),
        (route(PRODUCTION, NetworkInterfaceId="eni-1", State="blackhole"), "unproved", "eni-1"),
        (route("0.0.0.0/0", GatewayId="vpce-firewall"), "unproved", "vpce-firewall"),
        (route("pl-1", GatewayId="vpce-firewall"), "unproved", "vpce-firewall"),
        (route(PRODUCTION, GatewayId="VpcLattice"), "unproved", "VpcLattice"),
        (route(PRODUCTION, NatGatewayId="nat-unknown"), "unproved", "nat-unknown"),
        (route(PRODUCTION, SomethingNewId="new-1"), "unproved", "a target that this version does not know"),
        (route("fd00::/8", TransitGatewayId="tgw-1"), "unproved", "tgw-1"),
        (route("0.0.0.0/0", GatewayId="igw-1"), "internet", "igw-1"),
        (route("::/0", EgressOnlyInternetGatewayId="eigw-1"), "internet", "eigw-1"),
        (route("0.0.0.0/0", CarrierGatewayId="cagw-1"), "internet", "cagw-1"),
        (route("1.1.1.0/24", TransitGatewayId="tgw-1"), "internet", "tgw-1"),
    ],
)
def test_a_route_that_leads_out(found: dict[str, Any], kind: str, opened_by: str) -> None:
    judged = verdict(route_tables=[table(found)], prefix_lists={"pl-1": (ip_network("10.20.0.0/16"),)})
    first = judged.paths[0]
    assert judged.state == "open"
    assert ("error", kind, opened_by) in {(path.severity, path.kind, path.opened_by) for path in judged.paths}
    assert "rtb-1" in first.what
    assert "delete the route" in first.remedy


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (route("10.77.0.0/16", VpcPeeringConnectionId="pcx-1"), "elsewhere"),
        (route(PRODUCTION, VpcPeeringConnectionId="pcx-1", State="blackhole"), "door"),
        (route("10.10.0.0/16", GatewayId="igw-1"), None),
        (route("10.99.0.0/16", GatewayId="local"), None),
    ],
)
def test_a_route_that_leads_to_no_production(found: dict[str, Any], kind: str | None) -> None:
    judged = verdict(route_tables=[table(found)])
    assert judged.state == "isolated"
    assert told(judged) == ([("warning", kind)] if kind else [])


def test_a_more_specific_route_takes_the_packets() -> None:
    sink = route("10.0.0.0/8", VpcPeeringConnectionId="pcx-gone", State="blackhole")
    out = route("0.0.0.0/0", TransitGatewayId="tgw-1")
    network = replace(NETWORK, production=(ip_network("10.10.0.0/16"),))
    assert verdict(network=network, route_tables=[table(out)]).paths[0].kind == "production"
    assert ("error", "production") not in told(verdict(network=network, route_tables=[table(out, sink)]))


def test_the_subnet_s_own_route_table_counts_else_the_main_one() -> None:
    out, closed = table(route(PRODUCTION, TransitGatewayId="tgw-1")), table(subnet_id="subnet-t0", name="rtb-own")
    assert verdict(route_tables=[out, closed]).state == "isolated"
    assert (
        verdict(route_tables=[table(name="rtb-main"), {**out, "Associations": [{"SubnetId": "subnet-t0"}]}]).state
        == "open"
    )


@pytest.mark.parametrize(
    ("onward", "state", "kind"),
    [
        (route("10.10.0.0/16", TransitGatewayId="tgw-1"), "open", "production"),
        (route("0.0.0.0/0", GatewayId="igw-1"), "open", "internet"),
        (route("172.16.0.0/16", TransitGatewayId="tgw-1"), "isolated", "elsewhere"),
        (route("0.0.0.0/0", NatGatewayId="nat-1"), "open", "unproved"),
    ],
)
@pytest.mark.parametrize("regional", [False, True])
def test_a_nat_gateway_goes_on_by_its_own_route_table(
    onward: dict[str, Any], state: str, kind: str, regional: bool
) -> None:
    of_nat = table(onward, subnet_id="subnet-nat", name="rtb-nat")
    nat = {
        "NatGatewayId": "nat-1",
        "VpcId": VPC,
        **({"RouteTableId": "rtb-nat"} if regional else {"SubnetId": "subnet-nat"}),
    }
    tables = [table(route("0.0.0.0/0", NatGatewayId="nat-1")), of_nat]
    judged = verdict(route_tables=tables, nat_gateways=[nat])
    assert judged.state == state
    assert kind in {path.kind for path in judged.paths}
    assert judged.paths[0].opened_by == "nat-1"
    assert "rtb-nat" in judged.paths[0].what


def test_an_association_that_failed_does_not_hold() -> None:
    out = table(route(PRODUCTION, TransitGatewayId="tgw-1"))
    failed = {"SubnetId": "subnet-t0", "AssociationState": {"State": "failed"}}
    assert verdict(route_tables=[out, {**table(name="rtb-own"), "Associations": [failed]}]).state == "open"


def test_the_route_of_an_endpoint_that_is_gone_leads_nowhere() -> None:
    gone = {"VpcEndpointId": "vpce-1", "VpcId": VPC, "State": "deleted", "RouteTableIds": ["rtb-1"]}
    assert (
        verdict(endpoints=[gone], route_tables=[table(route("pl-s3", GatewayId="vpce-1", State="blackhole"))]).paths
        == ()
    )


def test_propagated_routes_come_and_go() -> None:
    judged = verdict(route_tables=[table(PropagatingVgws=[{"GatewayId": "vgw-1"}])])
    assert told(judged) == [("error", "unproved")]
    assert told(
        verdict(IsolationPolicy(accept=("vgw-1",)), route_tables=[table(PropagatingVgws=[{"GatewayId": "vgw-1"}])])
    ) == [("warning", "unproved")]


def test_connections_that_no_route_uses_are_told_of() -> None:
    peering = {
        "VpcPeeringConnectionId": "pcx-1",
        "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": "vpc-production", "CidrBlockSet": [{"CidrBlock": "10.10.0.0/16"}]},
        "AccepterVpcInfo": {"VpcId": VPC, "CidrBlock": "10.99.0.0/16"},
    }
    attachment = {
        "TransitGatewayAttachmentId": "tgw-attach-1",
        "TransitGatewayId": "tgw-1",
        "VpcId": VPC,
        "State": "available",
    }
    gateway = {"VpnGatewayId": "vgw-1", "State": "available", "VpcAttachments": [{"VpcId": VPC, "State": "attached"}]}
    facts = {"peerings": [peering], "transit_gateway_attachments": [attachment], "vpn_gateways": [gateway]}
    judged = verdict(**facts)
    assert judged.state == "isolated"
    assert [(path.kind, path.opened_by) for path in judged.paths] == [
        ("door", "pcx-1"),
        ("door", "tgw-1"),
        ("door", "vgw-1"),
    ]
    assert "vpc-production (10.10.0.0/16)" in judged.paths[0].what
    gone = {
        "peerings": [{**peering, "Status": {"Code": "deleted"}}],
        "transit_gateway_attachments": [{**attachment, "State": "deleted"}],
        "vpn_gateways": [{**gateway, "VpcAttachments": [{"VpcId": VPC, "State": "detached"}]}],
    }
    assert verdict(**gone).paths == ()
    assert told(verdict(**facts, route_tables=[table(route(PRODUCTION, VpcPeeringConnectionId="pcx-1"))]))[0] == (
        "error",
        "production",
    )


@pytest.mark.parametrize(
    ("endpoint", "refused"),
    [
        ({"RouteTableIds": ["rtb-1"], "ServiceName": "com.amazonaws.us-west-2.s3"}, True),
        ({"VpcEndpointType": "Gateway", "RouteTableIds": ["rtb-other"]}, False),
        ({"VpcEndpointType": "Interface", "ServiceName": "com.amazonaws.us-west-2.ssm"}, True),
        ({"VpcEndpointType": "Resource", "ResourceConfigurationArn": "arn:database"}, True),
        ({"VpcEndpointType": "ServiceNetwork", "ServiceNetworkArn": "arn:network"}, True),
        ({"VpcEndpointType": "SomethingNew"}, True),
        ({"VpcEndpointType": "GatewayLoadBalancer"}, False),
        ({"VpcEndpointType": "Interface", "State": "deleting"}, False),
        ({"VpcEndpointType": "Interface", "VpcId": "vpc-other"}, False),
    ],
)
def test_endpoints(endpoint: dict[str, Any], refused: bool) -> None:
    found = {"VpcEndpointId": "vpce-1", "VpcId": VPC, "State": "Available", **endpoint}
    lists = route("pl-s3", GatewayId="vpce-1")
    facts = {"endpoints": [found], "route_tables": [table(*([lists] if "RouteTableIds" in endpoint else []))]}
    if endpoint.get("RouteTableIds") == ["rtb-other"]:
        facts["route_tables"] = [table()]
    judged = verdict(**facts)
    assert told(judged) == ([("error", "endpoint")] if refused else [])
    assert told(verdict(IsolationPolicy(accept=("vpce-1",)), **facts)) == ([("warning", "endpoint")] if refused else [])


class TestOneVpcWithProduction:
    @pytest.mark.parametrize(
        ("other", "kind"),
        [
            (subnet("subnet-f0", "10.99.8.0/24"), "production"),
            (subnet("subnet-any", "10.10.3.0/24"), "unproved"),
            (subnet("subnet-t1", "10.10.3.0/24"), None),
            (subnet("subnet-any", "10.99.8.0/24"), None),
            (subnet("subnet-f0", "10.20.1.0/24", "vpc-production"), None),
        ],
    )
    def test_is_no_isolation(self, other: dict[str, Any], kind: str | None) -> None:
        subnets = {"subnet-t0": FACTS.subnets["subnet-t0"], other["SubnetId"]: other}  # type: ignore[index]
        assert told(verdict(subnets=subnets)) == ([("error", kind)] if kind else [])
        closed = verdict(subnets=subnets, security_groups=group(WITHIN | {"IpRanges": []}))
        assert closed.state == "isolated"
        assert told(closed) == ([("warning", "closed")] if kind else [])

    def test_in_one_subnet_nothing_separates_them(self) -> None:
        network = replace(NETWORK, production_subnets=frozenset({"subnet-t0"}))
        assert told(verdict(network=network, security_groups=group(WITHIN))) == [("error", "production")]

    def test_a_copy_of_production_can_be_accepted_by_its_id(self) -> None:
        subnets = {"subnet-t0": FACTS.subnets["subnet-t0"], "subnet-copy": subnet("subnet-copy", "10.10.3.0/24")}  # type: ignore[index]
        assert verdict(IsolationPolicy(accept=("subnet-copy",)), subnets=subnets).state == "isolated"


class TestFirewalls:
    OPEN = {"route_tables": [table(route("10.10.0.0/16", VpcPeeringConnectionId="pcx-1"))]}

    @pytest.mark.parametrize(
        ("egress", "ingress", "is_closed"),
        [
            (ANY, None, False),
            (WITHIN, None, True),
            (WITHIN, {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.10.1.0/24"}]}, False),
            ({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.10.1.7/32"}]}, None, False),
            ({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-of-production"}]}, None, False),
            ({"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}, None, False),
            ({"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-2"}]}, None, True),
        ],
    )
    def test_security_groups(self, egress: dict[str, Any], ingress: dict[str, Any] | None, is_closed: bool) -> None:
        lists = {"pl-1": (ip_network("10.10.9.0/24"),), "pl-2": (ip_network("10.99.9.0/24"),)}
        judged = verdict(**self.OPEN, security_groups=group(egress, ingress), prefix_lists=lists)
        assert told(judged) == [("warning", "closed") if is_closed else ("error", "production")]
        assert ("sg-1 lets nothing through" in judged.paths[0].what) == is_closed

    def test_without_a_group_the_vpc_s_default_group_counts(self) -> None:
        network = replace(NETWORK, subnets={"subnet-t0": frozenset()})
        assert verdict(network=network, **self.OPEN, security_groups={}).state == "open"

    @pytest.mark.parametrize(
        ("entries", "is_closed"),
        [
            ([ALLOW_ALL], False),
            ([], True),
            ([{**ALLOW_ALL, "RuleNumber": 90, "RuleAction": "deny", "CidrBlock": "10.0.0.0/8"}, ALLOW_ALL], True),
            ([ALLOW_ALL, {**ALLOW_ALL, "RuleNumber": 110, "RuleAction": "deny", "CidrBlock": "10.0.0.0/8"}], False),
            ([{**ALLOW_ALL, "RuleNumber": 90, "RuleAction": "deny", "CidrBlock": "10.10.0.0/17"}, ALLOW_ALL], False),
            ([{**DENY_ALL, "RuleNumber": 90, "Protocol": "6", "CidrBlock": "10.0.0.0/8"}, ALLOW_ALL], False),
            ([{**ALLOW_ALL, "CidrBlock": "10.10.1.7/32", "Protocol": "17"}], False),
            ([{**ALLOW_ALL, "Egress": False}], True),
        ],
    )
    def test_network_acls(self, entries: list[dict[str, Any]], is_closed: bool) -> None:
        judged = verdict(**self.OPEN, network_acls=[acl(*entries)])
        assert told(judged) == [("warning", "closed") if is_closed else ("error", "production")]
        assert ("network ACL acl-1 lets nothing through" in judged.paths[0].what) == is_closed

    def test_groups_that_only_reach_the_drill_network_close_the_internet(self) -> None:
        tables = [table(route("0.0.0.0/0", GatewayId="igw-1"))]
        network = replace(NETWORK, production=(ip_network("10.10.0.0/16"),))
        judged = verdict(network=network, route_tables=tables, security_groups=group(WITHIN))
        assert told(judged) == [("warning", "closed")]


class TestPolicy:
    INTERNET = {"route_tables": [table(route("0.0.0.0/0", GatewayId="igw-1"))]}

    @pytest.mark.parametrize("policy", [IsolationPolicy(internet="allowed"), IsolationPolicy(accept=("igw-1",))])
    def test_can_allow_the_internet(self, policy: IsolationPolicy) -> None:
        network = replace(NETWORK, production=(ip_network("10.10.0.0/16"),))
        assert told(verdict(policy, network, **self.INTERNET)) == [("warning", "internet")]

    def test_opens_no_way_to_known_production(self) -> None:
        policy = IsolationPolicy(internet="allowed", accept=("igw-1", "pcx-1"))
        assert ("error", "production") in told(verdict(policy, **self.INTERNET))
        assert verdict(policy, route_tables=[table(route(PRODUCTION, VpcPeeringConnectionId="pcx-1"))]).state == "open"

    def test_is_read_and_written(self) -> None:
        problems = Problems()
        raw = {
            "internet": "allowed",
            "accept": ["vpce-1"],
            "production_cidrs": ["10.20.0.0/16", "10.10.0.0/16", "fd00::/8"],
        }
        policy = parse_isolation(raw, "gate.isolation", problems)
        assert parse_isolation(policy.to_document(), "gate.isolation", problems) == policy
        assert policy.production_cidrs == ("10.10.0.0/16", "10.20.0.0/16", "fd00::/8")
        assert policy.with_production(["10.10.0.0/16", "10.9.0.0/16"]).production_cidrs[:2] == (
            "10.10.0.0/16",
            "10.20.0.0/16",
        )
        assert parse_isolation(None, "gate.isolation", problems) == REFUSED
        assert len(problems) == 0

    def test_names_every_mistake(self) -> None:
        problems = Problems()
        raw = {
            "internet": "maybe",
            "accept": ["anything"],
            "production_cidrs": ["10.10.0.1/16", "0.0.0.0/0", 10],
            "door": 1,
        }
        parse_isolation(raw, "gate.isolation", problems)
        assert sorted(problem.where for problem in problems) == [
            "gate.isolation",
            "gate.isolation.accept[0]",
            "gate.isolation.internet",
            "gate.isolation.production_cidrs[0]",
            "gate.isolation.production_cidrs[1]",
            "gate.isolation.production_cidrs[2]",
        ]
        with pytest.raises(DeclarationError, match=r"dr_production_cidrs: '10\.10\.0\.0/16': must be a list"):
            parse_production_cidrs("10.10.0.0/16")


class TestWhatIsNotKnown:
    @pytest.mark.parametrize(
        "name",
        [
            "subnets",
            "route_tables",
            "network_acls",
            "security_groups",
            "endpoints",
            "nat_gateways",
            "peerings",
            "transit_gateway_attachments",
            "vpn_gateways",
        ],
    )
    def test_is_not_isolated_and_is_named(self, name: str) -> None:
        judged = verdict(**{name: Unknown("AccessDenied: not you")})
        assert judged.state == "unknown"
        assert told(judged) == [("unknown", "unread")]
        assert name.split("_")[-1].rstrip("s").lower() in judged.paths[0].what.lower()
        assert "not you" in judged.paths[0].what

    def test_a_prefix_list_is_named_and_closes_nothing(self) -> None:
        judged = verdict(
            route_tables=[
                table(route("pl-1", TransitGatewayId="tgw-1"), route(PRODUCTION, VpcPeeringConnectionId="pcx-1"))
            ],
            security_groups=group({"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}),
            prefix_lists={"pl-1": Unknown("gone")},
        )
        assert told(judged) == [("error", "production"), ("unknown", "unread")]

    @pytest.mark.parametrize(
        ("facts", "what"),
        [
            ({"subnets": {}}, "subnet subnet-t0"),
            ({"route_tables": []}, f"route table of {VPC}"),
            ({"security_groups": {}}, "security group sg-1"),
        ],
    )
    def test_what_ec2_does_not_show(self, facts: dict[str, Any], what: str) -> None:
        judged = verdict(**facts)
        assert judged.state == "unknown"
        assert f"no {what} in this account and Region" in judged.paths[0].what


class TestDrillNetwork:
    SERVERS = (source_server(1, addresses=["10.10.1.11"]), source_server(2, addresses=["10.10.2.11"]))
    ENTRIES = plan_entries(SERVERS, subnet_map())

    def test_judges_the_servers_of_the_plan_and_protects_those_of_all(self) -> None:
        network = drill_network(self.ENTRIES, IsolationPolicy(production_cidrs=("192.168.0.0/16",)), ["server-1"])
        assert set(network.subnets) == {"subnet-t0"}
        assert network.known_subnets == {"subnet-t0", "subnet-t1"}
        assert network.production_subnets == {"subnet-f0", "subnet-f1"}
        assert network.test_groups == frozenset()  # production is launched with sg-1 too
        assert [str(cidr) for cidr in network.production] == [
            "10.10.1.0/24",
            "10.10.2.0/24",
            "10.20.1.0/24",
            "10.20.2.0/24",
            "192.168.0.0/16",
        ]
        assert set(drill_network(self.ENTRIES, REFUSED).subnets) == {"subnet-t0", "subnet-t1"}

    def test_a_rule_for_every_source_makes_production_of_the_server_only(self) -> None:
        everything = {
            "subnet_id": "subnet-t0",
            "cidr": "10.99.0.0/16",
            "security_groups": ["sg-1"],
            "address": "dynamic",
        }
        rule = {"source_cidr": "0.0.0.0/0", "test": everything}
        entries = plan_entries(self.SERVERS[:1], complete_map([rule]), profiles=["test"])
        assert drill_network(entries, REFUSED).production == (ip_network("10.10.1.11/32"),)

    def test_nothing_to_judge_is_no_pass(self) -> None:
        with pytest.raises(DeclarationError, match="names no test subnet"):
            drill_network(self.ENTRIES, REFUSED, ["unknown"])


def test_the_gate_names_subnets_path_and_remedy_once() -> None:
    network = replace(NETWORK, subnets={name: frozenset({"sg-1"}) for name in ("subnet-t0", "subnet-t1")})
    facts = replace(FACTS, route_tables=[table(route("10.10.0.0/16", VpcPeeringConnectionId="pcx-1"))])
    findings = gate_findings(judge(network, facts, REFUSED))
    text = (
        "1 error: test subnets subnet-t0, subnet-t1: the route 10.10.0.0/16 of rtb-1 to pcx-1 leads to production "
        "10.10.0.0/16 (remedy: delete the route 10.10.0.0/16 of rtb-1 to pcx-1, or use a subnet without it)"
    )
    assert summary(findings) == text


# Arithmetic: networks within a /26, so that every address can be looked at.
SPACE = ip_network("10.0.0.0/26")
NETWORKS = st.builds(
    lambda length, offset: ip_network(
        (int(SPACE.network_address) + (offset >> (32 - length) << (32 - length)), length)
    ),
    st.integers(26, 32),
    st.integers(0, 63),
)


@settings(max_examples=60, deadline=None)
@given(one=st.lists(NETWORKS, max_size=4), other=st.lists(NETWORKS, max_size=4))
def test_common_and_without_split_the_addresses(one: list[Any], other: list[Any]) -> None:
    def members(networks: Any) -> set[Any]:
        return {address for network in networks for address in network}

    assert members(common(one, other)) == members(one) & members(other)
    assert members(without(one, other)) == members(one) - members(other)


@settings(max_examples=60, deadline=None)
@given(destinations=st.lists(NETWORKS, min_size=1, max_size=6, unique=True))
def test_every_address_goes_by_its_most_specific_route(destinations: list[Any]) -> None:
    routes = [Route((network,), str(network), TargetKind.PRIVATE, str(network)) for network in destinations]
    carried = {
        address: route.destination for route, parts in carriers(routes, [SPACE]) for part in parts for address in part
    }
    expected = {}
    for address in SPACE:
        fitting = [network for network in destinations if address in network]
        if fitting:
            expected[address] = str(max(fitting, key=lambda network: network.prefixlen))
    assert carried == expected


@settings(max_examples=60, deadline=None)
@given(
    rules=st.lists(st.tuples(NETWORKS, st.sampled_from(["allow", "deny"]), st.sampled_from(["-1", "6"])), max_size=5),
    wanted=NETWORKS,
)
def test_a_network_acl_lets_out_what_some_packet_passes(rules: list[tuple[Any, str, str]], wanted: Any) -> None:
    entries = [
        {"RuleNumber": number, "Egress": True, "RuleAction": action, "Protocol": protocol, "CidrBlock": str(network)}
        for number, (network, action, protocol) in enumerate(rules)
    ]

    def passes(address: Any, protocol: str) -> bool:
        for network, action, of in rules:
            if address in network and of in {"-1", protocol}:
                return action == "allow"
        return False

    # Protocol 6 is named by rules, 17 stands for every other one.
    expected = any(passes(ip_address(address), protocol) for address in wanted for protocol in ("6", "17"))
    assert acl_lets_out({"Entries": entries}, [wanted]) or not expected
    if not any(action == "deny" and protocol != "-1" for _network, action, protocol in rules):
        assert acl_lets_out({"Entries": entries}, [wanted]) == expected
