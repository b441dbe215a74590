"""The modules about launch configurations on a generated estate: traps, budgets, second writers, bad input, drift.

Each test has a server of its own, or brings the whole estate to what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    parse_version_description,
)
from ansible_collections.disaster_recovery.aws.plugins.modules import drs_launch_configuration_info

from tests.support.launches import TABLE, Launches, writes

SERVERS = 24
TYPED = {"target_instance_type_right_sizing_method": "NONE", "copy_private_ip": False, "instance_type": "m5.large"}


@pytest.fixture(scope="module")
def estate() -> Iterator[Launches]:
    """An estate of 24 servers with an IP map."""
    running = Launches(SERVERS)
    yield running
    running.aws.stop()


@pytest.fixture(scope="module")
def server(estate: Launches) -> Callable[[], str]:
    """Return a Linux server that no other test has, as DRS makes it."""
    free = iter(estate.linux)

    def take() -> str:
        key = next(free)
        estate.reset(key)
        return key

    return take


def only(key: str, **settings: Any) -> dict[str, Any]:
    """Return the options that declare one server."""
    return {"match": {"servers": [key]}, "defaults": {**TYPED, **settings}}


def problems(estate: Launches, **options: Any) -> list[str]:
    """Return what is wrong with a declaration, and check that nothing was written."""
    before = writes(estate._counts())
    with pytest.raises(DeclarationError) as caught:
        estate.run(**options)
    assert writes(estate._counts()) == before
    return str(caught.value).splitlines()


def test_the_calls_stay_within_the_budget_and_checks_show_what_a_run_does(estate: Launches) -> None:
    budget = SERVERS / 200 + 20
    defaults = {**TYPED, "launch_disposition": "STARTED", "name": "first"}
    estate.run(defaults=defaults)

    equal, calls = estate.run(defaults=defaults)
    assert equal["changed"] is False
    assert calls["GetLaunchConfiguration"] == SERVERS
    assert sum(calls.values()) <= SERVERS + budget
    assert writes(calls) == {}

    equal, calls = estate.run(defaults=defaults, ip_map_table=TABLE)
    assert equal["changed"] is False
    assert sum(calls.values()) <= SERVERS + budget

    everything = {**defaults, "name": "second", "copy_tags": True, "instance_type": "m5.xlarge"}
    shown, calls = estate.run(check=True, defaults=everything, mandatory_tags={"Owner": "dr-team"})
    assert writes(calls) == {}
    done, calls = estate.run(defaults=everything, mandatory_tags={"Owner": "dr-team"})
    assert shown["changed"] is done["changed"] is True
    assert shown["diff"] == done["diff"]
    assert writes(calls) == {
        "UpdateLaunchConfiguration": SERVERS,
        "CreateLaunchTemplateVersion": 2 * SERVERS,
        "ModifyLaunchTemplate": SERVERS,
    }
    assert sum(calls.values()) <= 5 * SERVERS + budget
    again, calls = estate.run(defaults=everything, mandatory_tags={"Owner": "dr-team"})
    assert again["changed"] is False
    assert writes(calls) == {}

    for profile in ("test", "failover"):
        switched, calls = estate.run(defaults=everything, mandatory_tags={"Owner": "dr-team"}, default_profile=profile)
        assert switched["changed"] is True
        assert writes(calls) == {"ModifyLaunchTemplate": SERVERS}
        assert sum(calls.values()) <= 2 * SERVERS + budget


def test_missing_source_version_loses_disks(estate: Launches, server: Callable[[], str]) -> None:
    """Trap: a version made without SourceVersion has only what it was given."""
    key = server()
    original = estate.default(key)
    estate.by_hand(key, source=False, InstanceType="m5.large")
    assert "BlockDeviceMappings" not in estate.default(key)
    estate.aws.client("ec2").delete_launch_template(LaunchTemplateId=estate.template_id(key))

    estate.run(**only(key))
    for version in estate.versions(key)[1:]:
        data = version["LaunchTemplateData"]
        assert data["BlockDeviceMappings"] == original["BlockDeviceMappings"]
        assert data["IamInstanceProfile"] == original["IamInstanceProfile"]
        assert data["InstanceType"] == "m5.large"


def test_extra_nics_or_drs_tags_dropped(estate: Launches, server: Callable[[], str]) -> None:
    """Trap: a list that is given replaces the whole list of the source version."""
    key = server()
    interface = {"DeviceIndex": 3, "SubnetId": estate.networks[3]["failover"]["subnet_id"], "Description": "backup"}
    estate.by_hand(key, NetworkInterfaces=[{"DeviceIndex": 0, "DeleteOnTermination": True}, interface], KeyName="mine")
    before = {item["ResourceType"]: item["Tags"] for item in estate.default(key)["TagSpecifications"]}

    estate.run(**only(key, tags={"Stage": "dr"}), mandatory_tags={"Owner": "dr-team"})
    for version in estate.versions(key)[-2:]:
        data = version["LaunchTemplateData"]
        assert data["KeyName"] == "mine"
        assert data["NetworkInterfaces"][0]["DeleteOnTermination"] is True
        assert data["NetworkInterfaces"][-1] == interface
        after = {item["ResourceType"]: item["Tags"] for item in data["TagSpecifications"]}
        for resource in ("instance", "volume"):
            ours = [{"Key": "Owner", "Value": "dr-team"}, {"Key": "Stage", "Value": "dr"}]
            assert sorted(after[resource], key=str) == sorted([*before[resource], *ours], key=str)


def test_copy_private_ip_into_another_cidr(estate: Launches, server: Callable[[], str]) -> None:
    """Trap: DRS writes the source's address into a template whose subnet does not have it, and never takes it out."""
    key = server()
    target = estate.networks[0]["failover"]
    network = {"subnet_id": target["subnet_id"], "security_groups": target["security_groups"]}
    dynamic = {"network": {"failover": [network], "test": [network]}}
    found = problems(estate, **only(key, copy_private_ip=True, **dynamic))
    assert len(found) == 2
    assert all("is outside the subnet" in line and "copy_private_ip" in line for line in found)

    drs = estate.aws.client("drs")
    drs.update_launch_configuration(sourceServerID=estate.ids[key], copyPrivateIp=True)
    assert estate.default(key)["NetworkInterfaces"][0]["PrivateIpAddresses"][0]["PrivateIpAddress"].startswith("10.10.")
    undeclared = {name: value for name, value in TYPED.items() if name != "copy_private_ip"}
    (line,) = problems(estate, match={"servers": [key]}, defaults={**undeclared, **dynamic})
    assert "declare copy_private_ip" in line

    done, _calls = estate.run(**only(key, **dynamic))
    assert done["servers"][0]["configuration_changes"]["copyPrivateIp"] is False
    interface = estate.default(key)["NetworkInterfaces"][0]
    assert "PrivateIpAddresses" not in interface
    assert "PrivateIpAddress" not in interface
    assert estate.run(**only(key, **dynamic))[0]["changed"] is False


