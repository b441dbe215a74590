"""Launch configurations and the launch templates that DRS keeps [facts 3]."""

from __future__ import annotations

import pytest

from tests.emulator.drs.support import RECOVERY_APP, Drs


def versions(drs: Drs, server: str) -> list[int]:
    """Return the numbers of a server's template versions."""
    listed = drs.ec2.describe_launch_template_versions(LaunchTemplateId=drs.template(server))
    return sorted(item["VersionNumber"] for item in listed["LaunchTemplateVersions"])


def test_a_new_server_has_drs_own_settings_and_template(drs: Drs) -> None:
    server = "s-paydb100000000001"
    configuration = drs.api.get_launch_configuration(sourceServerID=server)
    configuration.pop("ResponseMetadata")
    template = drs.ec2.describe_launch_templates(LaunchTemplateIds=[configuration.pop("ec2LaunchTemplateID")])
    assert configuration == {
        "sourceServerID": server,
        "name": "pay-db-1",
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "BASIC",
        "copyPrivateIp": False,
        "copyTags": False,
        "licensing": {"osByol": False},
        "postLaunchEnabled": False,
    }
    own_tags = [
        {"Key": "AWSElasticDisasterRecoverySourceServerID", "Value": server},
        {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"},
        {"Key": "Name", "Value": "pay-db-1"},
    ]
    assert template["LaunchTemplates"][0]["LaunchTemplateName"] == f"created-and-used-for-drs-{server}"
    assert template["LaunchTemplates"][0]["Tags"] == own_tags
    data = drs.template_data(server)
    assert data["IamInstanceProfile"] == {"Name": "AWSElasticDisasterRecoveryRecoveryInstanceRole"}
    assert data["InstanceType"] == "c5.2xlarge"  # BASIC takes a C5 type by CPU and memory [facts 3.2]
    assert data["NetworkInterfaces"] == [{"DeviceIndex": 0}]
    assert [(item["DeviceName"], item["Ebs"]["VolumeSize"]) for item in data["BlockDeviceMappings"]] == [
        ("/dev/xvda", 16),
        ("/dev/xvdb", 200),
    ]
    assert data["TagSpecifications"] == [
        {"ResourceType": "instance", "Tags": own_tags},
        {"ResourceType": "volume", "Tags": own_tags},
    ]


def test_what_is_not_given_stays(drs: Drs) -> None:
    server = "s-paydb200000000001"
    drs.api.update_launch_configuration(sourceServerID=server, copyTags=True)
    answer = drs.api.update_launch_configuration(sourceServerID=server, launchDisposition="STOPPED")
    assert (answer["copyTags"], answer["launchDisposition"]) == (True, "STOPPED")
    assert versions(drs, server) == [1]


def test_copy_private_ip_writes_a_default_version_and_does_not_take_it_back(drs: Drs) -> None:
    server = "s-payapp10000000001"
    drs.api.update_launch_configuration(sourceServerID=server, copyPrivateIp=True)
    written = [{"Primary": True, "PrivateIpAddress": "10.10.2.11"}]
    assert versions(drs, server) == [1, 2]
    assert drs.template_data(server)["NetworkInterfaces"] == [{"DeviceIndex": 0, "PrivateIpAddresses": written}]
    drs.api.update_launch_configuration(sourceServerID=server, copyPrivateIp=False)
    assert versions(drs, server) == [1, 2]
    assert drs.template_data(server)["NetworkInterfaces"][0]["PrivateIpAddresses"] == written


def test_right_sizing_undoes_an_instance_type_unless_it_is_off(drs: Drs) -> None:
    server = "s-payapp20000000001"
    drs.launch_with(server, InstanceType="m5.4xlarge")
    drs.api.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="NONE")
    assert drs.template_data(server)["InstanceType"] == "m5.4xlarge"
    drs.api.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="BASIC")
    assert drs.template_data(server)["InstanceType"] == "c5.xlarge"
    drs.api.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="IN_AWS")
    assert drs.template_data(server)["InstanceType"] == "m5.large"  # that of the source instance


def test_right_sizing_undoes_an_instance_type_before_a_launch(drs: Drs) -> None:
    server = "s-payweb10000000001"
    drs.launch_with(server, InstanceType="m5.4xlarge", NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": RECOVERY_APP}])
    drs.recover(server)
    instance = drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])
    assert instance["InstanceType"] == "c5.large"
    assert drs.template_data(server)["InstanceType"] == "c5.large"


def test_a_deleted_template_is_made_again_with_another_id(drs: Drs) -> None:
    server = "s-payapp30000000001"
    old = drs.template(server)
    drs.launch_with(server, InstanceType="m5.4xlarge")
    drs.ec2.delete_launch_template(LaunchTemplateId=old)
    new = drs.template(server)
    assert new != old
    assert drs.template_data(server)["InstanceType"] == "c5.xlarge"


def test_own_windows_licences_need_a_dedicated_host(drs: Drs) -> None:
    server = "s-crmapp10000000001"
    drs.api.update_launch_configuration(sourceServerID=server, licensing={"osByol": True})
    with pytest.raises(drs.api.exceptions.ValidationException, match="OS BYOL can only be used with EC2 Dedicated"):
        drs.start(server)
    drs.launch_with(server, Placement={"Tenancy": "host"})
    assert drs.start(server)


def test_the_launch_configuration_template_is_what_new_servers_get(drs: Drs) -> None:
    """Facts 3.1: one for an account and Region, defaults for new source servers, nothing for those that exist."""
    made = drs.api.create_launch_configuration_template(
        copyTags=True, launchDisposition="STOPPED", recoveryMode="OPTIMAL", tags={"Owner": "dr"}
    )
    template = made["launchConfigurationTemplate"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (template["copyTags"], template["copyPrivateIp"], template["tags"]) == (True, False, {"Owner": "dr"})
    template_id = template["launchConfigurationTemplateID"]
    with pytest.raises(drs.api.exceptions.ServiceQuotaExceededException) as error:
        drs.api.create_launch_configuration_template()
    assert error.value.response["quotaCode"] == "L-1F3FAE4D"

    updated = drs.api.update_launch_configuration_template(
        launchConfigurationTemplateID=template_id, targetInstanceTypeRightSizingMethod="NONE"
    )["launchConfigurationTemplate"]
    assert (updated["targetInstanceTypeRightSizingMethod"], updated["copyTags"]) == ("NONE", True)
    assert drs.api.describe_launch_configuration_templates()["items"] == [updated]
    assert drs.api.list_tags_for_resource(resourceArn=updated["arn"])["tags"] == {"Owner": "dr"}

    arn = drs.api.list_extensible_source_servers(stagingAccountID="111111111111")["items"][0]["arn"]
    new = drs.api.create_extended_source_server(sourceServerArn=arn)["sourceServer"]["sourceServerID"]
    configuration = drs.api.get_launch_configuration(sourceServerID=new)
    assert (configuration["copyTags"], configuration["launchDisposition"]) == (True, "STOPPED")
    assert (configuration["targetInstanceTypeRightSizingMethod"], configuration["recoveryMode"]) == ("NONE", "OPTIMAL")
    assert "exportBucketArn" not in configuration
    existing = drs.api.get_launch_configuration(sourceServerID="s-payweb30000000001")
    assert (existing["copyTags"], existing["launchDisposition"]) == (False, "STARTED")

    drs.api.delete_launch_configuration_template(launchConfigurationTemplateID=template_id)
    assert drs.api.describe_launch_configuration_templates()["items"] == []
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        drs.api.delete_launch_configuration_template(launchConfigurationTemplateID=template_id)
