"""What a launch makes of the settings: existing instances, modes, disks, refusals of EC2 [facts 3.2, 3.3, 3.6, 5.4]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, RECOVERY_DB, Drs

ALLOWED = {"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}


@pytest.fixture(autouse=True)
def _no_faults_left(drs: Drs) -> Iterator[None]:
    yield
    drs.aws.control("faults", method="DELETE")


def existing(drs: Drs, *tags: dict[str, str], **options: Any) -> dict[str, Any]:
    """Make a stopped instance with one disk of 8 GiB and return it."""
    made = drs.ec2.run_instances(
        ImageId="ami-00000000000000000",
        MinCount=1,
        MaxCount=1,
        SubnetId=RECOVERY_APP,
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3"}}],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "original"}, *tags]}],
        **options,
    )["Instances"][0]["InstanceId"]
    drs.ec2.stop_instances(InstanceIds=[made])
    return drs.instance(made)


def into(drs: Drs, server: str, instance_id: str, **changes: Any) -> dict[str, Any]:
    """Have a server launched into an instance."""
    answer: dict[str, Any] = drs.api.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": instance_id}, **changes
    )
    return answer


def volumes_of(drs: Drs, instance_id: str) -> dict[str, dict[str, Any]]:
    """Return the volumes of an instance by device name."""
    found = drs.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}])["Volumes"]
    return {volume["Attachments"][0]["Device"]: volume for volume in found}


def identity(instance: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return what a launch into an instance must not change."""
    interface = instance["NetworkInterfaces"][0]
    return (
        instance["InstanceId"],
        instance["InstanceType"],
        interface["NetworkInterfaceId"],
        interface["PrivateIpAddress"],
    )


def test_a_launch_into_an_instance_swaps_its_volumes_and_keeps_the_rest(drs: Drs) -> None:
    """Facts 3.6: the instance keeps its id, interface and address; it must be stopped for each launch."""
    server = "s-paydb100000000001"
    before = existing(drs, ALLOWED)
    instance = before["InstanceId"]
    (old,) = volumes_of(drs, instance).values()
    answer = into(drs, server, instance)
    assert answer["launchIntoInstanceProperties"] == {"launchIntoEC2InstanceID": instance}

    first = drs.recover(server)
    after = drs.instance(instance)
    assert identity(after) == identity(before)
    assert after["State"]["Name"] == "running"
    assert {device: volume["Size"] for device, volume in volumes_of(drs, instance).items()} == {
        "/dev/xvda": 16,
        "/dev/xvdb": 200,
    }
    assert drs.ec2.describe_volumes(VolumeIds=[old["VolumeId"]])["Volumes"][0]["State"] == "available"
    tags = {tag["Key"]: tag["Value"] for tag in after["Tags"]}
    assert (tags["Name"], tags["drs.amazonaws.com-job"]) == ("original", first)
    assert drs.log(first, server)[-1]["eventData"]["targetInstanceID"] == instance
    assert drs.recovery_instance_of(server)["recoveryInstanceID"] == instance

    with pytest.raises(
        drs.api.exceptions.ConflictException, match="needs to be in a stopped state but is in a running state"
    ):
        drs.start(server)
    drs.ec2.stop_instances(InstanceIds=[instance])
    second = drs.recover(server, isDrill=True)
    assert "CLEANUP_START" not in drs.events(second, server)
    assert drs.status_of(second, server) == "LAUNCHED"
    assert drs.recovery_instance_of(server)["isDrill"] is True


def test_an_empty_id_ends_it_and_the_existing_instance_stays(drs: Drs) -> None:
    """Facts 3.2 leave open that an empty id clears (a setting); what DRS did not make is not cleaned up."""
    server = "s-payapp10000000001"
    instance = existing(drs, ALLOWED)["InstanceId"]
    into(drs, server, instance)
    drs.recover(server)
    assert into(drs, server, "")["launchIntoInstanceProperties"] == {}
    drs.launch_into(server, RECOVERY_APP)
    job_id = drs.recover(server)
    assert drs.events(job_id, server)[:2] == ["CLEANUP_START", "CLEANUP_END"]
    assert drs.recovery_instance_of(server)["recoveryInstanceID"] != instance
    assert drs.instance(instance)["State"]["Name"] == "running"