@pytest.mark.parametrize("operation", ["CreateLaunchTemplateVersion", "DescribeLaunchTemplates"])
def test_a_second_writer_between_look_and_change_loses_nothing(
    estate: Launches, server: Callable[[], str], operation: str
) -> None:
    key = server()
    ec2 = estate.aws.client("ec2")
    waiting = [f"provide-client-params.ec2.{operation}"]

    def second_writer(**_call: Any) -> None:
        if waiting:
            ec2.meta.events.unregister(waiting.pop(), second_writer)
            estate.by_hand(key, KeyName="theirs")

    ec2.meta.events.register(waiting[0], second_writer)
    lost, _calls = estate.run(**only(key))
    assert lost["failed"] is True
    assert "meanwhile" in lost["msg"]
    assert lost["servers"][0]["changed"] is True  # the launch configuration was updated before
    assert estate.default(key)["KeyName"] == "theirs"
    assert "SubnetId" not in estate.default(key)["NetworkInterfaces"][0]

    done, _calls = estate.run(**only(key))
    assert "failed" not in done
    assert estate.default(key)["KeyName"] == "theirs"
    assert estate.default(key)["InstanceType"] == "m5.large"
    assert "SubnetId" in estate.default(key)["NetworkInterfaces"][0]


def test_right_sizing_is_refused_or_turned_off_as_declared(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    assert estate.configuration(key)["targetInstanceTypeRightSizingMethod"] == "BASIC"
    for method in (None, "BASIC"):
        (line,) = problems(estate, **only(key, target_instance_type_right_sizing_method=method))
        assert "DRS overwrites the instance type m5.large unless this is NONE" in line
    estate.run(**only(key))
    assert estate.configuration(key)["targetInstanceTypeRightSizingMethod"] == "NONE"
    assert estate.default(key)["InstanceType"] == "m5.large"


def test_every_setting_arrives_where_drs_and_ec2_keep_it(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    estate.aws.client("iam").create_instance_profile(InstanceProfileName="erp")
    disk = estate.default(key)["BlockDeviceMappings"][0]
    options = only(
        key,
        launch_disposition="STOPPED",
        copy_tags=True,
        os_byol=False,
        post_launch_enabled=False,
        recovery_mode="FAST",
        name="erp",
        alternative_instance_types=["m5a.large", "m6i.large"],
        instance_profile="erp",
        metadata_options={"http_tokens": "required"},
        volumes=[
            {"volume_type": "gp3"},
            {"device_name": disk["DeviceName"], "volume_type": "io2", "iops": 4000, "size": 99},
        ],
    )
    shown, _calls = estate.run(check=True, **options)
    done, _calls = estate.run(**options)
    assert shown["diff"] == done["diff"]
    configuration = estate.configuration(key)
    assert configuration["launchDisposition"] == "STOPPED"
    assert configuration["recoveryMode"] == "FAST"
    assert configuration["name"] == "erp"
    data = estate.default(key)
    assert data["IamInstanceProfile"] == {"Name": "erp"}
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeType"] == "io2"
    assert data["BlockDeviceMappings"][0]["DeviceName"] == disk["DeviceName"]
    marks = [parse_version_description(version.get("VersionDescription")) for version in estate.versions(key)[-2:]]
    assert [(mark.profile, mark.instance_types) for mark in marks if mark] == [
        ("failover", ("m5a.large", "m6i.large")),
        ("test", ("m5a.large", "m6i.large")),
    ]
    assert estate.run(**options)[0]["changed"] is False


def test_what_aws_does_not_have_is_named_in_one_go_and_nothing_is_written(
    estate: Launches, server: Callable[[], str]
) -> None:
    key = server()
    here, there = estate.networks[0]["failover"], estate.networks[0]["test"]
    found = problems(
        estate,
        **only(
            key,
            instance_type="m5.lrage",
            alternative_instance_types=["m5.large"],
            instance_profile="nobody",
            launch_into_instance_id="i-0123456789abcdef0",
            network={
                "failover": [
                    {"subnet_id": here["subnet_id"], "security_groups": there["security_groups"], "address": "10.1.1.1"}
                ],
                "test": [{"subnet_id": "subnet-0123", "security_groups": ["sg-0123"]}],
            },
        ),
    )
    for text in (
        "'subnet-0123': no such subnet",
        f"but {here['subnet_id']} is in vpc-",
        "10.1.1.1 is outside the subnet",
        "'m5.lrage': is no instance type that EC2 offers",
        "'nobody': no such instance profile",
        "'i-0123456789abcdef0': no such instance",
    ):
        assert any(text in line for line in found), (text, found)
    assert len(found) == 6

    first = estate.default(key)["BlockDeviceMappings"][0]
    volumes = [{"device_name": "/dev/sdz", "iops": 3000}, {"device_name": first["DeviceName"], "size": 1}]
    found = problems(estate, **only(key, volumes=volumes))
    assert ["is no device of this server" in found[0], "is smaller than the" in found[1]] == [True, True]
    found = problems(estate, match={"servers": [key]}, servers={"nobody": {}}, ip_map_entries=[])
    assert ["nobody" in found[0], "declare its network" in found[1]] == [True, True]


def test_an_instance_that_is_launched_into_must_be_as_drs_asks(estate: Launches, server: Callable[[], str]) -> None:
    key, other = server(), server()
    ec2, iam = estate.aws.client("ec2"), estate.aws.client("iam")
    target = estate.networks[0]["failover"]
    place = {"SubnetId": target["subnet_id"], "SecurityGroupIds": target["security_groups"]}
    launched = ec2.run_instances(ImageId="ami-00000000000000000", MinCount=1, MaxCount=1, **place)
    (instance,) = launched["Instances"]
    into = {"launch_into_instance_id": instance["InstanceId"]}
    both = {"match": {"servers": [key, other]}, "defaults": {**TYPED, **into, "copy_tags": False}}
    found = problems(estate, **both)
    for text in ("AWSDRS=AllowLaunchingIntoThisInstance", "has no instance profile", "is launched into it as well"):
        assert any(text in line for line in found), (text, found)

    ec2.create_tags(
        Resources=[instance["InstanceId"]], Tags=[{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}]
    )
    trust = {"Version": "2012-10-17", "Statement": []}
    iam.create_role(RoleName="target", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName="target")
    iam.add_role_to_instance_profile(InstanceProfileName="target", RoleName="target")
    ec2.associate_iam_instance_profile(IamInstanceProfile={"Name": "target"}, InstanceId=instance["InstanceId"])
    (line,) = problems(estate, **only(key, **into))
    assert "lack AWSElasticDisasterRecoveryRecoveryInstancePolicy, AmazonSSMManagedInstanceCore: attach them" in line
    for arn in (
        "arn:aws:iam::aws:policy/service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy",
        "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    ):
        iam.attach_role_policy(RoleName="target", PolicyArn=arn)
    found = problems(estate, **only(key, **into, copy_tags=True))
    assert "DRS refuses to launch into" in found[0]

    estate.run(**only(key, **into, copy_tags=False))
    properties = estate.configuration(key)["launchIntoInstanceProperties"]
    assert properties == {"launchIntoEC2InstanceID": instance["InstanceId"]}
    anew = only(key, launch_into_instance_id="", copy_tags=False)
    assert estate.run(**anew)[0]["changed"] is True
    assert not estate.configuration(key).get("launchIntoInstanceProperties")
    assert estate.run(**anew)[0]["changed"] is False


def test_drift_names_what_is_declared_and_what_is(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    options = only(key, copy_tags=True)
    estate.run(**options)
    same, calls = estate.run(drs_launch_configuration_info, **options)
    (found,) = same["servers"]
    assert writes(calls) == {}
    assert (same["changed"], same["drifted"], found["drift"], found["in_sync"]) == (False, [], [], True)
    assert found["live"]["versions"] == {"failover": 2, "test": 3}
    assert found["desired"]["profiles"] == found["live"]["profiles"]

    estate.aws.client("drs").update_launch_configuration(sourceServerID=estate.ids[key], copyTags=False)
    estate.by_hand(key, InstanceType="t3.nano")
    drifted, _calls = estate.run(drs_launch_configuration_info, **options)
    (found,) = drifted["servers"]
    assert drifted["drifted"] == [key]
    assert found["live"]["default_profile"] is None
    assert found["live"]["configuration"]["copyTags"] is False
    wheres = {one["where"]: (one["desired"], one["live"]) for one in found["drift"]}
    assert wheres["configuration.copyTags"] == (True, False)
    assert wheres["default_profile"] == ("failover", None)

    estate.run(**options)
    assert estate.run(drs_launch_configuration_info, **options)[0]["drifted"] == []


def test_old_versions_go_and_those_of_others_stay(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    for number in range(6):
        estate.run(**only(key, instance_type=("m5.large", "m5.xlarge")[number % 2]))
    theirs = [estate.by_hand(key, KeyName=f"key-{number}") for number in range(6)]
    _done, calls = estate.run(**only(key))
    assert writes(calls)["DeleteLaunchTemplateVersions"] == 1
    numbers = [version["VersionNumber"] for version in estate.versions(key)]
    assert numbers == [1, *range(6, 14), *theirs, 20, 21]
    assert estate.default(key)["KeyName"] == "key-5"
