"""Instances as EC2 has them: their end, types, volumes, identifiers [facts 2.3, 9.1, 10.1]; it fails on plain moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.ec2 import flexible_types, identifiers
from tests.emulator.drs.support import RECOVERY_APP, RECOVERY_DB, Drs, frozen_sample


@pytest.fixture(scope="module")
def running() -> Iterator[Drs]:
    """The sample estate, of which these tests use EC2 in the recovery Region."""
    with frozen_sample() as started:
        yield started


def run(running: Drs, **options: Any) -> dict[str, Any]:
    """Launch one instance."""
    launched = running.ec2.run_instances(ImageId="ami-00000000000000000", MinCount=1, MaxCount=1, **options)
    instance: dict[str, Any] = launched["Instances"][0]
    return instance


def test_a_terminated_instance_is_forgotten_after_an_hour(running: Drs) -> None:
    instance = run(running, SubnetId=RECOVERY_APP)["InstanceId"]
    running.ec2.terminate_instances(InstanceIds=[instance])
    assert running.instance(instance)["State"]["Name"] == "terminated"
    running.advance(3500)
    running.ec2.terminate_instances(InstanceIds=[instance])  # again, which does not keep it longer
    running.advance(101)
    with pytest.raises(ClientError) as error:
        running.instance(instance)
    assert error.value.response["Error"]["Code"] == "InvalidInstanceID.NotFound"
    everything = [item for page in running.ec2.describe_instances()["Reservations"] for item in page["Instances"]]
    assert instance not in {item["InstanceId"] for item in everything}


def test_offerings_are_found_by_zone_and_with_wildcards(running: Drs) -> None:
    filters = [{"Name": "instance-type", "Values": ["m5.*large"]}, {"Name": "location", "Values": ["us-west-2b"]}]
    found = running.ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    assert {item["Location"] for item in found["InstanceTypeOfferings"]} == {"us-west-2b"}
    assert {"m5.large", "m5.xlarge"} <= {item["InstanceType"] for item in found["InstanceTypeOfferings"]}
    with pytest.raises(ClientError, match="The filter 'colour' is invalid"):
        running.ec2.describe_instance_type_offerings(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_instance_types_tell_their_cpus_memory_and_boot_modes(running: Drs) -> None:
    (shown,) = running.ec2.describe_instance_types(InstanceTypes=["r5.xlarge"])["InstanceTypes"]
    assert (shown["VCpuInfo"]["DefaultVCpus"], shown["MemoryInfo"]["SizeInMiB"]) == (4, 32768)
    assert "uefi" in shown["SupportedBootModes"]
    with pytest.raises(ClientError) as error:
        running.ec2.describe_instance_types(InstanceTypes=["t9.enormous"])
    assert error.value.response["Error"]["Code"] == "InvalidInstanceType"


def test_a_type_is_launched_only_where_it_is_offered(running: Drs) -> None:
    with pytest.raises(ClientError, match="not supported in your requested Availability Zone") as error:
        run(running, SubnetId=RECOVERY_APP, InstanceType="f2.6xlarge")
    assert error.value.response["Error"]["Code"] == "Unsupported"


def test_an_instance_profile_that_does_not_exist_is_refused(running: Drs) -> None:
    with pytest.raises(ClientError, match=r"Value \(nobody\) for parameter iamInstanceProfile\.name is invalid"):
        run(running, SubnetId=RECOVERY_APP, IamInstanceProfile={"Name": "nobody"})


def test_volumes_have_the_performance_that_was_asked_for(running: Drs) -> None:
    disks = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250}},
        {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 30, "VolumeType": "io1", "Iops": 600}},
    ]
    instance = run(running, SubnetId=RECOVERY_DB, BlockDeviceMappings=disks)
    shown = running.instance(instance["InstanceId"])
    ids = [item["Ebs"]["VolumeId"] for item in shown["BlockDeviceMappings"]]
    volumes = running.ec2.describe_volumes(VolumeIds=ids)["Volumes"]
    assert shown["RootDeviceName"] == "/dev/xvda"
    assert {(item["Size"], item["VolumeType"], item["Iops"], item.get("Throughput")) for item in volumes} == {
        (20, "gp3", 4000, 250),
        (30, "io1", 600, None),
    }
    with pytest.raises(ClientError, match="The parameter iops must be specified for io2 volumes"):
        run(running, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "io2"}}])


def test_groups_and_routes_are_readable(running: Drs) -> None:
    """What a readiness check reads: rules of groups, and the way out of a subnet."""
    group = "sg-0a20200000000a001"
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.20.0.0/16"}]}
    running.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    (shown,) = running.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert (shown["IpPermissions"][0]["FromPort"], shown["VpcId"]) == (443, "vpc-0a200000000000001")
    rules = running.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    assert {rule["CidrIpv4"] for rule in rules["SecurityGroupRules"] if not rule["IsEgress"]} == {"10.20.0.0/16"}
    (table,) = running.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [shown["VpcId"]]}])[
        "RouteTables"
    ]
    assert {route["DestinationCidrBlock"]: route["GatewayId"][:5] for route in table["Routes"]} == {
        "10.20.0.0/16": "local",
        "0.0.0.0/0": "igw-0",
    }


def test_a_free_address_less_is_shown_for_each_interface(running: Drs) -> None:
    def free() -> int:
        count: int = running.ec2.describe_subnets(SubnetIds=[RECOVERY_DB])["Subnets"][0]["AvailableIpAddressCount"]
        return count

    before = free()
    instance = run(running, SubnetId=RECOVERY_DB)["InstanceId"]
    assert free() == before - 1
    running.ec2.terminate_instances(InstanceIds=[instance])
    assert free() == before


def test_identifiers_follow_from_the_scope_and_the_order_in_it() -> None:
    """Issue 3: the same seed gives the same time line, whatever else has been made meanwhile."""

    def made(*scope: object) -> list[str]:
        with identifiers.made_for(*scope):
            return [identifiers.moto.ec2.utils.random_volume_id() for _ in range(2)]

    identifiers.install()
    first = made("recovery", "drsjob-1", "s-1")
    made("recovery", "drsjob-1", "s-2")
    identifiers.moto.ec2.utils.random_volume_id()
    assert made("recovery", "drsjob-1", "s-1") == first
    assert len({*first, *made("recovery", "drsjob-1", "s-2")}) == 4
    assert all(len(item) == 21 and item.startswith("vol-0") for item in first)


@pytest.mark.parametrize(
    ("requirements", "chosen"),
    [
        ({"VCpuCount": {"Min": 2, "Max": 2}, "MemoryMiB": {"Min": 8192}, "AllowedInstanceTypes": ["m5.*"]}, "m5.large"),
        ({"VCpuCount": {"Min": 2}, "BurstablePerformance": "required", "AllowedInstanceTypes": ["t3.*"]}, "t3.nano"),
    ],
)
def test_the_smallest_type_that_satisfies_the_requirements_is_chosen(requirements: dict[str, Any], chosen: str) -> None:
    assert flexible_types.choose("us-west-2", "us-west-2a", requirements) == chosen


@pytest.mark.parametrize(
    ("requirements", "text"),
    [
        ({"VCpuCount": {"Min": 2000}}, "No instance type satisfies"),
        ({"LocalStorage": "required"}, "The instance requirement LocalStorage is not emulated yet"),
    ],
)
def test_requirements_that_cannot_be_met_are_refused(requirements: dict[str, Any], text: str) -> None:
    with pytest.raises(Exception, match=text):
        flexible_types.choose("us-west-2", "us-west-2a", requirements)
