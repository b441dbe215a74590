"""Private addresses and launches as EC2 checks them [facts 3.5, 9.1]; each test fails on plain moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.drs.support import RECOVERY_BACKUP, RECOVERY_DB, Drs, frozen_sample

IMAGE = "ami-00000000000000000"


@pytest.fixture(scope="module")
def running() -> Iterator[Drs]:
    """The sample estate, of which these tests use EC2 in the recovery Region."""
    with frozen_sample() as started:
        yield started


@pytest.fixture(scope="module")
def ec2(running: Drs) -> Any:
    """EC2 in the recovery Region."""
    return running.ec2


def run(ec2: Any, **options: Any) -> dict[str, Any]:
    """Launch one instance."""
    return ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, **options)["Instances"][0]


REFUSED = [
    ("10.20.2.5", "InvalidParameterValue", "Address 10.20.2.5 does not fall within the subnet's address range"),
    ("10.20.1.0", "InvalidParameterValue", "Address 10.20.1.0 is in subnet's reserved address range"),
    ("10.20.1.3", "InvalidParameterValue", "Address 10.20.1.3 is in subnet's reserved address range"),
    ("10.20.1.255", "InvalidParameterValue", "Address 10.20.1.255 is in subnet's reserved address range"),
    ("10.20.1.300", "InvalidParameterValue", "Invalid IPv4 address"),
]


def create_interface(ec2: Any, address: str) -> None:
    """Ask for an interface with an address."""
    ec2.create_network_interface(SubnetId=RECOVERY_DB, PrivateIpAddress=address)


def run_with_address(ec2: Any, address: str) -> None:
    """Ask for an instance with an address."""
    run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress=address)


def run_with_interface(ec2: Any, address: str) -> None:
    """Ask for an instance with an interface with an address."""
    run(ec2, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": RECOVERY_DB, "PrivateIpAddress": address}])


@pytest.mark.parametrize(("address", "code", "text"), REFUSED)
@pytest.mark.parametrize("ask", [create_interface, run_with_address, run_with_interface])
def test_addresses_that_ec2_refuses(
    ec2: Any, ask: Callable[[Any, str], None], address: str, code: str, text: str
) -> None:
    with pytest.raises(ClientError) as error:
        ask(ec2, address)
    assert error.value.response["Error"]["Code"] == code
    assert text in error.value.response["Error"]["Message"]


def test_an_address_has_one_holder_until_it_is_released(ec2: Any) -> None:
    first = ec2.create_network_interface(SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.60")["NetworkInterface"]
    for call in (
        lambda: ec2.create_network_interface(SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.60"),
        lambda: run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.60"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"] == {
            "Code": "InvalidIPAddress.InUse",
            "Message": "Address 10.20.1.60 is in use.",
        }
    ec2.delete_network_interface(NetworkInterfaceId=first["NetworkInterfaceId"])
    instance = run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.60")
    assert instance["PrivateIpAddress"] == "10.20.1.60"
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.60")["PrivateIpAddress"] == "10.20.1.60"


def test_of_many_who_want_an_address_at_once_one_gets_it(ec2: Any) -> None:
    def attempt(_number: int) -> str:
        try:
            run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.65")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "launched"

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(attempt, range(24)))
    assert sorted(outcomes) == ["InvalidIPAddress.InUse"] * 23 + ["launched"]


def test_secondary_addresses_are_held_too_and_found_by_the_filter(ec2: Any) -> None:
    listed = [
        {"PrivateIpAddress": "10.20.1.71", "Primary": True},
        {"PrivateIpAddress": "10.20.1.72", "Primary": False},
    ]
    nic = ec2.create_network_interface(SubnetId=RECOVERY_DB, PrivateIpAddresses=listed)["NetworkInterface"]
    with pytest.raises(ClientError, match=r"Address 10\.20\.1\.72 is in use\."):
        run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.72")
    found = ec2.describe_network_interfaces(
        Filters=[{"Name": "addresses.private-ip-address", "Values": ["10.20.1.72", "10.20.1.99"]}]
    )["NetworkInterfaces"]
    assert [item["NetworkInterfaceId"] for item in found] == [nic["NetworkInterfaceId"]]
    primary_only = ec2.describe_network_interfaces(Filters=[{"Name": "private-ip-address", "Values": ["10.20.1.72"]}])
    assert primary_only["NetworkInterfaces"] == []


def test_assigned_addresses_are_claimed_and_unassigned_ones_are_free(ec2: Any) -> None:
    nic = ec2.create_network_interface(SubnetId=RECOVERY_DB)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.assign_private_ip_addresses(NetworkInterfaceId=nic, PrivateIpAddresses=["10.20.1.81"])
    with pytest.raises(ClientError, match="in use"):
        run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.81")
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=nic, PrivateIpAddresses=["10.20.1.81"])
    assert run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.81")


def test_a_subnet_gives_out_its_free_addresses_only_and_then_none(running: Drs) -> None:
    ec2 = running.ec2
    free = ec2.describe_subnets(SubnetIds=[RECOVERY_BACKUP])["Subnets"][0]["AvailableIpAddressCount"]
    given = [
        ec2.create_network_interface(SubnetId=RECOVERY_BACKUP)["NetworkInterface"]["PrivateIpAddress"]
        for _ in range(free)
    ]
    assert free == 11
    assert sorted(given, key=lambda item: int(item.rsplit(".", 1)[1])) == [
        f"10.20.5.{number}" for number in range(4, 15)
    ]
    with pytest.raises(ClientError) as error:
        ec2.create_network_interface(SubnetId=RECOVERY_BACKUP)
    assert error.value.response["Error"]["Code"] == "InsufficientFreeAddressesInSubnet"


def test_a_refused_launch_leaves_nothing_behind(ec2: Any) -> None:
    before = len(ec2.describe_network_interfaces()["NetworkInterfaces"])
    with pytest.raises(ClientError, match="in use"):
        run(
            ec2,
            NetworkInterfaces=[
                {"DeviceIndex": 0, "SubnetId": RECOVERY_DB, "PrivateIpAddress": "10.20.1.91"},
                {"DeviceIndex": 1, "SubnetId": RECOVERY_DB, "PrivateIpAddress": "10.20.1.91"},
            ],
        )
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == before
    assert run(ec2, SubnetId=RECOVERY_DB, PrivateIpAddress="10.20.1.91")


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"SubnetId": RECOVERY_DB, "SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidGroup.NotFound", "does not"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": RECOVERY_DB}], "SecurityGroupIds": ["sg-1"]},
            "InvalidParameterCombination",
            "Network interfaces and an instance-level security groups",
        ),
        ({"SubnetId": RECOVERY_DB, "InstanceType": "t9.enormous"}, "InvalidParameterValue", "t9.enormous"),
        ({"NetworkInterfaces": [{"DeviceIndex": 1, "SubnetId": RECOVERY_DB}]}, "InvalidParameterValue", "must be 0"),
        ({}, "VPCIdNotSpecified", "No default VPC"),
    ],
)
def test_launches_that_ec2_refuses(ec2: Any, options: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(ClientError, match=text) as error:
        run(ec2, **options)
    assert error.value.response["Error"]["Code"] == code


def test_status_checks_take_their_time_after_each_start(running: Drs) -> None:
    ec2 = running.ec2
    instance = run(ec2, SubnetId=RECOVERY_DB)["InstanceId"]

    def status() -> list[str]:
        found = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
        return [item[part]["Status"] for item in found for part in ("InstanceStatus", "SystemStatus")]

    assert running.instance(instance)["LaunchTime"] == running.now().replace(microsecond=0)
    assert status() == ["initializing", "initializing"]
    running.advance(121)
    assert status() == ["ok", "ok"]
    ec2.stop_instances(InstanceIds=[instance])
    assert status() == []
    ec2.start_instances(InstanceIds=[instance])
    assert status() == ["initializing", "initializing"]
    assert running.instance(instance)["LaunchTime"] == running.now().replace(microsecond=0)


def test_instance_types_are_offered_by_region(ec2: Any) -> None:
    offers = ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["m5.large", "t9.enormous"]}],
    )["InstanceTypeOfferings"]
    assert {item["InstanceType"] for item in offers} == {"m5.large"}
    assert "us-west-2a" in {item["Location"] for item in offers}
