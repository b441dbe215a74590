"""Machines that answer: functions in a VPC reach what listens there; commands end on agents as declared."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.engine.workflows import Workflows
from tests.support.embedded import TARGET, EmbeddedAws

REGION = "us-west-2"
PLACE = {"account": TARGET, "region": REGION}
SUBNET, GROUP = "subnet-0a10100000000d001", "sg-0a10100000000d002"
WEB, STOPPED, PLAIN = "i-0a1c0000000000001", "i-0a1c0000000000002", "i-0a1c0000000000003"
SERVER = {
    "os": "Linux",
    "instance_type": "t3.small",
    "disks": {"/dev/xvda": 8},
    "source": PLACE,
    "security_groups": ["web"],
    "replication": {**PLACE, "staging_subnet": "home"},
}
ESTATE: dict[str, Any] = {
    "accounts": {
        TARGET: {
            "access_keys": [
                {
                    "user": "operator",
                    "access_key_id": "AKIATARGETOPERATOR01",
                    "secret_access_key": "secret-of-the-target-operator-0000000001",
                }
            ],
            "regions": {
                REGION: {
                    "drs": True,
                    "networks": {
                        "home": {
                            "cidr": "10.10.0.0/16",
                            "subnets": {"home": {"id": SUBNET, "cidr": "10.10.1.0/24"}},
                            "security_groups": {
                                "web": {
                                    "ingress": [
                                        {"port": 80, "source": "probe"},
                                        {"port": 443, "source": "10.10.0.0/16"},
                                        {"port": 22, "source": "10.10.0.0/16"},
                                        {"port": 81, "source": "192.168.0.0/16"},
                                    ]
                                },
                                "probe": {"id": GROUP},
                            },
                        },
                        "other": {
                            "cidr": "10.20.0.0/16",
                            "subnets": {"other": {"id": "subnet-0a20100000000d001", "cidr": "10.20.1.0/24"}},
                            "security_groups": {"other": {"id": "sg-0a20100000000d001"}},
                        },
                    },
                }
            },
        }
    },
    "servers": {
        "web-1": {
            **SERVER,
            "instance": WEB,
            "addresses": {"home": "10.10.1.11"},
            "listens": [
                {"port": 80, "http": {"status": 203, "body": "all fine"}},
                {"port": 81},
                {"port": 443, "tls": True, "http": {"body": "behind TLS"}},
            ],
            "ssm_agent": {
                "commands": [
                    {"contains": "systemctl", "exit": 3, "output": "inactive", "seconds": 20},
                    {"contains": "sleep", "seconds": 900},
                ]
            },
        },
        "web-2": {**SERVER, "instance": STOPPED, "addresses": {"home": "10.10.1.12"}, "listens": [{"port": 80}]},
        "web-3": {**SERVER, "instance": PLAIN, "addresses": {"home": "10.10.1.13"}, "ssm_agent": True},
    },
}
VISITOR = """
import http.client, socket, ssl

def handler(event, context):
    return [visit(*target) for target in event["targets"]]

def visit(address, port, tls=False):
    try:
        link = socket.create_connection((address, port), 20)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            link = context.wrap_socket(link)
        connection = http.client.HTTPConnection(address, port)
        connection.sock = link
        connection.request("GET", "/")
        answer = connection.getresponse()
        return [answer.status, answer.read().decode()]
    except OSError as error:
        return type(error).__name__