def test_a_launch_into_an_instance_that_runs_by_then_fails_and_leaves_it_alone(drs: Drs) -> None:
    server = "s-payapp20000000001"
    instance = existing(drs, ALLOWED)["InstanceId"]
    into(drs, server, instance)
    job_id = drs.start(server)
    drs.ec2.start_instances(InstanceIds=[instance])
    drs.finish(job_id)
    last = drs.log(job_id, server)[-1]
    assert last["event"] == "LAUNCH_FAILED"
    assert "needs to be in a stopped state but is in a running state" in last["eventData"]["rawError"]
    assert drs.instance(instance)["State"]["Name"] == "running"
    assert {device: volume["Size"] for device, volume in volumes_of(drs, instance).items()} == {"/dev/xvda": 8}


@pytest.mark.parametrize(
    ("server", "tags", "changes", "text"),
    [
        ("s-payapp30000000001", [], {}, "does not have the tag AWSDRS=AllowLaunchingIntoThisInstance"),
        ("s-payapp30000000001", [ALLOWED], {"copyTags": True}, "cannot be launched into while copyTags is on"),
        ("s-payapp30000000001", [ALLOWED], {"copyPrivateIp": True}, "cannot be launched into while copyPrivateIp is"),
        ("s-crmapp10000000001", [ALLOWED], {}, "runs another platform than the source server"),
        ("s-payapp30000000001", None, {}, "does not exist in this account and Region"),
    ],
)
def test_an_instance_that_must_not_be_launched_into_is_refused(
    drs: Drs, server: str, tags: list[dict[str, str]] | None, changes: dict[str, Any], text: str
) -> None:
    """Facts 3.6: the preconditions."""
    instance = "i-00000000000000000" if tags is None else existing(drs, *tags)["InstanceId"]
    before = drs.api.get_launch_configuration(sourceServerID=server)
    with pytest.raises(drs.api.exceptions.ValidationException, match=text):
        into(drs, server, instance, **changes)
    after = drs.api.get_launch_configuration(sourceServerID=server)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}


def test_the_fast_mode_skips_the_conversion(drs: Drs) -> None:
    """Facts 3.2: FAST skips the conversion step; what its log shows is a setting."""
    server = "s-payapp40000000001"
    drs.launch_into(server, RECOVERY_APP)
    answer = drs.api.update_launch_configuration(sourceServerID=server, recoveryMode="FAST")
    assert answer["recoveryMode"] == "FAST"
    job_id = drs.recover(server)
    assert drs.events(job_id) == [
        "JOB_START",
        "SNAPSHOT_START",
        "SNAPSHOT_END",
        "LAUNCH_START",
        "LAUNCH_END",
        "JOB_END",
    ]
    job = drs.job(job_id)
    assert job["endDateTime"] > job["creationDateTime"]
    instances = drs.ec2.describe_instances(Filters=[{"Name": "tag:drs.amazonaws.com-job", "Values": [job_id]}])
    assert len(instances["Reservations"]) == 1  # no conversion server


def test_the_volumes_are_those_of_the_source_as_the_template_wants_them_but_never_too_small(drs: Drs) -> None:
    """Facts 3.3, BlockDeviceMappings: sizes raised, types kept, encryption and extra disks ignored."""
    server = "s-paydb200000000001"
    drs.launch_with(
        server,
        BlockDeviceMappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 4, "VolumeType": "io2", "Iops": 500, "Encrypted": True}},
            {"DeviceName": "/dev/xvdz", "Ebs": {"VolumeSize": 4, "VolumeType": "gp3"}},
        ],
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": RECOVERY_DB}],
    )
    drs.recover(server)
    volumes = volumes_of(drs, drs.recovery_instance_of(server)["ec2InstanceID"])
    shown = {
        device: (volume["Size"], volume["VolumeType"], volume["Iops"], volume["Encrypted"])
        for device, volume in volumes.items()
    }
    assert shown == {"/dev/xvda": (16, "io2", 500, False), "/dev/xvdb": (200, "gp3", 3000, False)}


def test_requirements_choose_the_instance_type(drs: Drs) -> None:
    """Facts 3.3, InstanceRequirements: used, with right-sizing NONE."""
    server = "s-payweb10000000001"
    drs.api.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="NONE")
    template = drs.template(server)
    data = {**drs.template_data(server), "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": RECOVERY_APP}]}
    data.pop("InstanceType")
    data["InstanceRequirements"] = {
        "VCpuCount": {"Min": 4},
        "MemoryMiB": {"Min": 16384},
        "AllowedInstanceTypes": ["m5.*", "r5.*"],
    }
    drs.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
    drs.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    drs.recover(server)
    instance = drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])
    assert instance["InstanceType"] == "m5.xlarge"


