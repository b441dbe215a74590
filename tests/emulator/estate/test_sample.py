"""The sample estate is what its comments and the inventory say it is, with exactly the declared identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.emulator.drs.support import SAMPLE, STAGING, TARGET, Drs, frozen_sample

DOCUMENT: dict[str, Any] = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def running() -> Iterator[Drs]:
    """The sample estate."""
    with frozen_sample() as started:
        yield started


@pytest.mark.parametrize(
    ("account", "region"),
    [(account, region) for account, item in DOCUMENT["accounts"].items() for region in item["regions"]],
)
def test_networks_are_there_with_their_declared_ids(running: Drs, account: str, region: str) -> None:
    ec2 = running.aws.client("ec2", region=region, account=account)
    networks = DOCUMENT["accounts"][account]["regions"][region]["networks"]
    vpcs = {item["VpcId"]: item["CidrBlock"] for item in ec2.describe_vpcs()["Vpcs"]}
    assert vpcs == {item["id"]: item["cidr"] for item in networks.values()}
    subnets = {item["SubnetId"]: (item["VpcId"], item["CidrBlock"]) for item in ec2.describe_subnets()["Subnets"]}
    assert subnets == {
        subnet["id"]: (network["id"], subnet["cidr"])
        for network in networks.values()
        for subnet in network["subnets"].values()
    }
    groups = {
        item["GroupId"]: item["VpcId"]
        for item in ec2.describe_security_groups()["SecurityGroups"]
        if item["GroupName"] != "default"
    }
    assert groups == {
        group["id"]: network["id"]
        for network in networks.values()
        for group in network.get("security_groups", {}).values()
    }


def test_nothing_leads_out_of_the_drill_network(running: Drs) -> None:
    drill = DOCUMENT["accounts"][TARGET]["regions"]["us-west-2"]["networks"]["drill"]["id"]
    in_drill = [{"Name": "vpc-id", "Values": [drill]}]
    tables = running.ec2.describe_route_tables(Filters=in_drill)["RouteTables"]
    assert [route["GatewayId"] for table in tables for route in table["Routes"]] == ["local"]
    gateways = running.ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [drill]}])
    assert gateways["InternetGateways"] == []
    assert running.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"] == []
    recovery = DOCUMENT["accounts"][TARGET]["regions"]["us-west-2"]["networks"]["recovery"]["id"]
    tables = running.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [recovery]}])["RouteTables"]
    assert "0.0.0.0/0" in [route["DestinationCidrBlock"] for table in tables for route in table["Routes"]]


def test_24_servers_run_and_replicate(running: Drs) -> None:
    assert len(DOCUMENT["servers"]) == 24
    instances = {}
    servers = {}
    for account in (TARGET, STAGING):
        ec2 = running.aws.client("ec2", region="us-east-1", account=account)
        for reservation in ec2.describe_instances()["Reservations"]:
            for item in reservation["Instances"]:
                instances[item["InstanceId"]] = item
        for item in running.aws.client("drs", account=account).describe_source_servers()["items"]:
            servers[item["sourceServerID"]] = item
    assert set(instances) == {item["instance"] for item in DOCUMENT["servers"].values()}
    assert set(servers) == {item["id"] for item in DOCUMENT["servers"].values()}
    for name, declared in DOCUMENT["servers"].items():
        instance, server = instances[declared["instance"]], servers[declared["id"]]
        kind = DOCUMENT["server_kinds"][declared["kind"]]
        wanted = list(declared["addresses"].values())
        by_index = sorted(instance["NetworkInterfaces"], key=lambda item: item["Attachment"]["DeviceIndex"])
        assert instance["State"]["Name"] == "running"
        assert [item["PrivateIpAddress"] for item in by_index] == wanted
        properties = server["sourceProperties"]
        assert [item["ips"] for item in properties["networkInterfaces"]] == [[item] for item in wanted]
        assert properties["identificationHints"]["awsInstanceID"] == declared["instance"]
        assert server["tags"] == {"Name": name, **kind["tags"]}
        assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
        assert (instance.get("Platform") == "windows") == (kind["tags"]["Application"] == "crm")
        assert ("Windows" in properties["os"]["fullString"]) == (kind["tags"]["Application"] == "crm")
    tiers = [(item["tags"]["Application"], item["tags"]["Tier"]) for item in servers.values()]
    assert {key: tiers.count(key) for key in sorted(set(tiers))} == {
        ("crm", "application"): 4,
        ("crm", "database"): 2,
        ("crm", "web"): 2,
        ("payments", "application"): 4,
        ("payments", "database"): 2,
        ("payments", "reporting"): 1,
        ("payments", "web"): 3,
        ("warehouse", "application"): 3,
        ("warehouse", "database"): 1,
        ("warehouse", "web"): 2,
    }


def test_drs_is_initialised_where_the_estate_says_so(running: Drs) -> None:
    assert running.aws.client("drs", region="us-east-1").describe_source_servers()["items"] == []
    for region, account in (("eu-west-1", STAGING), ("eu-west-1", TARGET)):
        elsewhere = running.aws.client("drs", region=region, account=account)
        with pytest.raises(elsewhere.exceptions.UninitializedAccountException):
            elsewhere.describe_source_servers()


@pytest.mark.parametrize("account", [TARGET, STAGING])
def test_both_accounts_are_ready_for_the_way_back(running: Drs, account: str) -> None:
    other = STAGING if account == TARGET else TARGET
    for region in ("us-east-1", "us-west-2"):
        drs, ec2 = (running.aws.client(service, region=region, account=account) for service in ("drs", "ec2"))
        (template,) = drs.describe_replication_configuration_templates()["items"]
        area = ec2.describe_subnets(SubnetIds=[template["stagingAreaSubnetId"]])["Subnets"][0]
        instances = ec2.describe_instances(Filters=[{"Name": "subnet-id", "Values": [area["SubnetId"]]}])
        assert instances["Reservations"] == []
        assert area["VpcId"] == DOCUMENT["accounts"][account]["regions"][region]["networks"]["staging-area"]["id"]
    roles = {role["RoleName"] for role in running.aws.client("iam", account=account).list_roles()["Roles"]}
    names = ("DRSCrossAccountReplicationRole", "DRSCrossAccountAgentRole", "DRSCrossAccountAgentAuthorizedRole")
    assert {f"{name}_{other}" for name in names} <= roles


@pytest.mark.parametrize("account", [TARGET, STAGING])
def test_drs_may_launch_into_the_original_instances(running: Drs, account: str) -> None:
    ec2, iam = (running.aws.client(service, region="us-east-1", account=account) for service in ("ec2", "iam"))
    found = [item for group in ec2.describe_instances()["Reservations"] for item in group["Instances"]]
    (profile,) = {item["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1] for item in found}
    (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    policies = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in policies} == {
        "AWSElasticDisasterRecoveryRecoveryInstancePolicy",
        "AmazonSSMManagedInstanceCore",
    }


def test_the_target_account_may_read_in_the_staging_account_and_no_more(running: Drs) -> None:
    sts = running.aws.client("sts")
    arn = f"arn:aws:iam::{STAGING}:role/disaster-recovery-reader"
    session = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    drs = running.aws.client("drs", **keys)
    servers = drs.describe_source_servers(filters={})["items"]
    assert {item["tags"]["Application"] for item in servers} == {"warehouse"}
    with pytest.raises(ClientError) as error:
        drs.tag_resource(resourceArn=servers[0]["arn"], tags={"a": "b"})
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