"""
VPC = {"SubnetIds": [SUBNET], "SecurityGroupIds": [GROUP]}


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedAws]:
    aws = EmbeddedAws(ESTATE)
    yield aws
    aws.stop()


def visit(workflows: Workflows, name: str, *targets: tuple[Any, ...]) -> list[Any]:
    answer = workflows.functions.invoke(FunctionName=name, Payload=json.dumps({"targets": targets}))
    found: list[Any] = json.loads(answer["Payload"].read())
    return found


def test_a_function_in_a_vpc_reaches_what_listens_there_and_nothing_else(workflows: Workflows) -> None:
    workflows.aws.client("ec2").stop_instances(InstanceIds=[STOPPED])
    inside = workflows.function(VISITOR, VpcConfig=VPC)
    outside = workflows.function(VISITOR)
    api = int(workflows.aws.endpoint.rsplit(":", 1)[1])
    began = time.monotonic()
    assert visit(
        workflows,
        inside,
        ("10.10.1.11", 80),
        ("10.10.1.11", 443, True),
        ("10.10.1.11", 22),
        ("10.10.1.11", 81),
        ("10.10.1.12", 80),
        ("10.10.1.99", 80),
        ("10.20.1.11", 80),
        ("127.0.0.1", api),
    ) == [
        [203, "all fine"],
        [200, "behind TLS"],
        "ConnectionRefusedError",
        *["TimeoutError"] * 5,
    ]
    assert visit(workflows, outside, ("10.10.1.11", 80)) == ["TimeoutError"]
    assert time.monotonic() - began < 10
    configuration = workflows.functions.get_function_configuration(FunctionName=inside)
    assert configuration["VpcConfig"]["VpcId"].startswith("vpc-")


def test_a_service_starts_late_and_not_before_its_instance_has_booted(workflows: Workflows) -> None:
    name = workflows.function(VISITOR, VpcConfig=VPC)
    where = {**PLACE, "hostname": "web-1"}
    ec2 = workflows.aws.client("ec2")
    workflows.aws.control("clock", {"pace": 0.01})  # replication hears of the stop: time would jump to what follows
    ec2.stop_instances(InstanceIds=[WEB])
    workflows.aws.control("drs/source-server", {**where, "listens": [{"port": 80, "after": 300, "http": {}}]})
    ec2.start_instances(InstanceIds=[WEB])
    seen = []
    for _look in range(4):
        seen += visit(workflows, name, ("10.10.1.11", 80))
        workflows.aws.control("clock", {"advance": 115})
    workflows.aws.control("clock", {"pace": None})
    assert seen == ["TimeoutError", "TimeoutError", "ConnectionRefusedError", [200, ""]]


def test_interfaces_of_functions_come_and_go_with_them(workflows: Workflows) -> None:
    ec2, functions = workflows.aws.client("ec2"), workflows.functions

    def interfaces(name: str) -> list[str]:
        wanted = [{"Name": "description", "Values": [f"AWS Lambda VPC ENI-{name}"]}]
        found = ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
        assert all([group["GroupId"] for group in item["Groups"]] == [GROUP] for item in found)
        return [item["SubnetId"] for item in found]

    name = workflows.function(VISITOR, VpcConfig=VPC)
    assert interfaces(name) == [SUBNET]
    functions.update_function_configuration(FunctionName=name, Description="the same network")
    assert interfaces(name) == [SUBNET]
    functions.update_function_configuration(FunctionName=name, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    assert interfaces(name) == []
    functions.update_function_configuration(FunctionName=name, VpcConfig=VPC)
    assert interfaces(name) == [SUBNET]
    functions.delete_function(FunctionName=name)
    assert interfaces(name) == []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"SubnetIds": ["subnet-00000000"], "SecurityGroupIds": [GROUP]}, "subnet ID 'subnet-00000000' does not exist"),
        ({"SubnetIds": [SUBNET], "SecurityGroupIds": ["sg-0a20100000000d001"]}, "security group"),
        ({"SubnetIds": [SUBNET], "SecurityGroupIds": []}, "Both SubnetIds and SecurityGroupIds"),
    ],
)
def test_a_network_that_cannot_be_is_refused(workflows: Workflows, config: dict[str, Any], says: str) -> None:
    with pytest.raises(ClientError, match=says):
        workflows.function(VISITOR, VpcConfig=config)


def test_a_role_without_permissions_gets_no_interfaces(workflows: Workflows) -> None:
    iam = workflows.aws.client("iam")
    role = workflows.role.rsplit("/", 1)[1]
    iam.detach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    try:
        with pytest.raises(ClientError, match="does not have permissions to call CreateNetworkInterface on EC2"):
            workflows.function(VISITOR, VpcConfig=VPC)
    finally:
        iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_a_command_runs_on_agents_and_ends_as_declared(workflows: Workflows) -> None:
    ssm = workflows.aws.client("ssm")
    workflows.aws.control("clock", {"advance": 600})
    agents = ssm.describe_instance_information(Filters=[{"Key": "PingStatus", "Values": ["Online"]}])
    assert [item["InstanceId"] for item in agents["InstanceInformationList"]] == [WEB, PLAIN]
    command = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[WEB, PLAIN],
        Comment="mine",
        Parameters={"commands": ["systemctl is-active web"]},
    )["Command"]

    def statuses() -> dict[str, str]:
        found = ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)["CommandInvocations"]
        return {item["InstanceId"]: item["Status"] for item in found}

    assert statuses() == {WEB: "InProgress", PLAIN: "InProgress"}
    workflows.aws.control("clock", {"advance": 10})
    assert statuses() == {WEB: "InProgress", PLAIN: "Success"}
    workflows.aws.control("clock", {"advance": 10})
    assert statuses() == {WEB: "Failed", PLAIN: "Success"}
    seen = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=WEB)
    assert (seen["ResponseCode"], seen["StandardOutputContent"]) == (3, "inactive")
    pages = ssm.get_paginator("list_commands").paginate(PaginationConfig={"PageSize": 1})
    assert "mine" in [item["Comment"] for page in pages for item in page["Commands"]]


def test_a_command_that_takes_too_long_is_timed_out(workflows: Workflows) -> None:
    ssm = workflows.aws.client("ssm")
    parameters = {"commands": ["sleep 1000"], "executionTimeout": ["60"]}
    sent = ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[WEB], Parameters=parameters)["Command"]
    workflows.aws.control("clock", {"advance": 60})
    found = ssm.get_command_invocation(CommandId=sent["CommandId"], InstanceId=WEB)
    assert (found["Status"], found["StandardOutputContent"]) == ("TimedOut", "")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"InstanceIds": [WEB, STOPPED]}, "InvalidInstanceId"),
        ({"InstanceIds": [WEB], "DocumentName": "AWS-Nothing"}, "InvalidDocument"),
        ({"InstanceIds": [WEB], "DocumentName": "AWS-RunPowerShellScript"}, "UnsupportedPlatformType"),
        ({"Targets": [{"Key": "tag:a", "Values": ["b"]}]}, "NotImplemented"),
    ],
)
def test_commands_that_cannot_be_sent(workflows: Workflows, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        workflows.aws.client("ssm").send_command(**{"DocumentName": "AWS-RunShellScript", **request_})
    assert refused.value.response["Error"]["Code"] == code
