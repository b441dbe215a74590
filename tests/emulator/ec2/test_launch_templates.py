"""Launch templates as EC2 has them [facts 3.4, 3.5]; each test fails on plain moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.drs.support import RECOVERY_APP, RECOVERY_DB, frozen_sample


@pytest.fixture(scope="module")
def ec2() -> Iterator[Any]:
    """EC2 in the recovery Region of the sample estate."""
    with frozen_sample() as started:
        yield started.ec2


def create(ec2: Any, name: str, data: dict[str, Any], **options: Any) -> str:
    """Create a launch template and return its id."""
    return ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data, **options)["LaunchTemplate"][
        "LaunchTemplateId"
    ]


def data_of(ec2: Any, template: str, version: str) -> dict[str, Any]:
    """Return the data of one version."""
    found = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])
    return found["LaunchTemplateVersions"][0]["LaunchTemplateData"]


DISK = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "SnapshotId": "snap-00000000000000000"}}


def test_a_version_inherits_the_keys_that_it_does_not_replace(ec2: Any) -> None:
    template = create(ec2, "inherit", {"InstanceType": "m5.large", "BlockDeviceMappings": [DISK]})
    ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "r5.large"}
    )
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "c5.large"})
    inherited = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}
    assert data_of(ec2, template, "2") == {"InstanceType": "r5.large", "BlockDeviceMappings": [inherited]}
    assert data_of(ec2, template, "3") == {"InstanceType": "c5.large"}
    assert data_of(ec2, template, "$Default")["InstanceType"] == "m5.large"
    assert data_of(ec2, template, "$Latest")["InstanceType"] == "c5.large"
    ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="$Latest", LaunchTemplateData={"KeyName": "k"}
    )
    assert data_of(ec2, template, "4") == {"InstanceType": "c5.large", "KeyName": "k"}


def test_the_same_request_again_by_its_token_makes_no_further_version(ec2: Any) -> None:
    template = create(ec2, "token", {"InstanceType": "m5.large"})
    request = {"LaunchTemplateId": template, "SourceVersion": "1", "ClientToken": "once"}
    data = {"InstanceType": "r5.large"}
    numbers = [
        ec2.create_launch_template_version(**request, LaunchTemplateData=data)["LaunchTemplateVersion"]["VersionNumber"]
        for _ in range(2)
    ]
    assert numbers == [2, 2]
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        ec2.create_launch_template_version(**request, LaunchTemplateData={"InstanceType": "c5.large"})


def test_versions_come_200_a_page(ec2: Any) -> None:
    template = create(ec2, "pages", {"InstanceType": "m5.large"})
    for _ in range(204):
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m5.large"})
    first = ec2.describe_launch_template_versions(LaunchTemplateId=template)
    assert len(first["LaunchTemplateVersions"]) == 200
    rest = ec2.describe_launch_template_versions(LaunchTemplateId=template, NextToken=first["NextToken"])
    assert len(rest["LaunchTemplateVersions"]) == 5
    assert "NextToken" not in rest
    between = ec2.describe_launch_template_versions(LaunchTemplateId=template, MinVersion="10", MaxVersion="12")
    assert sorted(item["VersionNumber"] for item in between["LaunchTemplateVersions"]) == [10, 11, 12]


def test_the_default_versions_of_all_templates_come_in_one_sweep(ec2: Any) -> None:
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(
        Versions=["$Default"], PaginationConfig={"PageSize": 5}
    )
    versions = [item for page in pages for item in page["LaunchTemplateVersions"]]
    templates = [
        item["LaunchTemplateId"]
        for page in ec2.get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": 5})
        for item in page["LaunchTemplates"]
    ]
    assert len(templates) >= 18
    assert sorted(item["LaunchTemplateId"] for item in versions) == sorted(templates)
    assert all(item["DefaultVersion"] for item in versions)


def test_versions_are_deleted_but_never_the_default_and_numbers_never_come_back(ec2: Any) -> None:
    template = create(ec2, "delete", {"InstanceType": "m5.large"})
    for _ in range(2):
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m5.large"})
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    answer = ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1", "2", "3", "9"])
    gone = [item["VersionNumber"] for item in answer["SuccessfullyDeletedLaunchTemplateVersions"]]
    kept = {
        item["VersionNumber"]: item["ResponseError"]["Code"]
        for item in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    }
    assert gone == [1, 3]
    assert kept == {2: "unexpectedError", 9: "launchTemplateVersionDoesNotExist"}
    made = ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"KeyName": "k"})
    assert made["LaunchTemplateVersion"]["VersionNumber"] == 4
    with pytest.raises(ClientError) as error:
        ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["3"])
    assert error.value.response["Error"]["Code"] == "InvalidLaunchTemplateId.VersionNotFound"


def test_a_default_version_that_is_not_there_is_refused(ec2: Any) -> None:
    template = create(ec2, "default", {"InstanceType": "m5.large"})
    with pytest.raises(ClientError) as error:
        ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="7")
    assert error.value.response["Error"]["Code"] == "InvalidLaunchTemplateId.VersionNotFound"


def test_tags_of_the_template_are_not_part_of_its_data_and_show_when_added_later(ec2: Any) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    template = create(
        ec2,
        "tags",
        {"InstanceType": "m5.large"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )
    assert data_of(ec2, template, "1") == {"InstanceType": "m5.large"}
    ec2.create_tags(Resources=[template], Tags=[{"Key": "b", "Value": "2"}])
    found = ec2.describe_launch_templates(Filters=[{"Name": "tag:b", "Values": ["2"]}])["LaunchTemplates"]
    assert [(item["LaunchTemplateId"], item["Tags"]) for item in found] == [
        (template, [*tags, {"Key": "b", "Value": "2"}])
    ]


def test_a_launch_takes_interfaces_profile_disks_and_tags_from_the_template(ec2: Any) -> None:
    name = "AWSElasticDisasterRecoveryRecoveryInstanceRole"
    tag = [{"Key": "Owner", "Value": "me"}]
    template = create(
        ec2,
        "launch",
        {
            "InstanceType": "m5.large",
            "IamInstanceProfile": {"Name": name},
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 11, "DeleteOnTermination": True}}
            ],
            "NetworkInterfaces": [
                {"DeviceIndex": 0, "SubnetId": RECOVERY_DB, "PrivateIpAddress": "10.20.1.21"},
                {"DeviceIndex": 1, "SubnetId": RECOVERY_APP, "PrivateIpAddress": "10.20.2.21"},
            ],
            "TagSpecifications": [
                {"ResourceType": kind, "Tags": tag} for kind in ("instance", "volume", "network-interface")
            ],
        },
    )
    launched = ec2.run_instances(LaunchTemplate={"LaunchTemplateId": template}, MinCount=1, MaxCount=1)["Instances"][0]
    found = ec2.describe_instances(InstanceIds=[launched["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert found["InstanceType"] == "m5.large"
    assert found["IamInstanceProfile"]["Arn"].endswith(f"/{name}")
    assert found["SubnetId"] == RECOVERY_DB
    addresses = {item["Attachment"]["DeviceIndex"]: item["PrivateIpAddress"] for item in found["NetworkInterfaces"]}
    assert addresses == {0: "10.20.1.21", 1: "10.20.2.21"}
    assert all(item["Attachment"]["DeleteOnTermination"] for item in found["NetworkInterfaces"])
    assert [item for item in found["Tags"] if item["Key"] == "Owner"] == tag
    disks = found["BlockDeviceMappings"]
    assert [item["DeviceName"] for item in disks] == ["/dev/xvda"]
    volume = ec2.describe_volumes(VolumeIds=[disks[0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (volume["Size"], volume["Tags"]) == (11, tag)
    interface = ec2.describe_network_interfaces(
        NetworkInterfaceIds=[found["NetworkInterfaces"][1]["NetworkInterfaceId"]]
    )["NetworkInterfaces"][0]
    assert interface["TagSet"] == tag


def test_what_the_request_says_wins_over_the_template(ec2: Any) -> None:
    template = create(
        ec2,
        "override",
        {"InstanceType": "m5.large", "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": RECOVERY_DB}]},
    )
    launched = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": template},
        InstanceType="t3.small",
        SubnetId=RECOVERY_APP,
        MinCount=1,
        MaxCount=1,
    )["Instances"][0]
    assert (launched["InstanceType"], launched["SubnetId"]) == ("t3.small", RECOVERY_APP)
