"""What launch settings name, checked against what AWS has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_checks import (
    LAUNCH_INTO_POLICIES,
    check_instance_types,
    check_launch_into,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import DesiredLaunch, declare
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_networks import (
    DesiredInterface,
    Placement,
    check_placements,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import parse_settings
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import LaunchTags

from tests.unit.core.builders import source_server

SUBNETS = {
    "subnet-0a": {"CidrBlock": "10.20.1.0/24", "VpcId": "vpc-1", "AvailabilityZone": "us-west-2a"},
    "subnet-0b": {"CidrBlock": "10.20.2.0/24", "VpcId": "vpc-1", "AvailabilityZone": "us-west-2b"},
}
GROUPS = {"sg-0a": {"VpcId": "vpc-1"}, "sg-0b": {"VpcId": "vpc-2"}}


def interface(address: str | None = None, **changes: Any) -> DesiredInterface:
    """Return an interface that is as it should be."""
    return replace(DesiredInterface(0, "subnet-0a", ("sg-0a",), address), **changes)


@pytest.mark.parametrize(
    ("interfaces", "text"),
    [
        ((interface(subnet_id="subnet-0c"),), "no such subnet in this account in us-west-2"),
        ((interface(security_groups=("sg-0c",)),), "no such security group"),
        ((interface(security_groups=("sg-0b",)),), "is in vpc-2, but subnet-0a is in vpc-1"),
        ((interface("10.20.2.9"),), "is outside the subnet"),
        ((interface("10.20.1.3"),), "five addresses"),
        ((interface(copied_address="10.10.1.9"),), "copy_private_ip has DRS launch with it"),
        ((interface(), interface(device_index=1, subnet_id="subnet-0b")), "different availability zones"),
        ((interface("10.20.1.9"), interface("10.20.1.9", device_index=1)), "has it in subnet-0a as well"),
    ],
)
def test_what_would_fail_at_the_launch_is_named(interfaces: tuple[DesiredInterface, ...], text: str) -> None:
    problems = Problems()
    check_placements([Placement("db-1", "failover", interfaces)], SUBNETS, GROUPS, "us-west-2", problems)
    (problem,) = problems
    assert text in str(problem)


def test_what_many_servers_share_is_named_once_and_a_server_may_keep_its_address() -> None:
    placements = [
        Placement(f"server-{number}", "failover", (interface(subnet_id="subnet-0c"),)) for number in range(300)
    ]
    problems = Problems()
    check_placements(placements, SUBNETS, GROUPS, "us-west-2", problems)
    (problem,) = problems
    assert problem.where == "server-0, server-1, server-10 and 297 more"

    problems = Problems()
    same = (interface("10.20.1.9"),)
    both = [Placement("db-1", "failover", same), Placement("db-1", "test", same)]
    check_placements(both, SUBNETS, GROUPS, "us-west-2", problems)
    assert not len(problems)
    check_placements([*both, Placement("db-2", "test", same)], SUBNETS, GROUPS, "us-west-2", problems)
    assert ["interface 0 of db-1, profile failover has it" in str(problem) for problem in problems] == [True]


def launch(*, windows: bool = False, **settings: Any) -> DesiredLaunch:
    """Return what a server must launch with."""
    network = {"failover": [{"subnet_id": "subnet-0a", "security_groups": ["sg-0a"]}]}
    server = replace(source_server(1), is_windows=windows)
    typed = {"target_instance_type_right_sizing_method": "NONE", "network": network, **settings}
    (declared,) = declare([server], parse_settings(typed), [], [], LaunchTags())
    return declared


def test_types_must_be_offered_where_they_would_launch() -> None:
    wanted = launch(instance_type="m5.large", alternative_instance_types=["m5a.large", "m9.huge"])
    offered = {"m5.large": ["us-west-2a", "us-west-2b"], "m5a.large": ["us-west-2b"]}
    problems = Problems()
    check_instance_types([wanted], offered, SUBNETS, problems)
    assert [(problem.value, problem.remedy.split(":")[0]) for problem in problems] == [
        ("'m5a.large'", "is not offered in us-west-2a, where it would launch"),
        ("'m9.huge'", "is no instance type that EC2 offers in this Region"),
    ]


INSTANCE: dict[str, Any] = {
    "State": {"Name": "running"},
    "Tags": [{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}],
    "Architecture": "x86_64",
    "VirtualizationType": "hvm",
    "RootDeviceType": "ebs",
    "Placement": {"Tenancy": "default"},
    "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/x"},
}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"Tags": []}, "AWSDRS=AllowLaunchingIntoThisInstance"),
        ({"Platform": "windows"}, "another platform"),
        ({"Architecture": "arm64"}, "x86_64"),
        ({"VirtualizationType": "paravirtual"}, "hvm"),
        ({"RootDeviceType": "instance-store"}, "EBS"),
        ({"CurrentInstanceBootMode": "uefi"}, "boots by uefi"),
        ({"IamInstanceProfile": {}}, "has no instance profile"),
        ({"IamInstanceProfile": {"Arn": "arn:other"}}, "lack AWSElasticDisasterRecovery"),
        ({"State": {"Name": "terminated"}}, "no such instance"),
    ],
)
def test_instances_that_drs_would_not_launch_into_are_named(changes: dict[str, Any], text: str) -> None:
    wanted = launch(launch_into_instance_id="i-0123456789abcdef0")
    problems = Problems()
    policies = {INSTANCE["IamInstanceProfile"]["Arn"]: LAUNCH_INTO_POLICIES}
    check_launch_into([wanted], {"i-0123456789abcdef0": {**INSTANCE, **changes}}, policies, problems)
    assert [text in str(problem) for problem in problems] == ([True] if text else [])


def test_windows_of_its_own_licence_needs_a_dedicated_host() -> None:
    wanted = launch(windows=True, launch_into_instance_id="i-0123456789abcdef0", os_byol=True)
    problems = Problems()
    policies = {INSTANCE["IamInstanceProfile"]["Arn"]: LAUNCH_INTO_POLICIES}
    instance = {**INSTANCE, "Platform": "windows", "CurrentInstanceBootMode": "uefi"}
    check_launch_into([wanted], {"i-0123456789abcdef0": instance}, policies, problems)
    assert ["dedicated host" in str(problem) for problem in problems] == [True]
    assert wanted.profiles["failover"].dedicated_host is True