def refused(drs: Drs, server: str, **data: Any) -> str:
    """Launch a server whose template has these keys, and return why that failed."""
    drs.api.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="NONE")
    drs.launch_with(server, **{"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": RECOVERY_APP}], **data})
    job_id = drs.recover(server)
    last = drs.log(job_id, server)[-1]
    assert (last["event"], drs.status_of(job_id, server)) == ("LAUNCH_FAILED", "FAILED")
    text: str = last["eventData"]["rawError"]
    return text


def test_what_ec2_refuses_at_the_launch_is_in_the_job_log(drs: Drs) -> None:
    """Facts 5.4: EC2's text is the rawError; each would be a launch template that nobody checked before."""
    server = "s-payweb20000000001"
    assert "(InvalidParameterValue)" in (text := refused(drs, server, IamInstanceProfile={"Name": "nobody"}))
    assert "Value (nobody) for parameter iamInstanceProfile.name is invalid" in text
    groups = [{"DeviceIndex": 0, "SubnetId": RECOVERY_APP, "Groups": ["sg-0a20200000000a001"] * 6}]
    profile = {"IamInstanceProfile": {"Name": "AWSElasticDisasterRecoveryRecoveryInstanceRole"}}
    assert "(SecurityGroupsPerInterfaceLimitExceeded)" in refused(drs, server, NetworkInterfaces=groups, **profile)
    taken = existing(drs)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    interface = [{"DeviceIndex": 0, "NetworkInterfaceId": taken}]
    assert f"Interface: [{taken}] in use." in refused(drs, server, NetworkInterfaces=interface)
    assert "(Unsupported)" in (text := refused(drs, server, InstanceType="f2.6xlarge"))
    assert "f2.6xlarge) is not supported in your requested Availability Zone (us-west-2a)" in text


def test_a_zone_without_capacity_refuses_the_launch_and_names_the_others(drs: Drs) -> None:
    server = "s-payweb30000000001"
    drs.aws.control("faults", {"kind": "no_capacity", "zone": "us-west-2a", "instance_type": "r5.xlarge"})
    text = refused(drs, server, InstanceType="r5.xlarge")
    assert "(InsufficientInstanceCapacity) when calling the RunInstances operation" in text
    assert "sufficient r5.xlarge capacity in the Availability Zone you requested (us-west-2a)" in text
    assert "choosing us-west-2b, us-west-2c, us-west-2d." in text
    drs.aws.control("faults", method="DELETE")
    assert drs.status_of(drs.recover(server), server) == "LAUNCHED"


def test_a_key_that_is_gone_fails_the_launch(drs: Drs) -> None:
    """Facts 3.8: the text."""
    server = "s-payrep10000000001"
    kms = drs.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    drs.launch_into(server, RECOVERY_APP)
    drs.api.update_replication_configuration(
        sourceServerID=server, ebsEncryption="CUSTOM", ebsEncryptionKeyArn=key["Arn"]
    )
    drs.advance(3 * 3600)
    kms.disable_key(KeyId=key["KeyId"])
    job_id = drs.recover(server)
    last = drs.log(job_id, server)[-1]
    assert last["eventData"]["rawError"] == "The EBS encryption key could not be found in this account"
    kms.enable_key(KeyId=key["KeyId"])
    drs.recover(server)
    volumes = volumes_of(drs, drs.recovery_instance_of(server)["ec2InstanceID"]).values()
    assert {(volume["Encrypted"], volume["KmsKeyId"]) for volume in volumes} == {(True, key["Arn"])}


def test_a_job_that_has_ended_is_deleted(drs: Drs) -> None:
    """Facts 5.4: DeleteJob removes the record; while the job runs that is a conflict."""
    server = "s-crmweb10000000001"
    job_id = drs.start(server)
    with pytest.raises(drs.api.exceptions.ConflictException, match="cannot be deleted"):
        drs.api.delete_job(jobID=job_id)
    drs.finish(job_id)
    assert drs.api.delete_job(jobID=job_id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert drs.api.describe_jobs(filters={"jobIDs": [job_id]})["items"] == []
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        drs.api.delete_job(jobID=job_id)
    assert drs.start(server) != job_id
